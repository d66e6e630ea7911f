import { resolvePath } from '../schema/path.ts';
import type { ResourceType } from '../schema/types.ts';
import { isObject } from '../values.ts';
import { resolved, type Resolve } from './references.ts';

/**
 * The data of a POST in a circle, as what can be written at once and what has to wait until the others are there. Only
 * members of a group and a user's manager can refer to other resources.
 */
export function divided(
  type: ResourceType,
  data: Readonly<Record<string, unknown>>,
  resolve: Resolve,
): { readonly now: Record<string, unknown>; readonly later: ReadonlyArray<Record<string, unknown>> } {
  const later: Array<Record<string, unknown>> = [];
  const open = (value: unknown): boolean => JSON.stringify(resolved(value, resolve)) !== JSON.stringify(value);
  const divide = (object: Readonly<Record<string, unknown>>, prefix: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(object).flatMap(([key, value]): Array<[string, unknown]> => {
        if (!open(value)) return [[key, value]];
        if (Array.isArray(value) && isLink(type, key)) {
          later.push({ op: 'add', path: key, value: value.filter(open) });
          return [[key, value.filter((v) => !open(v))]];
        }
        if (isObject(value) && type.extensions.some((e) => e.id.toLowerCase() === key.toLowerCase())) {
          return [[key, divide(value, `${key}:`)]];
        }
        later.push({ op: 'replace', path: prefix + key, value });
        return [];
      }),
    );
  return { now: divide(data, ''), later };
}

const isLink = (type: ResourceType, name: string): boolean => resolvePath(type, name)?.attribute?.name === type.links;
