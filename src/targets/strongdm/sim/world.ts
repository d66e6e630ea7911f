import { createHash, createHmac } from 'node:crypto';
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { CallKind } from '../pace.ts';
import type { ListRequestMetadata, RateLimitMetadata } from '../proto/sdm_pb.gen.ts';
import type { Fields, ReadTags, Term } from './filter.ts';
import { compileFilter, parseFilter } from './filter.ts';
import { denied, invalid, unimplemented } from './refusal.ts';
import type { State } from './state.ts';
import type { Table } from './table.ts';

const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 1000;

/** What a method works with. */
export interface World {
  readonly state: State;
  readonly now: () => Date;
  /** May the key of this call do that? */
  may(permission: string): boolean;
  /** How many of `count` items a page may hold. */
  shorten(count: number): number;
  /** Signs cursors, so that only those that were issued here are taken. */
  readonly cursorSecret: string;
}

export function need(world: World, permission: string): void {
  if (!world.may(permission)) throw denied();
}

/** One method as the dispatcher runs it. */
export interface Method {
  /** `Accounts.List`: as it is signed. */
  readonly name: string;
  readonly path: string;
  readonly kind: CallKind;
  run(body: Uint8Array, world: World, rate: RateLimitMetadata): Uint8Array;
}

export function method<I extends DescMessage, O extends DescMessage>(
  desc: DescMethodUnary<I, O>,
  run: (request: MessageShape<I>, world: World) => MessageInitShape<O>,
): Method {
  return {
    name: `${desc.parent.name}.${desc.name}`,
    path: `/${desc.parent.typeName}/${desc.name}`,
    kind: desc.name === 'Get' || desc.name === 'List' ? 'read' : 'write',
    run(body, world, rate) {
      const answer = run(decode(desc.input, body), world);
      return toBinary(
        desc.output,
        create(desc.output, { meta: {}, ...answer, rateLimit: rate } as MessageInitShape<O>),
      );
    },
  };
}

function decode<D extends DescMessage>(schema: D, body: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, body);
  } catch {
    throw invalid('the request is not a message of this method');
  }
}

/** How a kind of object is listed. */
export interface Listing<T> {
  readonly name: string;
  readonly table: Table<T>;
  readonly fields: Fields<T>;
  readonly tags?: ReadTags<T>;
  /** Fields that the table has an index for. */
  readonly indexed: readonly string[];
}

export interface ListRequest {
  readonly meta?: ListRequestMetadata | undefined;
  readonly filter: string;
}

/**
 * One page in creation order. The cursor stands on the last object shown, by its number, so inserts and deletes while
 * paging neither repeat nor skip what is there throughout.
 */
export function listPage<T>(
  world: World,
  request: ListRequest,
  listing: Listing<T>,
): { items: T[]; nextCursor: string } {
  const { cursor = '', limit = 0, snapshotAt } = request.meta ?? {};
  if (snapshotAt !== undefined && snapshotAt.seconds !== 0n) throw unimplemented('snapshots are not simulated');
  if (limit < 0) throw invalid('limit must not be negative');
  const size = Math.min(limit === 0 ? DEFAULT_PAGE : limit, LARGEST_PAGE);
  const terms = parseFilter(request.filter);
  const holds = compileFilter(terms, listing.fields, listing.tags);
  const start = cursor === '' ? 0 : readCursor(world, listing.name, cursor);
  const found: Array<{ seq: number; item: T }> = [];
  for (const row of candidates(listing, terms, start)) {
    if (!holds(row.item)) continue;
    found.push(row);
    if (found.length > size) break;
  }
  const whole = found.slice(0, size);
  const shown = whole.slice(0, world.shorten(whole.length));
  const more = shown.length < found.length;
  const last = shown.at(-1)?.seq ?? start;
  return {
    items: shown.map((row) => row.item),
    nextCursor: more ? writeCursor(world, listing.name, last, shown.length === 0 ? cursor : '') : '',
  };
}

function candidates<T>(listing: Listing<T>, terms: readonly Term[], start: number) {
  const ids = terms.filter((term) => term.field === 'id');
  const [id] = ids;
  if (id !== undefined && ids.length === 1 && !id.value.includes('*')) {
    const item = listing.table.get(id.value);
    const seq = listing.table.seqOf(id.value);
    return item === undefined || seq === undefined || seq <= start ? [] : [{ seq, id: id.value, item }];
  }
  const exact = terms.find(
    (term) => listing.indexed.includes(term.field) && !`${term.tag?.key}${term.value}`.includes('*'),
  );
  if (exact === undefined) return listing.table.after(start);
  const value = exact.tag === undefined ? exact.value : `${exact.tag.key}=${exact.value}`;
  return listing.table.after(start, { index: exact.field, value });
}

const seal = (world: World, text: string): string =>
  createHmac('sha256', world.cursorSecret).update(text).digest('base64url').slice(0, 16);

/** `after` makes the cursor of an empty page another one than the cursor that asked for it. */
function writeCursor(world: World, list: string, seq: number, after: string): string {
  const salt = after === '' ? '' : createHash('sha256').update(after).digest('base64url').slice(0, 8);
  const text = `${list}.${seq}.${salt}`;
  return `${Buffer.from(text).toString('base64url')}.${seal(world, text)}`;
}

function readCursor(world: World, list: string, cursor: string): number {
  const [payload = '', mac] = cursor.split('.');
  const text = Buffer.from(payload, 'base64url').toString();
  const [name, seq] = text.split('.');
  if (mac !== seal(world, text) || name !== list) throw invalid('the cursor was not issued by this list');
  return Number(seq);
}
