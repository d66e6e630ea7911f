/** One attribute of a relative name: type in lower case, value as it is meant. */
export interface Ava {
  readonly type: string;
  readonly value: string;
}

/** Relative names from the entry upwards; each has one attribute, rarely several. */
export type Dn = ReadonlyArray<readonly Ava[]>;

const TYPE = /^\s*(?:oid\.)?([a-z][a-z0-9-]*|[0-9]+(?:\.[0-9]+)*)\s*$/i;

/**
 * Reads a distinguished name (RFC 4514, with the blanks, quotes and semicolons that RFC 2253 lets readers accept).
 * `undefined` when it is none. The empty text is the root.
 */
export function parseDn(text: string): Dn | undefined {
  if (text.trim() === '') return [];
  const names: Ava[][] = [];
  for (const part of splitAt(text, /[,;]/)) {
    const avas: Ava[] = [];
    for (const piece of splitAt(part, /\+/)) {
      const equals = piece.indexOf('=');
      const type = equals < 0 ? undefined : TYPE.exec(piece.slice(0, equals))?.[1];
      const value = equals < 0 ? undefined : valueOf(piece.slice(equals + 1));
      if (type === undefined || value === undefined) return undefined;
      avas.push({ type: type.toLowerCase(), value });
    }
    names.push(avas);
  }
  return names;
}

/** Equal as directories compare them: without regard to case, and to how many blanks stand together. */
export const sameName = (a: readonly Ava[], b: readonly Ava[]): boolean => nameKey(a) === nameKey(b);

const nameKey = (avas: readonly Ava[]): string =>
  JSON.stringify(
    avas.map((a) => `${a.type}=${a.value.normalize('NFC').toLowerCase().trim().replace(/\s+/g, ' ')}`).toSorted(),
  );

/** Splits where a separator stands that is neither escaped nor quoted. */
function splitAt(text: string, separator: RegExp): string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at] ?? '';
    if (c === '\\') at++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && separator.test(c)) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}

/** `\,` is a comma, `\C3\A9` two octets of UTF-8, `\ ` a blank that belongs to the value. */
function valueOf(raw: string): string | undefined {
  const text = raw.trimStart();
  const trimmed = text.trimEnd();
  const kept = trimmed !== text && /(^|[^\\])(\\\\)*\\$/.test(trimmed) ? `${trimmed} ` : trimmed;
  const inner = /^".*"$/s.test(kept) ? kept.slice(1, -1) : kept;
  const octets: number[] = [];
  let out = '';
  const flush = (): void => {
    out += new TextDecoder().decode(new Uint8Array(octets.splice(0)));
  };
  for (let at = 0; at < inner.length; at++) {
    const c = inner[at] ?? '';
    if (c !== '\\') {
      flush();
      out += c;
      continue;
    }
    const pair = inner.slice(at + 1, at + 3);
    if (/^[0-9a-f]{2}$/i.test(pair)) {
      octets.push(Number.parseInt(pair, 16));
      at += 2;
    } else if (at + 1 < inner.length) {
      flush();
      out += inner[++at] ?? '';
    } else return undefined;
  }
  flush();
  return out;
}
