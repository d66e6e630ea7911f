import type { Path } from './document.ts';
import { optionNames, type Kinds } from './kinds.ts';
import { namesSecret } from './literals.ts';
import { namesAt } from './names.ts';
import type { IsSecret } from './references.ts';
import { settingsSchema } from './schema.ts';

/**
 * Which settings are secrets: those that are named like one, and every one that neither the settings nor the kind of
 * the source or target knows. A host or a port that is referred to is shown in errors, which would say nothing without.
 */
export function secretSettings(value: unknown, kinds: Kinds): IsSecret {
  // The id of a source or target is a name that people choose.
  const chosen = (path: Path, index: number): boolean => index === 1 && /^(sources|targets)$/.test(String(path[0]));
  return (path) =>
    path.some((key, index) => namesSecret(String(key)) && !chosen(path, index)) || !isKnown(path, value, kinds);
}

function isKnown(path: Path, value: unknown, kinds: Kinds): boolean {
  const [place, id = '', option = ''] = path.map(String);
  if (namesAt(settingsSchema, path.slice(0, -1)).includes(String(path.at(-1)))) return true;
  if (place !== 'sources' && place !== 'targets') return false;
  // A profile's texts are kept by field.
  if (place === 'targets' && option === 'profile') return true;
  const type = at(at(at(value, place), id), 'type');
  const kind = [...kinds[place]].find((one) => one.type === type);
  return path.length === 3 && kind !== undefined && optionNames(kind).includes(option);
}

const at = (value: unknown, key: string): unknown =>
  value === null || typeof value !== 'object' ? undefined : (value as Readonly<Record<string, unknown>>)[key];
