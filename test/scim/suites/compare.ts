import { isDeepStrictEqual } from 'node:util';
import type { Reply } from '../server.ts';
import { type Expectation, words } from './suite.ts';

export type Variables = ReadonlyMap<string, unknown>;

/** Puts variables in: a text that is one template alone becomes the variable's value. Throws on an unknown one. */
export function fill(value: unknown, variables: Variables): unknown {
  const of = (name: string): unknown => {
    if (!variables.has(name)) throw new Error(`{{${name}}} is not known: the step that saves it failed`);
    return variables.get(name);
  };
  if (typeof value === 'string') {
    const alone = /^\{\{(\w+)\}\}$/.exec(value)?.[1];
    return alone === undefined ? value.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => String(of(name))) : of(alone);
  }
  if (Array.isArray(value)) return value.map((v) => fill(v, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, fill(v, variables)]));
}

/** What lies at a path of keys in an answer; `*` goes into each element. */
export function valueAt(value: unknown, path: string): unknown {
  if (path === '') return value;
  const [head = '', ...rest] = path.split('/');
  if (head === '*') return Array.isArray(value) ? value.map((v) => valueAt(v, rest.join('/'))) : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  return valueAt((value as Record<string, unknown>)[head], rest.join('/'));
}

/** Undefined when the answer is as expected, else what is different. */
export function difference(expected: Expectation, reply: Reply, variables: Variables): string | undefined {
  const wants = fill(expected, variables) as Expectation;
  const found = 'at' in wants ? valueAt(reply.body, wants.at) : reply.text;
  if (isMet(wants, found, reply)) return undefined;
  return `wanted: ${words(wants)}; answered: ${reply.status} ${JSON.stringify(found)?.slice(0, 400)}`;
}

function isMet(wants: Expectation, found: unknown, reply: Reply): boolean {
  if ('status' in wants) return [wants.status].flat().includes(reply.status);
  if ('header' in wants) return reply.headers.get(wants.header) === wants.says;
  if ('text' in wants) return reply.text.includes(wants.text);
  if ('noText' in wants) return !reply.text.includes(wants.noText);
  if ('is' in wants) return covers(found, wants.is);
  if ('has' in wants) return Array.isArray(found) && found.some((element) => covers(element, wants.has));
  if ('type' in wants) return typeof found === wants.type;
  if ('filled' in wants) return !isNothing(found) && !isDeepStrictEqual(found, {});
  if ('empty' in wants) return isNothing(found);
  if ('none' in wants) return found === undefined || found === null;
  throw new Error(`nothing here asserts ${words(wants)}`);
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

function covers(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && found.length === wanted.length && wanted.every((w, i) => covers(found[i], w));
  }
  if (typeof wanted !== 'object' || wanted === null) return found === wanted;
  if ('$some' in wanted && Array.isArray(wanted.$some)) {
    return Array.isArray(found) && wanted.$some.every((w) => found.some((f) => covers(f, w)));
  }
  return Object.entries(wanted).every(([key, w]) =>
    covers((found as Record<string, unknown> | null | undefined)?.[key], w),
  );
}
