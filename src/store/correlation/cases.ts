import type { CaseKind } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import { markDirty } from '../dirty.ts';
import { appendEvents } from '../events.ts';
import { setApart } from './apart.ts';
import { dormantSql, keepDormant } from './dormant.ts';
import { newPersonId } from './ids.ts';
import { type Deciding, lockPersons, mergeLocked, type NotMoved } from './persons.ts';

/**
 * `person`: the record is theirs. `same`: it is whom the case names, where it names one. `new`: it is somebody of their
 * own. `ignore`: it is to be nobody's, or, where it is somebody's already, it stays as it is.
 */
export type Resolution =
  | { readonly to: 'person'; readonly person: string }
  | { readonly to: 'same' }
  | { readonly to: 'new' }
  | { readonly to: 'ignore' };

export interface ResolvedCase {
  readonly id: string;
  readonly outcome: 'linked' | 'new' | 'ignored';
  readonly person: string | null;
  /** It is a secondary record of theirs: they have a primary one in its source. */
  readonly secondary?: true;
  /** Of a merge: the number by which it can be undone. */
  readonly event?: number;
}

interface Row {
  readonly id: string;
  readonly kind: CaseKind;
  readonly state: string;
  readonly persons: readonly string[];
  readonly record: number;
  readonly source: string;
  readonly anchor: string;
  readonly gone: boolean;
  readonly person: string | null;
}

/** Thrown to leave everything as it was. */
class Refused extends Error {
  readonly why: NotMoved;
  constructor(why: NotMoved) {
    super(why.because);
    this.why = why;
  }
}

const refuse = (because: string, remedy: string): never => {
  throw new Refused({ because, remedy });
};

/** Decides a case that is open, or was ignored. A refusal leaves everything as it was. */
export async function resolveCase(
  db: Db,
  id: string,
  resolution: Resolution,
  decided: Deciding,
): Promise<ResolvedCase | NotMoved> {
  try {
    return await db.tx((tx) => resolveLocked(tx, id, resolution, decided));
  } catch (error) {
    if (error instanceof Refused) return error.why;
    throw error;
  }
}

async function resolveLocked(tx: Db, id: string, resolution: Resolution, decided: Deciding): Promise<ResolvedCase> {
  await lockPersons(tx);
  const row = await tx.row<Row>({
    text: `select c.id, c.kind, c.state, c.persons, c.record_key as record, r.source, r.anchor,
        r.gone_at is not null as gone, pr.person
      from identity_case c join record r on r.key = c.record_key left join person_record pr on pr.record_key = r.key
      where c.id = $1 for update of c`,
    values: [id],
  });
  if (row === undefined) return refuse(`there is no case ${id}`, 'See them: drawbridge cases list');
  if (row.state === 'resolved') return refuse(`case ${id} is resolved already`, `See: drawbridge cases show ${id}`);
  if (row.gone) return refuse(`the record of case ${id} has gone`, 'There is nothing to decide.');
  const wanted = resolution.to === 'same' ? theOne(row) : resolution;
  await close(tx, row, decided);
  const done =
    row.person === null
      ? await settleLoose(tx, row, wanted, decided)
      : await settleLinked(tx, row, row.person, wanted, decided);
  await note(tx, row, done, decided);
  return done;
}

function theOne({ id, persons }: Row): Resolution {
  const [only, ...others] = persons;
  if (only !== undefined && others.length === 0) return { to: 'person', person: only };
  return refuse(
    `case ${id} names ${only === undefined ? 'nobody' : `${persons.length} persons`}`,
    `Name one with --person, or --new: drawbridge cases show ${id}`,
  );
}

/** First, since what follows may open another case of the same record. */
async function close(tx: Db, { id }: Row, { actor, reason, ticket }: Deciding): Promise<void> {
  await tx.rows({
    text: `update identity_case set state = 'resolved', decided_by = $2, decided_at = now(), reason = $3, ticket = $4
      where id = $1`,
    values: [id, actor, reason, ticket ?? null],
  });
}

/** The record is nobody's. */
async function settleLoose(tx: Db, row: Row, wanted: Resolution, { actor }: Deciding): Promise<ResolvedCase> {
  const { id, record, persons } = row;
  if (wanted.to === 'ignore') return { id, outcome: 'ignored', person: null };
  if (wanted.to !== 'person') {
    const person = newPersonId();
    await tx.rows({ text: 'insert into person (id) values ($1)', values: [person] });
    await link(tx, record, person, false);
    await setApart(tx, person, persons);
    return { id, outcome: 'new', person };
  }
  const { person } = wanted;
  const found = await tx.row<{ second: boolean; dormant: boolean }>({
    text: `select exists (select 1 from person_record pr join record r on r.key = pr.record_key
        where pr.person = p.id and r.source = $2 and r.gone_at is null and not pr.secondary) as second,
        (select ${dormantSql('r')} from record r where r.key = $3) as dormant
      from person p where id = $1`,
    values: [person, row.source, record],
  });
  if (found === undefined) return refuse(`there is no person ${person}`, 'See: drawbridge people list');
  // One primary record for each person and source: the later one becomes a secondary one, which ends nobody.
  await link(tx, record, person, found.second);
  await setApart(tx, person, persons);
  if (found.dormant) await keepDormant(tx, person, [record], actor);
  return { id, outcome: 'linked', person, ...(found.second && { secondary: true }) };
}

async function link(tx: Db, record: number, person: string, secondary: boolean): Promise<void> {
  await tx.rows({
    text: `insert into person_record (record_key, person, linked_by, secondary) values ($1, $2, 'operator', $3)`,
    values: [record, person, secondary],
  });
  await markDirty(tx, [person]);
}

/** The record is somebody's already: of two persons it is said whether they are one, of a dormant one whether it counts. */
async function settleLinked(
  tx: Db,
  row: Row,
  own: string,
  wanted: Resolution,
  decided: Deciding,
): Promise<ResolvedCase> {
  const { id, kind, record, persons } = row;
  if (wanted.to !== 'person') {
    if (kind === 'dormant') return { id, outcome: 'ignored', person: own };
    await setApart(tx, own, persons);
    return { id, outcome: 'new', person: own };
  }
  if (wanted.person === own) {
    if (kind !== 'dormant')
      return refuse(`the record of case ${id} is ${own}'s already`, 'Name the other one, or --new.');
    await tx.rows({ text: 'update person_record set dormant = false where record_key = $1', values: [record] });
    await markDirty(tx, [own], true);
    return { id, outcome: 'linked', person: own };
  }
  const moved = await mergeLocked(tx, [own, wanted.person], decided);
  if ('because' in moved) throw new Refused(moved);
  await setApart(tx, moved.to, persons);
  return { id, outcome: 'linked', person: moved.to, event: moved.event };
}

async function note(tx: Db, row: Row, done: ResolvedCase, { actor, reason, ticket }: Deciding): Promise<void> {
  await tx.rows({
    text: `update identity_case set state = $2, outcome = $3, person = $4 where id = $1`,
    values: [row.id, done.outcome === 'ignored' ? 'ignored' : 'resolved', done.outcome, done.person],
  });
  await appendEvents(tx, [
    {
      actor,
      kind: 'case.resolved',
      ...(done.person === null ? {} : { person: done.person }),
      source: row.source,
      object: row.anchor,
      detail: { case: row.id, outcome: done.outcome, reason, ...(ticket === undefined ? {} : { ticket }) },
    },
  ]);
}
