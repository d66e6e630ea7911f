/** The server's side of LDAP, for servers and proxies of the tests. */
import { element, integer, octets, sequence, TAG } from '../../../src/directories/ldap/wire/ber.ts';
import { OID, OP } from '../../../src/directories/ldap/wire/messages.ts';

export type Values = Readonly<Record<string, ReadonlyArray<string | Buffer>>>;

export const message = (id: number, operation: Buffer, controls?: Buffer): Buffer =>
  sequence(integer(id), operation, ...(controls === undefined ? [] : [controls]));

export const entry = (id: number, dn: string, values: Values): Buffer =>
  message(
    id,
    element(
      OP.searchEntry,
      octets(dn),
      sequence(
        ...Object.entries(values).map(([name, list]) =>
          sequence(octets(name), element(TAG.set, ...list.map((value) => octets(value)))),
        ),
      ),
    ),
  );

export interface ResultOptions {
  readonly code?: number;
  readonly text?: string;
  readonly matchedDn?: string;
  readonly referrals?: readonly string[];
  /** Of the paged results control. */
  readonly cookie?: string | Buffer;
}

const result = (tag: number, { code = 0, text = '', matchedDn = '', referrals }: ResultOptions, more: Buffer[] = []) =>
  element(
    tag,
    integer(code, TAG.enumerated),
    octets(matchedDn),
    octets(text),
    ...(referrals === undefined ? [] : [element(0xa3, ...referrals.map((url) => octets(url)))]),
    ...more,
  );

export const pagedReply = (cookie: string | Buffer): Buffer =>
  element(0xa0, sequence(octets(OID.paged), octets(sequence(integer(0), octets(cookie)))));

export const done = (id: number, options: ResultOptions = {}): Buffer =>
  message(id, result(OP.searchDone, options), options.cookie === undefined ? undefined : pagedReply(options.cookie));

export const bound = (id: number, options: ResultOptions = {}): Buffer => message(id, result(OP.bindResponse, options));

export const extended = (id: number, options: ResultOptions & { readonly oid?: string } = {}): Buffer =>
  message(id, result(OP.extendedResponse, options, options.oid === undefined ? [] : [octets(options.oid, 0x8a)]));

export const reference = (id: number, url: string): Buffer => message(id, element(OP.searchReference, octets(url)));

/** What RFC 4533 sends between entries. */
export const intermediate = (id: number): Buffer =>
  message(id, element(OP.intermediate, octets('1.3.6.1.4.1.4203.1.9.1.4', 0x80)));
