/**
 * Distinguished names (RFC 4514). One entry's name comes in several spellings, even from one server: `cn=Müller\2C Jürgen`
 * here and `CN=Müller\, Jürgen` there. So names are compared by a normal form, and never stand for an identity.
 */

/** Nothing to unescape, no quotes, no blanks around signs, plain ASCII: lower case is all that is to do. */
const PLAIN =
  /^(?:[A-Za-z][A-Za-z0-9-]*=[!$%&'()*./0-9:?@A-Z[\]^_`a-z{|}~-]+(?: [!$%&'()*./0-9:?@A-Z[\]^_`a-z{|}~-]+)*(?:,|$))*$/;

interface Pair {
  readonly type: string;
  readonly value: string;
}

/** One RDN: mostly one pair. */
type Rdn = readonly Pair[];

/** The normal form of a name; undefined when it is none. `''` is the root. */
export function dnKey(dn: string): string | undefined {
  if (PLAIN.test(dn) && !dn.endsWith(',')) return dn.toLowerCase();
  const rdns = parseDn(dn);
  return rdns?.map((rdn) => rdn.map(pairKey).toSorted().join('+')).join(',');
}

/** Is the entry `key` the entry `base` or below it? Both in normal form, in which no value has an unescaped `=`. */
export const isBelow = (key: string, base: string): boolean => base === '' || key === base || key.endsWith(`,${base}`);

const pairKey = ({ type, value }: Pair): string =>
  `${type.toLowerCase()}=${value
    .normalize('NFC')
    .toLowerCase()
    .replace(/ +/g, ' ')
    .replace(/[\\,+="<>;#]/g, '\\$&')}`;

/** From the entry to the root; undefined when it is no name. */
export function parseDn(dn: string): readonly Rdn[] | undefined {
  const rdns: Pair[][] = [];
  let at = 0;
  const blanks = (): void => {
    while (dn[at] === ' ') at++;
  };
  blanks();
  if (at === dn.length) return [];
  let rdn: Pair[] = [];
  for (;;) {
    blanks();
    const type = /^[A-Za-z0-9][A-Za-z0-9.-]*/.exec(dn.slice(at))?.[0];
    if (type === undefined) return undefined;
    at += type.length;
    blanks();
    if (dn[at++] !== '=') return undefined;
    blanks();
    const value = readValue(dn, at);
    if (value === undefined) return undefined;
    at = value.end;
    rdn.push({ type, value: value.text });
    const sign = dn[at++];
    if (sign === '+') continue;
    rdns.push(rdn);
    rdn = [];
    if (sign === undefined) return rdns;
  }
}

/** A value up to an unescaped `,`, `;` or `+`, or the end. */
function readValue(dn: string, from: number): { readonly text: string; readonly end: number } | undefined {
  if (dn[from] === '"') return readQuoted(dn, from + 1);
  const parts: Buffer[] = [];
  let at = from;
  /** Blanks at the end count only where they are escaped. */
  let solid = 0;
  while (at < dn.length && !/[,;+]/.test(dn[at] as string)) {
    const step =
      dn[at] === '\\'
        ? readEscape(dn, at + 1)
        : {
            bytes: Buffer.from(String.fromCodePoint(dn.codePointAt(at) as number)),
            end: at + ((dn.codePointAt(at) as number) > 0xffff ? 2 : 1),
          };
    if (step === undefined) return undefined;
    parts.push(step.bytes);
    if (dn[at] !== ' ') solid = parts.length;
    at = step.end;
  }
  return { text: Buffer.concat(parts.slice(0, solid)).toString(), end: at };
}

function readQuoted(dn: string, from: number): { readonly text: string; readonly end: number } | undefined {
  const end = /^(?:[^"\\]|\\.)*/s.exec(dn.slice(from))?.[0].length ?? 0;
  if (dn[from + end] !== '"') return undefined;
  let at = from + end + 1;
  while (dn[at] === ' ') at++;
  if (at < dn.length && !/[,;+]/.test(dn[at] as string)) return undefined;
  return { text: dn.slice(from, from + end).replace(/\\(.)/gs, '$1'), end: at };
}

function readEscape(dn: string, at: number): { readonly bytes: Buffer; readonly end: number } | undefined {
  const digits = dn.slice(at, at + 2);
  if (/^[0-9a-fA-F]{2}$/.test(digits)) return { bytes: Buffer.from(digits, 'hex'), end: at + 2 };
  const code = dn.codePointAt(at);
  if (code === undefined) return undefined;
  const text = String.fromCodePoint(code);
  return { bytes: Buffer.from(text), end: at + text.length };
}

/** `<GUID=…>;<SID=…>;DN`, as the extended DN control of Active Directory gives names, taken apart. */
export function splitExtendedDn(text: string): { readonly guid?: string; readonly dn: string } {
  let rest = text;
  let guid: string | undefined;
  for (let found = EXTENDED.exec(rest); found !== null; found = EXTENDED.exec(rest)) {
    if (found[1]?.toUpperCase() === 'GUID') guid = found[2]?.toLowerCase();
    rest = rest.slice(found[0].length);
  }
  return { dn: rest, ...(guid === undefined ? {} : { guid }) };
}

const EXTENDED = /^<([A-Za-z]+)=([^>]*)>;?/;
