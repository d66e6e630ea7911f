/**
 * Stands between us and a real server, and does what that one does not: holds people to the limits of Active Directory,
 * cuts connections, sends empty pages, says nothing. Passes messages on one by one.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { BerReader, element, octets, sequence, TAG } from '../../../src/directories/ldap/wire/ber.ts';
import { Frames } from '../../../src/directories/ldap/wire/frames.ts';
import {
  decodeEntry,
  decodeMessage,
  decodeResult,
  type Entry,
  OID,
  OP,
  pagedCookie,
} from '../../../src/directories/ldap/wire/messages.ts';
import * as say from './messages.ts';

export interface Breaks {
  /** The connection is cut, in the middle of an entry, on the page of this number, counted from 1 over all searches. */
  cutOnPage?: number | undefined;
  /** After so many entries of all searches a search ends with this result code. */
  limit?: { readonly after: number; readonly code: number } | undefined;
  /** From now on nothing is passed on to the client. */
  silent?: boolean | undefined;
  /** Before each page that is not the first an empty page with a cookie comes. */
  emptyPages?: boolean | undefined;
  /** More than so many values of `member` come in parts, with an empty `member` beside the first (MS-ADTS 3.1.1.3.1.3.3). */
  maxValRange?: number | undefined;
  /** Pages of more than this, and searches without pages that give more, end with sizeLimitExceeded after that many. */
  maxPageSize?: number | undefined;
  /** Changes an entry on its way. */
  rewrite?: ((entry: Entry) => say.Values | undefined) | undefined;
  /** Searches of these bases end with this result: what an account may not see. */
  hides?: { readonly base: RegExp; readonly code: number } | undefined;
  /** Is told of each part of a list that is asked for, before it is passed on. */
  onRange?: ((dn: string, from: number) => Promise<void>) | undefined;
  /** Every search ends with a reference to another server besides. */
  reference?: string | undefined;
}

export interface LdapProxy {
  readonly port: number;
  readonly url: string;
  readonly breaks: Breaks;
  /** Open connections. */
  readonly connections: number;
  /** Searches that came, as the names of their bases. */
  readonly searches: string[];
  close(): Promise<void>;
}

interface Running {
  readonly attributes: readonly string[];
  readonly pageSize: number | undefined;
  entries: number;
}

