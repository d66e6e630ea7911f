import { isDeepStrictEqual } from 'node:util';

type Json = Readonly<Record<string, unknown>>;

export interface FieldChange {
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Attributes of extensions count one by one, as `urn:…:User:department`. */
function flat(resource: Json): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [key, value] of Object.entries(resource)) {
    if (!key.startsWith('urn:') || typeof value !== 'object' || value === null) fields.set(key, value);
    else for (const [inner, v] of Object.entries(value)) fields.set(`${key}:${inner}`, v);
  }
  return fields;
}

/** The fields that differ, before and after, as the history keeps them; empty when nothing does. */
export function changedFields(before: Json, after: Json): Record<string, FieldChange> {
  const [old, now] = [flat(before), flat(after)];
  const changes: Record<string, FieldChange> = {};
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(key), now.get(key)];
    if (isDeepStrictEqual(was, is)) continue;
    changes[key] = { ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) };
  }
  return changes;
}
