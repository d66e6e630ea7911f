import { isUtf8 } from 'node:buffer';
import type { AttributeType } from '../../model/attributes.ts';
import type { AttributeValue } from '../../model/facts.ts';

/** A value that is not what its attribute promises. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}

export function textOf(value: Buffer, what: string): string {
  const text = value.toString();
  // What is no UTF-8 is decoded with this sign in its place; who has it in their name is asked about only then.
  if (text.includes('\ufffd') && !isUtf8(value)) throw new ValueError(`${what} is no text in UTF-8`);
  return text;
}

/** objectGUID: the first three parts are little-endian (MS-DTYP 2.3.4.2). */
export function guidOf(value: Buffer): string {
  if (value.length !== 16) throw new ValueError(`a GUID of ${value.length} bytes`);
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = Buffer.from(order.map((i) => value[i] as number)).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The last part of a security identifier: the number of the object in its domain (MS-DTYP 2.4.2.2). */
export function ridOf(sid: Buffer): number {
  if (sid.length < 12 || sid.length !== 8 + 4 * (sid[1] as number))
    throw new ValueError(`a SID of ${sid.length} bytes`);
  return sid.readUInt32LE(sid.length - 4);
}

const FILETIME_EPOCH = 11_644_473_600_000n;
/** accountExpires of somebody who never expires; 0 says the same. */
const NEVER = 0x7fffffffffffffffn;

/** 100 ns since 1601 (MS-DTYP 2.3.3); undefined stands for never. */
export function fileTimeOf(text: string): Date | undefined {
  if (!/^\d{1,19}$/.test(text)) throw new ValueError('a time that is no count of 100 ns since 1601');
  const ticks = BigInt(text);
  if (ticks === 0n || ticks >= NEVER) return undefined;
  const date = new Date(Number(ticks / 10_000n - FILETIME_EPOCH));
  if (Number.isNaN(date.getTime())) throw new ValueError('a time out of range');
  return date;
}

export const toFileTime = (date: Date): string => String((BigInt(date.getTime()) + FILETIME_EPOCH) * 10_000n);

/** `20261125083000.5Z`, `202611250830+0100` (RFC 4517 3.3.13). */
const GENERALIZED = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?(?:[.,](\d+))?(Z|[+-]\d{2}(?:\d{2})?)$/;

export function generalizedTimeOf(text: string): Date {
  const [, year, month, day, hour, minute = '00', second = '00', fraction = '0', zone = 'Z'] =
    GENERALIZED.exec(text) ?? [];
  const offset = zone === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3) || '00'}`;
  const date = new Date(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`,
  );
  if (year === undefined || Number.isNaN(date.getTime())) throw new ValueError('a time that is none');
  return date;
}

/** `20261125083000Z` */
export const toGeneralizedTime = (date: Date): string => `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;

/** How an attribute's text becomes a value of rules. */
export type ValueType = AttributeType | 'filetime' | 'days';

/** The values of an attribute as rules see them; undefined when there are none. Of several that should be one, the first in order of code. */
export function valueOf(values: readonly Buffer[], type: ValueType, what: string): AttributeValue | undefined {
  // Nearly every value of nearly every entry.
  if (type === 'string' && values.length === 1) return textOf(values[0] as Buffer, what) || undefined;
  const texts = values.map((value) => textOf(value, what)).filter((text) => text !== '');
  if (type === 'list<string>') return texts.length === 0 ? undefined : texts.toSorted(byCode);
  const text = texts.length > 1 ? texts.toSorted(byCode)[0] : texts[0];
  return text === undefined ? undefined : scalarOf(text, type, what);
}

/** Servers give the values of an attribute in no order: one of our own keeps two readings the same. */
export const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function scalarOf(text: string, type: Exclude<ValueType, 'list<string>'>, what: string): AttributeValue | undefined {
  switch (type) {
    case 'string':
      return text;
    case 'int':
      if (!/^-?\d{1,15}$/.test(text)) throw new ValueError(`${what} is no whole number`);
      return Number(text);
    case 'double': {
      const number = Number(text);
      if (!Number.isFinite(number)) throw new ValueError(`${what} is no number`);
      return number;
    }
    case 'bool':
      if (!/^(true|false)$/i.test(text)) throw new ValueError(`${what} is neither TRUE nor FALSE`);
      return text.toLowerCase() === 'true';
    case 'timestamp':
      return generalizedTimeOf(text);
    case 'filetime':
      return fileTimeOf(text);
    case 'days':
      if (!/^-?\d{1,7}$/.test(text)) throw new ValueError(`${what} is no number of days`);
      return Number(text) < 0 ? undefined : new Date(Number(text) * 86_400_000);
  }
}