/** `tls`: the server speaks TLS, and the client does not: Active Directory takes no password without it. */
export async function ldapProxy(server: {
  readonly host?: string;
  readonly port: number;
  readonly tls?: { readonly ca: Buffer; readonly servername: string };
}): Promise<LdapProxy> {
  const breaks: Breaks = {};
  const sockets = new Set<Socket>();
  const searches: string[] = [];
  let pages = 0;
  let entries = 0;

  const pass = (client: Socket): void => {
    const to = { host: server.host ?? '127.0.0.1', port: server.port };
    const upstream = server.tls === undefined ? connect(to) : connectTls({ ...to, ...server.tls });
    const running = new Map<number, Running>();
    const pending = new Map<number, Buffer>();
    sockets.add(client).add(upstream);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      sockets.delete(client);
      sockets.delete(upstream);
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);

    const fromClient = new Frames(1 << 24);
    let last = Promise.resolve();
    client.on('data', (piece: Buffer) => {
      for (const frame of fromClient.push(piece)) {
        last = last.then(() => request(frame)).catch(end);
      }
    });

    const request = async (frame: Buffer): Promise<void> => {
      const message = decodeMessage(frame);
      if (message.operation === OP.searchRequest) {
        const search = readSearch(message.content);
        searches.push(search.base);
        pages += 1;
        if (breaks.hides?.base.test(search.base) === true) {
          client.write(say.done(message.id, { code: breaks.hides.code }));
          return;
        }
        const paged = message.controls.get(OID.paged);
        const pageSize =
          paged === undefined ? undefined : new BerReader(paged).enter(TAG.sequence, 'control').integer('size');
        running.set(message.id, { attributes: search.attributes, pageSize, entries: 0 });
        const range = search.attributes
          .map((name) => /^member;range=(\d+)-\*$/i.exec(name))
          .find((found) => found !== null);
        if (range) {
          await breaks.onRange?.(search.base, Number(range[1]));
          if (breaks.maxValRange !== undefined) {
            upstream.write(
              withAttributes(
                frame,
                search.attributes.map((name) => name.replace(/;range=.*$/, '')),
              ),
            );
            return;
          }
        }
        if (
          breaks.emptyPages === true &&
          paged !== undefined &&
          pagedCookie(paged).length > 0 &&
          !pending.has(message.id)
        ) {
          // The client asks again with the same cookie, and then gets its page.
          const cookie = pagedCookie(paged);
          if (!served.has(cookie.toString('hex'))) {
            served.add(cookie.toString('hex'));
            client.write(say.done(message.id, { cookie }));
            return;
          }
          served.delete(cookie.toString('hex'));
        }
      }
      upstream.write(frame);
    };
    const served = new Set<string>();

    const fromServer = new Frames(1 << 28);
    upstream.on('data', (piece: Buffer) => {
      for (const frame of fromServer.push(piece)) response(frame);
    });

    let cut = false;
    const response = (frame: Buffer): void => {
      if (breaks.silent === true || cut) return;
      const message = decodeMessage(frame);
      const search = running.get(message.id);
      if (search === undefined || (message.operation !== OP.searchEntry && message.operation !== OP.searchDone)) {
        client.write(frame);
        return;
      }
      if (message.operation === OP.searchDone) {
        running.delete(message.id);
        if (breaks.reference !== undefined) client.write(say.reference(message.id, breaks.reference));
        client.write(frame);
        return;
      }
      if (breaks.cutOnPage !== undefined && pages >= breaks.cutOnPage) {
        cut = true;
        client.write(frame.subarray(0, Math.floor(frame.length / 2)), end);
        return;
      }
      const limit =
        breaks.maxPageSize !== undefined && (search.pageSize ?? Infinity) > breaks.maxPageSize
          ? { after: breaks.maxPageSize, code: 4 }
          : undefined;
      if (limit !== undefined && search.entries >= limit.after) return stop(message.id, limit.code);
      if (breaks.limit !== undefined && entries >= breaks.limit.after) return stop(message.id, breaks.limit.code);
      search.entries += 1;
      entries += 1;
      client.write(rewritten(message.id, frame, search.attributes));
    };

    /** What the server still sends for this search is swallowed. */
    const stop = (id: number, code: number): void => {
      running.delete(id);
      client.write(say.done(id, { code }));
      stopped.add(id);
    };
    const stopped = new Set<number>();
    const write = client.write.bind(client);
    client.write = ((data: Buffer, ...rest: []) => {
      // After a search was stopped nothing of it follows.
      if (Buffer.isBuffer(data) && data.length > 6 && data[0] === TAG.sequence && stopped.size > 0) {
        try {
          const { id, operation } = decodeMessage(data);
          if (stopped.has(id) && operation !== OP.searchDone) return true;
          if (stopped.has(id) && operation === OP.searchDone && decodeResult(decodeMessage(data)).code === 0)
            return true;
        } catch {
          // Half a message, on purpose.
        }
      }
      return write(data, ...rest);
    }) as typeof client.write;
  };

  const rewritten = (id: number, frame: Buffer, asked: readonly string[]): Buffer => {
    let entry = decodeEntry(decodeMessage(frame));
    const other = breaks.rewrite?.(entry);
    if (other !== undefined)
      entry = {
        dn: entry.dn,
        values: new Map(Object.entries(other).map(([name, list]) => [name, list.map((v) => Buffer.from(v as string))])),
      };
    const members = entry.values.get('member');
    const most = breaks.maxValRange;
    if (most !== undefined && members !== undefined) {
      const range = asked.map((name) => /^member;range=(\d+)-\*$/i.exec(name)).find((found) => found !== null);
      const from = Number(range?.[1] ?? 0);
      if (range || members.length > most) {
        const part = members.slice(from, from + most);
        const last = from + part.length >= members.length;
        const name = `member;range=${from}-${last ? '*' : from + part.length - 1}`;
        const values = new Map(entry.values);
        values.delete('member');
        if (!range) values.set('member', []);
        entry = { dn: entry.dn, values: values.set(name, part) };
      }
    } else if (other === undefined) return frame;
    return say.entry(id, entry.dn, Object.fromEntries(entry.values));
  };

  const listener = createServer(pass);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    url: `ldap://127.0.0.1:${port}`,
    breaks,
    get connections() {
      return sockets.size / 2;
    },
    searches,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

function readSearch(content: BerReader): { readonly base: string; readonly attributes: string[] } {
  const base = content.text('base');
  for (let i = 0; i < 6; i++) content.skip('a field of a search');
  const list = content.enter(TAG.sequence, 'attributes');
  const attributes: string[] = [];
  while (!list.done) attributes.push(list.text('an attribute'));
  return { base, attributes };
}

/** The same search for other attributes. */
function withAttributes(frame: Buffer, attributes: readonly string[]): Buffer {
  const outer = new BerReader(frame).enter(TAG.sequence, 'message');
  const from = outer.position;
  outer.skip('id');
  const id = outer.buffer.subarray(from, outer.position);
  const search = outer.enter(OP.searchRequest, 'search');
  const start = search.position;
  for (let i = 0; i < 7; i++) search.skip('a field of a search');
  const fields = search.buffer.subarray(start, search.position);
  const rest = outer.buffer.subarray(outer.position, outer.end);
  return sequence(id, element(OP.searchRequest, fields, sequence(...attributes.map((name) => octets(name)))), rest);
}
