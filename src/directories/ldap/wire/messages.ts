import { BerReader, boolean, element, integer, octets, sequence, TAG } from './ber.ts';

/** Operations of RFC 4511 4.2 and following, by the tag of the message. */
export const OP = {
  bindRequest: 0x60,
  bindResponse: 0x61,
  unbindRequest: 0x42,
  searchRequest: 0x63,
  searchEntry: 0x64,
  searchDone: 0x65,
  searchReference: 0x73,
  extendedRequest: 0x77,
  extendedResponse: 0x78,
  intermediate: 0x79,
} as const;

/** Controls and extended operations that are used here. */
export const OID = {
  /** RFC 2696 */
  paged: '1.2.840.113556.1.4.319',
  /** AD: deleted objects are found too. */
  showDeleted: '1.2.840.113556.1.4.417',
  /** AD: no references to other naming contexts. */
  domainScope: '1.2.840.113556.1.4.1339',
  /** AD: names come as `<GUID=…>;<SID=…>;DN`. */
  extendedDn: '1.2.840.113556.1.4.529',
  startTls: '1.3.6.1.4.1.1466.20037',
  /** RFC 4511 4.4.1 */
  noticeOfDisconnection: '1.3.6.1.4.1.1466.20036',
} as const;

export const SCOPE = { base: 0, one: 1, sub: 2 } as const;

export interface Control {
  readonly oid: string;
  readonly critical: boolean;
  readonly value?: Buffer;
}

export interface SearchRequest {
  readonly base: string;
  readonly scope: keyof typeof SCOPE;
  /** As encoded by `encodeFilter`. */
  readonly filter: Buffer;
  /** `['1.1']` asks for none. */
  readonly attributes: readonly string[];
  /** Entries; 0 is as many as the server gives. */
  readonly sizeLimit?: number;
}

export function encodeMessage(id: number, operation: Buffer, controls: readonly Control[] = []): Buffer {
  const list = controls.map(({ oid, critical, value }) =>
    sequence(octets(oid), ...(critical ? [boolean(true)] : []), ...(value === undefined ? [] : [octets(value)])),
  );
  return sequence(integer(id), operation, ...(list.length === 0 ? [] : [element(0xa0, ...list)]));
}

export const bindRequest = (dn: string, password: string): Buffer =>
  element(OP.bindRequest, integer(3), octets(dn), octets(password, 0x80));

export const unbindRequest = (): Buffer => element(OP.unbindRequest);

export const extendedRequest = (oid: string): Buffer => element(OP.extendedRequest, octets(oid, 0x80));

/** Aliases are never followed: they would show one entry twice. No time limit of our own is sent. */
export const searchRequest = ({ base, scope, filter, attributes, sizeLimit = 0 }: SearchRequest): Buffer =>
  element(
    OP.searchRequest,
    octets(base),
    integer(SCOPE[scope], TAG.enumerated),
    integer(0, TAG.enumerated),
    integer(sizeLimit),
    integer(0),
    boolean(false),
    filter,
    sequence(...attributes.map((name) => octets(name))),
  );

export const pagedControl = (size: number, cookie: Buffer, critical: boolean): Control => ({
  oid: OID.paged,
  critical,
  value: sequence(integer(size), octets(cookie)),
});

/** The reply of the paged results control: where to go on; empty at the end. */
export const pagedCookie = (value: Buffer): Buffer => {
  const content = new BerReader(value).enter(TAG.sequence, 'the paged results control');
  content.integer('the size in the paged results control');
  return content.octets('the cookie of the paged results control');
};

/** Flag 1: GUIDs as text with dashes. */
export const extendedDnControl = (): Control => ({ oid: OID.extendedDn, critical: true, value: sequence(integer(1)) });

export interface Message {
  readonly id: number;
  /** One of `OP`. */
  readonly operation: number;
  /** Stands at the content of the operation. */
  readonly content: BerReader;
  readonly controls: ReadonlyMap<string, Buffer>;
}

