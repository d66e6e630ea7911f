import type { Request } from 'express';

/** Where in the endpoint a request leads. */
export interface Place {
  /** The source that the path names; without one, the token alone says it. */
  readonly source: string | undefined;
  /** What follows `/v2`, decoded: `['Users', '…id…']`. */
  readonly segments: readonly string[];
  readonly query: Query;
  /** A flag stood in the middle of the address, before the path. */
  readonly flagged: boolean;
  /** Address of `/v2` as the client used it, without host. */
  readonly base: string;
}

/** Query parameters by lower-case name, parsed once (express parses at every read of `req.query`). */
export type Query = ReadonlyMap<string, string>;

/** Undefined for a path that is not of the form `/{source}/v2/…` or `/v2/…` below the mount point. */
export function placeOf(request: Request): Place | undefined {
  const [path, search, flagged] = split(request.url);
  const raw = path.split('/').filter((part) => part !== '');
  const parts = raw.map(decode);
  if (parts.some((part) => part === undefined)) return undefined;
  const at = isVersion(parts[1]) ? 1 : isVersion(parts[0]) ? 0 : -1;
  if (at < 0) return undefined;
  return {
    source: at === 1 ? parts[0] : undefined,
    segments: parts.slice(at + 1) as string[],
    query: parseQuery(search),
    flagged,
    base: `${request.baseUrl}/${raw.slice(0, at + 1).join('/')}`,
  };
}

const isVersion = (part: string | undefined): boolean => part?.toLowerCase() === 'v2';

/**
 * Path and query. Entra ID's tenant URL may end in a flag, `…/v2?aadOptscim062020`; a client that puts its path behind
 * that is understood.
 */
function split(url: string): [path: string, search: string, flagged: boolean] {
  const flagged = /^([^?]*)\?aadOptscim\w*(\/[^?]*)(?:\?(.*))?$/i.exec(url);
  if (flagged !== null) return [`${flagged[1]}${flagged[2]}`, flagged[3] ?? '', true];
  const mark = url.indexOf('?');
  return mark < 0 ? [url, '', false] : [url.slice(0, mark), url.slice(mark + 1), false];
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** Of a repeated parameter all values count, joined by commas: clients repeat `attributes`. */
function parseQuery(search: string): Query {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(search)) {
    const key = name.toLowerCase();
    const before = query.get(key);
    query.set(key, before === undefined ? value : `${before},${value}`);
  }
  return query;
}

/** The address that clients reach `/v2` at. A Host header that is no host name is not echoed. */
export function addressOf(request: Request, place: Place, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return `${publicUrl.replace(/\/+$/, '')}${place.base}`;
  const host = request.headers.host ?? '';
  return `${request.protocol}://${/^[\w.:[\]-]+$/.test(host) ? host : 'localhost'}${place.base}`;
}
