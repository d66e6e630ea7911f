import { moveKept } from '../aliases.ts';
import type { Db } from '../db.ts';
import { markDirty } from '../dirty.ts';
import { appendEvents } from '../events.ts';
import { oneAtATime } from '../lease.ts';
import { disabledAtFirstSight, keepDormant } from './dormant.ts';
import { joinApart, setApart } from './apart.ts';
import { lockCorrelation } from './lock.ts';
import { newPersonId } from './ids.ts';
import { recordsSql } from './records-sql.ts';

export interface RecordName {
  readonly source: string;
  readonly anchor: string;
}

/** Why persons stay as they are, and what to do about it. */
export interface NotMoved {
  readonly because: string;
  readonly remedy: string;
}

/** Records that have moved from one person to another; `event` is the number by which that can be undone. */
export interface Moved {
  readonly from: string;
  readonly to: string;
  readonly records: readonly RecordName[];
  readonly event: number;
}

export interface Deciding {
  readonly actor: string;
  readonly reason: string;
  readonly ticket?: string | undefined;
}

/** To the end of the transaction: nobody plans, and nobody else correlates. Always in this order. */
export async function lockPersons(tx: Db): Promise<void> {
  await oneAtATime(tx, 'plan');
  await lockCorrelation(tx);
}

/**
 * These two are one human: the records of one move to the other. Who owns something at a target stays, else the second
 * one does.
 */
export function mergePersons(db: Db, pair: readonly [string, string], decided: Deciding): Promise<Moved | NotMoved> {
  return db.tx(async (tx) => {
    await lockPersons(tx);
    return mergeLocked(tx, pair, decided);
  });
}

/** The same, in a transaction that holds the locks and goes on. */
export async function mergeLocked(
  tx: Db,
  pair: readonly [string, string],
  decided: Deciding,
): Promise<Moved | NotMoved> {
  if (pair[0] === pair[1]) return { because: `${pair[0]} is one person already`, remedy: 'Name two persons.' };
  const refused = (await missing(tx, pair)) ?? (await doubled(tx, pair));
  if (refused !== undefined) return refused;
  const direction = await directionOf(tx, pair);
  if ('because' in direction) return direction;
  const { from, to } = direction;
  const dormant = await disabledAtFirstSight(tx, pair);
  await quiet(tx, from);
  await joinApart(tx, from, to);
  await keepWords(tx, from, to);
  await moveKept(tx, from, to);
  const moved = await move(tx, 'person.merged', { from, to, records: await recordsOf(tx, from) }, decided);
  await keepDormant(tx, to, dormant, decided.actor);
  return moved;
}

/**
 * These records are somebody else's: they move to a new person, or to `to`, who was there before. What was given stays
 * with the person, who is planned again without these records.
 */
export function splitPerson(
  db: Db,
  of: { readonly person: string; readonly records: readonly RecordName[]; readonly to?: string },
  decided: Deciding,
): Promise<Moved | NotMoved> {
  const { person, records, to } = of;
  return db.tx(async (tx) => {
    await lockPersons(tx);
    const absent = await missing(tx, to === undefined ? [person] : [person, to]);
    if (absent !== undefined) return absent;
    const all = await recordsOf(tx, person);
    const remedy = `See the records: drawbridge people show ${person}`;
    if (to === person) return { because: `the records are with ${person} already`, remedy };
    const stray = records.find((record) => !all.some((other) => isSame(record, other)));
    if (stray !== undefined) return { because: `${person} has no record ${stray.source}/${stray.anchor}`, remedy };
    const named = all.filter((record) => records.some((other) => isSame(record, other)));
    if (named.length === 0 || named.length === all.length) {
      return { because: `some of the records of ${person} must go and some must stay`, remedy };
    }
    const taken = to === undefined ? undefined : await hasAlready(tx, to, person, named);
    if (taken !== undefined) return taken;
    const other = to ?? newPersonId();
    if (to === undefined) await tx.rows({ text: 'insert into person (id) values ($1)', values: [other] });
    await setApart(tx, person, [other]);
    return move(tx, 'person.split', { from: person, to: other, records: named }, decided);
  });
}

/** Undoes a merge or a split, by the number of its event: its records go back to where they came from. */
export async function undoMove(db: Db, event: number, decided: Deciding): Promise<Moved | NotMoved> {
  const found = await db.row<{ detail: Omit<Moved, 'event'> }>({
    text: `select detail from event where id = $1 and kind in ('person.merged', 'person.split')
      and detail ? 'records' and not detail ? 'event'`,
    values: [event],
  });
  if (found === undefined) {
    return {
      because: `event ${event} is no merge or split`,
      remedy: 'See the history: drawbridge people history PERSON',
    };
  }
  const { from, to, records } = found.detail;
  const now = await recordsOf(db, to);
  const there = records.filter((record) => now.some((other) => isSame(record, other)));
  if (there.length === 0) {
    return {
      because: `no record of event ${event} is with ${to} any more`,
      remedy: `See: drawbridge people show ${to}`,
    };
  }
  return there.length === now.length
    ? mergePersons(db, [to, from], decided)
    : splitPerson(db, { person: to, records: there, to: from }, decided);
}

const isSame = (one: RecordName, other: RecordName): boolean =>
  one.source === other.source && one.anchor === other.anchor;

