import type { Random } from './random.ts';

export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const HR = 'urn:acme:params:scim:schemas:extension:hr:2.0:User';

const CHARACTERS = [
  'a',
  'B',
  'é',
  'e\u0301',
  'İ',
  'ß',
  '漢',
  '🙂',
  '\u202e',
  '\n',
  '\t',
  '"',
  '\\',
  "'",
  '%',
  '\0',
  '\ud800',
  '\uffff',
  ' ',
  '.',
  ':',
];

/** Text: short, odd, or long. */
export function text(r: Random): string {
  const kind = r.next();
  if (kind < 0.4)
    return r.pick(['ann', 'bob', 'Ann@Example.com', 'x', '', 'true', 'False', '0', 'work', 'null', 'SRE']);
  if (kind < 0.5) return `u${r.below(500)}@example.com`;
  if (kind < 0.55) return r.pick(CHARACTERS).repeat(r.below(r.chance(0.1) ? 50_000 : 3_000));
  return Array.from({ length: r.below(12) }, () => r.pick(CHARACTERS)).join('');
}

/** Any JSON, up to a depth. */
export function json(r: Random, depth: number): unknown {
  const kind = r.next();
  if (depth > 0 && kind < 0.25) return Array.from({ length: r.below(5) }, () => json(r, depth - 1));
  if (depth > 0 && kind < 0.5) {
    const keys = ['value', 'type', 'primary', '__proto__', 'constructor', 'display', '$ref', text(r)];
    return Object.fromEntries(Array.from({ length: r.below(5) }, () => [r.pick(keys), json(r, depth - 1)]));
  }
  return r.pick([null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, 'True', '', text(r), [], {}]);
}
