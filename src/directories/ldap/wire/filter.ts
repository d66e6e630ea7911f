import { boolean, element, octets } from './ber.ts';

/** A filter that can't be read. `position` counts characters from 0. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  readonly position: number;
  constructor(message: string, position: number) {
    super(`${message} (at character ${position + 1})`);
    this.position = position;
  }
}

const CHOICE = {
  and: 0xa0,
  or: 0xa1,
  not: 0xa2,
  equal: 0xa3,
  substrings: 0xa4,
  atLeast: 0xa5,
  atMost: 0xa6,
  present: 0x87,
  approx: 0xa8,
  extensible: 0xa9,
} as const;
const SUBSTRING = { initial: 0x80, any: 0x81, final: 0x82 } as const;
/** attributedescription, or nothing before `:dn:rule` (RFC 4515 3). */
const NAME = /^[A-Za-z0-9][A-Za-z0-9.-]*(;[A-Za-z0-9-]+)*$/;
const DEEPEST = 50;

/**
 * A filter in the text form of RFC 4515 as bytes. `\c3\bc` and `ü` are the same; octets of any value may be written.
 * Throws FilterError.
 */
export function encodeFilter(text: string): Buffer {
  const parser = new Parser(text);
  const filter = parser.filter(0);
  parser.expectEnd();
  return filter;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  expectEnd(): void {
    if (this.#at < this.#text.length) throw new FilterError('there is more behind the last bracket', this.#at);
  }

  filter(depth: number): Buffer {
    if (depth > DEEPEST) throw new FilterError(`more than ${DEEPEST} filters in one another`, this.#at);
    this.#take('(', 'a filter begins with "("');
    const kind = this.#text[this.#at];
    let content: Buffer;
    if (kind === '&' || kind === '|') {
      this.#at++;
      const list: Buffer[] = [];
      while (this.#text[this.#at] === '(') list.push(this.filter(depth + 1));
      content = element(kind === '&' ? CHOICE.and : CHOICE.or, ...list);
    } else if (kind === '!') {
      this.#at++;
      content = element(CHOICE.not, this.filter(depth + 1));
    } else content = this.#item();
    this.#take(')', 'a filter ends with ")"');
    return content;
  }

  #take(character: string, rule: string): void {
    if (this.#text[this.#at] !== character) {
      const found = this.#text[this.#at];
      throw new FilterError(`${rule}, ${found === undefined ? 'and here is the end' : `not "${found}"`}`, this.#at);
    }
    this.#at++;
  }

  #item(): Buffer {
    const start = this.#at;
    const end = this.#text.slice(start).search(/[()]/);
    const item = end === -1 ? this.#text.slice(start) : this.#text.slice(start, start + end);
    const sign = item.indexOf('=');
    if (sign < 1) throw new FilterError('a comparison such as (attribute=value) is expected', start);
    this.#at = start + item.length;
    const operator = /[<>~:]$/.exec(item.slice(0, sign))?.[0] ?? '';
    const name = item.slice(0, sign - operator.length);
    const raw = item.slice(sign + 1);
    const valueAt = start + sign + 1;
    if (operator === ':') return this.#extensible(name, raw, start, valueAt);
    if (!NAME.test(name)) throw new FilterError(`"${name}" is no name of an attribute`, start);
    const pair = (tag: number): Buffer => element(tag, octets(name), octets(unescape(raw, valueAt)));
    if (operator === '>') return pair(CHOICE.atLeast);
    if (operator === '<') return pair(CHOICE.atMost);
    if (operator === '~') return pair(CHOICE.approx);
    if (raw === '*') return octets(name, CHOICE.present);
    return raw.includes('*') ? substrings(name, raw, valueAt) : pair(CHOICE.equal);
  }

  /** `attr:dn:rule:=value`, where either of `attr` and `rule` may be missing. */
  #extensible(head: string, raw: string, start: number, valueAt: number): Buffer {
    const [name = '', ...rest] = head.split(':');
    const dn = rest[0]?.toLowerCase() === 'dn';
    const [rule, ...more] = dn ? rest.slice(1) : rest;
    const wrong =
      more.length > 0 || rule === '' || (name === '' && rule === undefined) || (name !== '' && !NAME.test(name));
    if (wrong || (rule !== undefined && !NAME.test(rule)))
      throw new FilterError(`"${head}:" is no matching rule`, start);
    return element(
      CHOICE.extensible,
      ...(rule === undefined ? [] : [octets(rule, 0x81)]),
      ...(name === '' ? [] : [octets(name, 0x82)]),
      octets(unescape(raw, valueAt), 0x83),
      ...(dn ? [boolean(true, 0x84)] : []),
    );
  }
}

function substrings(name: string, raw: string, at: number): Buffer {
  const parts = raw.split('*');
  let position = at;
  const pieces = parts.flatMap((part, index) => {
    const here = position;
    position += part.length + 1;
    if (part === '') return [];
    const tag = index === 0 ? SUBSTRING.initial : index === parts.length - 1 ? SUBSTRING.final : SUBSTRING.any;
    return [octets(unescape(part, here), tag)];
  });
  if (pieces.length === 0) throw new FilterError('there is nothing between the stars', at);
  return element(CHOICE.substrings, octets(name), element(0x30, ...pieces));
}

function unescape(raw: string, at: number): Buffer {
  if (!raw.includes('\\')) return Buffer.from(raw);
  const parts: Buffer[] = [];
  let from = 0;
  for (let i = raw.indexOf('\\'); i !== -1; i = raw.indexOf('\\', from)) {
    const digits = raw.slice(i + 1, i + 3);
    if (!/^[0-9a-fA-F]{2}$/.test(digits))
      throw new FilterError('behind "\\" two hexadecimal digits are expected', at + i);
    parts.push(Buffer.from(raw.slice(from, i)), Buffer.from(digits, 'hex'));
    from = i + 3;
  }
  return Buffer.concat([...parts, Buffer.from(raw.slice(from))]);
}

/** A value for the text form of a filter: what has a meaning there is escaped, and bytes are. */
export function filterValue(value: string | Buffer): string {
  if (typeof value !== 'string') return [...value].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  // oxlint-disable-next-line no-control-regex
  return value.replace(/[\\*()\u0000]/g, (c) => `\\${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
