import type { Connection } from './connection.ts';
import { BerError } from './ber.ts';
import { encodeFilter } from './filter.ts';
import {
  type Control,
  decodeEntry,
  decodeReference,
  decodeResult,
  type Entry,
  type Message,
  OID,
  OP,
  pagedControl,
  pagedCookie,
  type SearchRequest,
  searchRequest,
} from './messages.ts';
import { CODE, cutBy, resultFailure } from './results.ts';

export interface Search extends Omit<SearchRequest, 'filter'> {
  /** RFC 4515. */
  readonly filter: string;
  /** Entries in a page; undefined asks for all at once. */
  readonly pageSize?: number | undefined;
  readonly controls?: readonly Control[];
}

/** What a search came to. */
export interface SearchEnd {
  /** Set when the server did not give everything: which limit stopped it. */
  readonly cut?: string;
  /** Parts of the tree that lie on other servers: their addresses. They were not searched. */
  readonly references: readonly string[];
  readonly pages: number;
  /** The base is not there. Only where `missing` allows that. */
  readonly missing?: true;
}

/** An entry that can't be taken apart does not end the search: the messages around it are whole. */
export type Found = Entry | { readonly broken: string };

export interface SearchHandling {
  /** A base that is not there, or that may not be seen, is an empty search. */
  readonly missing?: boolean;
}

/**
 * Searches, page by page until the server says that there are no more, also over empty pages, and gives the entries in
 * batches as they arrive. The next page is asked for before the last batch of a page is looked at. Only one paged search
 * may run on a connection. Throws Failure; a limit of the server is no failure, and told at the end.
 */
export async function* search(
  connection: Connection,
  request: Search,
  signal: AbortSignal,
  handling: SearchHandling = {},
): AsyncGenerator<readonly Found[], SearchEnd, void> {
  const { pageSize, controls = [] } = request;
  const operation = searchRequest({ ...request, filter: encodeFilter(request.filter) });
  const ask = (cookie: Buffer): number =>
    connection.send(operation, pageSize === undefined ? controls : [...controls, pagedControl(pageSize, cookie, true)]);
  const references: string[] = [];
  let pages = 1;
  for (let id = ask(Buffer.alloc(0)); ;) {
    const messages = await connection.receive(id, signal);
    const last = messages.find((m) => m.operation === OP.searchDone);
    let end: SearchEnd | undefined;
    if (last !== undefined) {
      const result = connection.decoded(() => decodeResult(last));
      const cut = cutBy(result);
      const missing =
        handling.missing === true &&
        (result.code === CODE.noSuchObject || result.code === CODE.insufficientAccessRights);
      if (result.code !== 0 && cut === undefined && !missing)
        throw resultFailure(
          result,
          connection.at,
          `the search below ${request.base === '' ? 'the root' : request.base}`,
        );
      const cookie = result.code === 0 ? cookieOf(connection, last, pageSize) : undefined;
      if (cookie === undefined)
        end = { references, pages, ...(cut === undefined ? {} : { cut }), ...(missing ? { missing } : {}) };
      else {
        pages += 1;
        id = ask(cookie);
      }
    }
    const found = messages.flatMap((message) => decodeFound(connection, message, references));
    if (found.length > 0) yield found;
    if (end !== undefined) return end;
  }
}

/** Where the next page begins; undefined when this was the last. */
function cookieOf(connection: Connection, last: Message, pageSize: number | undefined): Buffer | undefined {
  const value = pageSize === undefined ? undefined : last.controls.get(OID.paged);
  if (value === undefined) return undefined;
  const cookie = connection.decoded(() => pagedCookie(value));
  return cookie.length === 0 ? undefined : Buffer.from(cookie);
}

function decodeFound(connection: Connection, message: Message, references: string[]): Found[] {
  if (message.operation === OP.searchReference) references.push(...connection.decoded(() => decodeReference(message)));
  if (message.operation !== OP.searchEntry) return [];
  try {
    return [decodeEntry(message)];
  } catch (error) {
    if (error instanceof BerError) return [{ broken: error.message }];
    throw error;
  }
}

/** All entries of a small search. Throws Failure, also when the server cut it short or an entry can't be understood. */
export async function searchAll(
  connection: Connection,
  request: Search,
  signal: AbortSignal,
  handling: SearchHandling = {},
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  const found = search(connection, request, signal, handling);
  for (;;) {
    const step = await found.next();
    if (step.done === true) {
      if (step.value.cut !== undefined)
        throw resultFailure(
          { code: 11, text: '', matchedDn: '', referrals: [] },
          connection.at,
          `the search below ${request.base}`,
        );
      return entries;
    }
    for (const one of step.value) {
      if ('broken' in one) {
        connection.decoded(() => {
          throw new BerError(one.broken);
        });
      } else entries.push(one);
    }
  }
}