const NO_CONTROLS: ReadonlyMap<string, Buffer> = new Map();

/** Takes a whole message apart as far as its operation. Throws BerError. */
export function decodeMessage(bytes: Buffer): Message {
  const message = new BerReader(bytes).enter(TAG.sequence, 'a message');
  const id = message.integer('the id of a message');
  const operation = message.peek() ?? 0;
  const content = message.enter(operation, 'the operation of a message');
  return { id, operation, content, controls: message.peek() === 0xa0 ? decodeControls(message) : NO_CONTROLS };
}

function decodeControls(message: BerReader): ReadonlyMap<string, Buffer> {
  const list = message.enter(0xa0, 'the controls of a message');
  const controls = new Map<string, Buffer>();
  while (!list.done) {
    const control = list.enter(TAG.sequence, 'a control');
    const oid = control.text('the type of a control');
    if (control.peek() === TAG.boolean) control.skip('the criticality of a control');
    controls.set(oid, control.done ? Buffer.alloc(0) : control.octets('the value of a control'));
  }
  return controls;
}

/** LDAPResult of RFC 4511 4.1.9. */
export interface Result {
  readonly code: number;
  readonly matchedDn: string;
  readonly text: string;
  readonly referrals: readonly string[];
  /** Of an extended response. */
  readonly oid?: string;
}

export function decodeResult({ content }: Message): Result {
  const code = content.integer('a result code', TAG.enumerated);
  const matchedDn = content.text('the matched name of a result');
  const text = content.text('the text of a result');
  const referrals: string[] = [];
  let oid: string | undefined;
  while (!content.done) {
    const tag = content.peek();
    if (tag === 0xa3) {
      const list = content.enter(0xa3, 'the referrals of a result');
      while (!list.done) referrals.push(list.text('a referral'));
    } else if (tag === 0x8a) oid = content.text('the name of an extended response', 0x8a);
    else content.skip('a field of a result');
  }
  return { code, matchedDn, text, referrals, ...(oid === undefined ? {} : { oid }) };
}

/** An entry as it came: values are bytes, and views of the message. */
export interface Entry {
  readonly dn: string;
  /** By name in lower case, with options: `member;range=0-1499`. An attribute without a value is in it, empty. */
  readonly values: ReadonlyMap<string, readonly Buffer[]>;
}

/**
 * Names of attributes come a hundred thousand times: each is made a text of, in lower case, once, and found again by its
 * bytes.
 */
const NAMES = new Map<number, { readonly bytes: Buffer; readonly lower: string }>();

function lowerName(content: BerReader): string {
  const bytes = content.octets('the name of an attribute');
  const { length } = bytes;
  let hash = length;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
  const known = NAMES.get(hash);
  if (known !== undefined && sameBytes(known.bytes, bytes)) return known.lower;
  const lower = bytes.toString().toLowerCase();
  // A server that makes up names must not fill the memory.
  if (known === undefined && NAMES.size < 10_000) NAMES.set(hash, { bytes: Buffer.from(bytes), lower });
  return lower;
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function decodeEntry({ content }: Message): Entry {
  const dn = content.text('the name of an entry');
  const list = content.enter(TAG.sequence, 'the attributes of an entry');
  const values = new Map<string, readonly Buffer[]>();
  while (!list.done) {
    const attribute = list.enter(TAG.sequence, 'an attribute');
    const name = lowerName(attribute);
    const set = attribute.enter(TAG.set, 'the values of an attribute');
    const found: Buffer[] = [];
    while (!set.done) found.push(set.octets('a value'));
    values.set(name, found);
  }
  return { dn, values };
}

/** The addresses in a search reference. */
export function decodeReference({ content }: Message): string[] {
  const urls: string[] = [];
  while (!content.done) urls.push(content.text('the address of a reference'));
  return urls;
}