async function move(
  tx: Db,
  kind: 'person.merged' | 'person.split',
  { from, to, records }: Omit<Moved, 'event'>,
  { actor, reason, ticket }: Deciding,
): Promise<Moved> {
  await tx.rows({
    text: `update person_record pr set person = $2, linked_by = 'operator', linked_at = now(), dormant = false
      from record r, unnest($3::text[], $4::text[]) as n(source, anchor)
      where pr.person = $1 and r.key = pr.record_key and r.source = n.source and r.anchor = n.anchor`,
    values: [from, to, records.map((r) => r.source), records.map((r) => r.anchor)],
  });
  await markDirty(tx, [from, to], true);
  const detail = { from, to, records, reason, ...(ticket === undefined ? {} : { ticket }) };
  const event = await tx.row<{ id: number }>({
    text: `insert into event (actor, kind, person, object, detail) values ($1, $2, $3, $4, $5::jsonb) returning id`,
    values: [actor, kind, to, from, JSON.stringify(detail)],
  });
  await appendEvents(tx, [{ actor, kind, person: from, object: to, detail: { ...detail, event: event?.id } }]);
  return { from, to, records, event: event?.id ?? 0 };
}

async function missing(tx: Db, ids: readonly string[]): Promise<NotMoved | undefined> {
  const rows = await tx.rows<{ id: string }>({
    text: 'select id from person where id = any($1::text[]) order by id for update',
    values: [ids],
  });
  const absent = ids.find((id) => !rows.some((row) => row.id === id));
  return absent === undefined
    ? undefined
    : { because: `there is no person ${absent}`, remedy: 'See: drawbridge people list' };
}

/** What was given to two persons can't become one person's: which account would be theirs is for people to say. */
async function directionOf(
  tx: Db,
  [one, other]: readonly [string, string],
): Promise<{ readonly from: string; readonly to: string } | NotMoved> {
  const rows = await tx.rows<{ person: string; target: string }>({
    text: `select person, target from ledger where person = any($1::text[])
      union select person, target from work where person = any($1::text[]) and lease_until > now() order by target`,
    values: [[one, other]],
  });
  const at = (id: string): string[] => [...new Set(rows.filter((r) => r.person === id).map((r) => r.target))];
  const [ones, others] = [at(one), at(other)];
  if (ones.length === 0) return { from: one, to: other };
  if (others.length === 0) return { from: other, to: one };
  return {
    because: `both own something at targets: ${one} at ${ones.join(', ')}, ${other} at ${others.join(', ')}`,
    remedy:
      'Which account is theirs can only be decided by people: take away what one of them has, by the rules or at the source, and merge then.',
  };
}

/** At most one live primary record in each source. */
async function doubled(tx: Db, pair: readonly string[]): Promise<NotMoved | undefined> {
  const row = await tx.row<{ source: string }>({
    text: `select r.source from person_record pr join record r on r.key = pr.record_key
      where pr.person = any($1::text[]) and not pr.secondary and r.gone_at is null
      group by r.source having count(distinct pr.person) > 1 order by r.source limit 1`,
    values: [pair],
  });
  return row === undefined
    ? undefined
    : {
        because: `both have a record in ${row.source} that is there`,
        remedy: `One human has one record there. Delete one at ${row.source}, or declare it with secondary: in the settings.`,
      };
}

/** The same for records that go to a person. */
async function hasAlready(
  tx: Db,
  to: string,
  from: string,
  records: readonly RecordName[],
): Promise<NotMoved | undefined> {
  const row = await tx.row<{ source: string }>({
    text: `select r.source from unnest($3::text[], $4::text[]) as n(source, anchor)
        join record r on r.source = n.source and r.anchor = n.anchor and r.gone_at is null
        join person_record pr on pr.record_key = r.key and pr.person = $2 and not pr.secondary
      where exists (select 1 from ${recordsSql('$1')} o where o.source = r.source and not o.secondary and o.gone_at is null)
      limit 1`,
    values: [to, from, records.map((r) => r.source), records.map((r) => r.anchor)],
  });
  return row === undefined
    ? undefined
    : {
        because: `${to} has a record in ${row.source} that is there`,
        remedy: `One human has one record there. Delete one at ${row.source}, or declare it with secondary: in the settings.`,
      };
}

/** Nothing that was planned for this person is done any more. */
async function quiet(tx: Db, person: string): Promise<void> {
  await tx.rows({ text: 'update person set generation = generation + 1 where id = $1', values: [person] });
  await tx.rows({
    text: `update step set state = 'superseded', settled_at = now()
      where person = $1 and state in ('proposed', 'pending', 'refused')`,
    values: [person],
  });
  await tx.rows({
    text: `update work set step_id = null, block_generation = null, state = 'done', priority = 0,
      revision = revision + 1, last_error = null, changed_at = now() where person = $1`,
    values: [person],
  });
  for (const table of ['finding', 'wanted_login', 'due', 'hold']) {
    await tx.rows({ text: `delete from ${table} where person = $1`, values: [person] });
  }
}

/**
 * What operators said about accounts of the one holds for the other too, unless they said something about theirs. Where
 * one of them is frozen, both are.
 */
async function keepWords(tx: Db, from: string, to: string): Promise<void> {
  await tx.rows({
    text: `insert into adoption (target, account_id, person, word, said_by, said_at, reason, ticket)
      select target, account_id, $2, word, said_by, said_at, reason, ticket from adoption where person = $1
      on conflict do nothing`,
    values: [from, to],
  });
  await tx.rows({
    text: `update person p set frozen = f.frozen from person f
      where f.id = $1 and p.id = $2 and f.frozen is not null and p.frozen is null`,
    values: [from, to],
  });
}

const recordsOf = (db: Db, person: string): Promise<RecordName[]> =>
  db.rows<RecordName>({
    text: `select r.source, r.anchor from person_record pr join record r on r.key = pr.record_key
      where pr.person = $1 order by r.key`,
    values: [person],
  });
