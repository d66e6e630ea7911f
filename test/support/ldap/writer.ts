/** Writes to a real directory, for tests: what people do there while we only read. */
import { element, integer, octets, sequence, TAG } from '../../../src/directories/ldap/wire/ber.ts';
import { dial } from '../../../src/directories/ldap/wire/dial.ts';
import { parseUrl } from '../../../src/directories/ldap/options.ts';
import { searchAll } from '../../../src/directories/ldap/wire/search.ts';
import type { Values } from './messages.ts';

const OPERATION = { modify: [0x66, 0x67], add: [0x68, 0x69], remove: [0x4a, 0x6b], rename: [0x6c, 0x6d] } as const;
const HOW = { add: 0, delete: 1, replace: 2 } as const;
const LIMIT_MS = 60_000;

export interface LdapWriter {
  add(dn: string, values: Values): Promise<void>;
  modify(dn: string, how: keyof typeof HOW, values: Values): Promise<void>;
  remove(dn: string): Promise<void>;
  rename(dn: string, rdn: string, newParent?: string): Promise<void>;
  /** The first value of an attribute as text. */
  get(dn: string, attribute: string): Promise<string>;
  getBytes(dn: string, attribute: string): Promise<Buffer>;
  close(): void;
}

const attributes = (values: Values): Buffer[] =>
  Object.entries(values).map(([name, list]) => sequence(octets(name), element(TAG.set, ...list.map((v) => octets(v)))));

/** An empty `dn` signs nobody in. `tls` is for servers that take no password without it. */
export async function ldapWriter(
  url: string,
  dn: string,
  password: string,
  tls: { readonly ca?: Buffer; readonly serverName?: string } = {},
): Promise<LdapWriter> {
  const address = parseUrl(url);
  if (address === undefined) throw new Error(`${url} is no address`);
  const connection = await dial(
    {
      addresses: [address],
      startTls: false,
      tls: tls.ca === undefined ? {} : { ca: tls.ca },
      ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
      connectTimeout: LIMIT_MS,
      timeout: LIMIT_MS,
      ...(dn === '' ? {} : { credentials: { dn, password } }),
    },
    AbortSignal.timeout(LIMIT_MS),
  );
  let last: Promise<unknown> = Promise.resolve();
  // One after the other: answers of other operations would be passed over.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
  const run = ([request, response]: readonly [number, number], what: string, ...content: Buffer[]): Promise<void> =>
    inTurn(async () => {
      const { code, text } = await connection.exchange(
        element(request, ...content),
        response,
        AbortSignal.timeout(LIMIT_MS),
      );
      if (code !== 0) throw new Error(`${what}: result ${code} ${text}`);
    });
  const getBytes = (dn: string, attribute: string): Promise<Buffer> =>
    inTurn(async () => {
      const [entry] = await searchAll(
        connection,
        { base: dn, scope: 'base', filter: '(objectClass=*)', attributes: [attribute] },
        AbortSignal.timeout(LIMIT_MS),
      );
      const [value] = entry?.values.get(attribute.toLowerCase()) ?? [];
      if (value === undefined) throw new Error(`${dn} has no ${attribute}`);
      return value;
    });
  return {
    add: (dn, values) => run(OPERATION.add, `add ${dn}`, octets(dn), sequence(...attributes(values))),
    modify: (dn, how, values) =>
      run(
        OPERATION.modify,
        `modify ${dn}`,
        octets(dn),
        sequence(...attributes(values).map((attribute) => sequence(integer(HOW[how], TAG.enumerated), attribute))),
      ),
    // A delete request is the name alone, without anything around it.
    remove: (dn) => run(OPERATION.remove, `remove ${dn}`, Buffer.from(dn)),
    rename: (dn, rdn, newParent) =>
      run(
        OPERATION.rename,
        `rename ${dn}`,
        octets(dn),
        octets(rdn),
        element(TAG.boolean, Buffer.from([0xff])),
        ...(newParent === undefined ? [] : [octets(newParent, 0x80)]),
      ),
    get: async (dn, attribute) => (await getBytes(dn, attribute)).toString(),
    getBytes,
    close: () => connection.close(),
  };
}
