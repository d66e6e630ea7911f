import type { ItemKey } from '../model/accounts.ts';
import type { Change, Op } from '../model/plan.ts';
import type { Lane } from '../model/job.ts';
import type { Db } from './db.ts';

export type StepState = 'proposed' | 'pending' | 'done' | 'superseded' | 'moved' | 'refused' | 'dropped';
export type PlanKind = 'full' | 'partial';

/** A step as it is saved: it adds nothing for a generation older than the one it was planned for. */
export interface NewStep extends Lane {
  readonly basis: string;
  readonly generation: number;
  readonly changes: readonly Change[];
  readonly state: 'proposed' | 'pending';
}

export interface StoredStep extends Lane {
  readonly id: number;
  readonly basis: string;
  readonly generation: number;
  readonly changes: readonly Change[];
  readonly state: StepState;
}

export interface NewPlan {
  readonly hash: string;
  readonly kind: PlanKind;
  readonly actor: string;
  readonly rulesRevision: string;
  /** The commit of the rules, where it is known: `<sha>`, with `-dirty` when files were changed since. */
  readonly rulesCommit?: string | null;
  readonly counts: Readonly<Record<string, number>>;
}

export interface StoredPlan extends NewPlan {
  readonly id: number;
  readonly createdAt: Date;
}

const COLUMNS = `s.id, s.target, s.person, s.basis, s.generation, s.changes, s.state`;
const PLAN = `id, hash, kind, actor, rules_revision as "rulesRevision", rules_commit as "rulesCommit", counts, created_at as "createdAt"`;

/** Writes the plan itself and gives its id. */
export async function insertPlan(db: Db, plan: NewPlan): Promise<number> {
  const row = await db.row<{ id: number }>({
    name: 'plans-insert',
    text: `insert into plan (hash, kind, actor, rules_revision, counts, rules_commit)
      values ($1, $2, $3, $4, $5::jsonb, $6) returning id`,
    values: [
      plan.hash,
      plan.kind,
      plan.actor,
      plan.rulesRevision,
      JSON.stringify(plan.counts),
      plan.rulesCommit ?? null,
    ],
  });
  if (row === undefined) throw new Error('the store gave no id for a plan');
  return row.id;
}

/** Writes the steps of a plan and gives them their ids. One statement, however many. */
export async function insertSteps(
  db: Db,
  plan: number,
  steps: readonly NewStep[],
): Promise<Array<Lane & { readonly id: number }>> {
  if (steps.length === 0) return [];
  return db.rows({
    name: 'plans-insert-steps',
    text: `insert into step (plan_id, target, person, basis, generation, changes, state)
      select $1, target, person, basis, generation, changes, state from jsonb_to_recordset($2::jsonb)
        as s(target text, person text, basis text, generation int, changes jsonb, state text)
      returning target, person, id`,
    values: [plan, JSON.stringify(steps)],
  });
}

/** The hash and the counts of a plan whose steps were written before they were known. */
export async function sealPlan(
  db: Db,
  id: number,
  hash: string,
  counts: Readonly<Record<string, number>>,
): Promise<void> {
  await db.rows({
    text: `update plan set hash = $2, counts = $3::jsonb where id = $1`,
    values: [id, hash, JSON.stringify(counts)],
  });
}

/** Takes back the steps that a plan in the making has for these persons. */
export async function dropSteps(db: Db, plan: number, persons: readonly string[]): Promise<void> {
  await db.rows({
    text: `delete from step where plan_id = $1 and person = any($2::text[])`,
    values: [plan, persons],
  });
}

/** Leaves no more than these changes of steps of a plan in the making; one without changes is taken back. */
export async function trimSteps(db: Db, steps: ReadonlyArray<Pick<StoredStep, 'id' | 'changes'>>): Promise<void> {
  if (steps.length === 0) return;
  await db.rows({
    text: `with t as (select id, changes from jsonb_to_recordset($1::jsonb) as t(id bigint, changes jsonb)),
      gone as (delete from step s using t where s.id = t.id and t.changes = '[]'::jsonb)
      update step s set changes = t.changes from t where s.id = t.id and t.changes <> '[]'::jsonb`,
    values: [JSON.stringify(steps)],
  });
}

export async function countPersons(db: Db, plan: number): Promise<number> {
  const row = await db.row<{ n: number }>({
    text: `select count(distinct person) as n from step where plan_id = $1`,
    values: [plan],
  });
  return row?.n ?? 0;
}

/** How often each change is in a plan, most frequent first. */
export async function tallyOf(
  db: Db,
  plan: number,
): Promise<Array<{ readonly target: string; readonly op: Op; readonly item: ItemKey; readonly n: number }>> {
  return db.rows({
    text: `select s.target, c->>'op' as op, c->>'item' as item, count(*) as n
      from step s cross join lateral jsonb_array_elements(s.changes) as c where s.plan_id = $1
      group by 1, 2, 3 order by 4 desc, 1, 2, 3`,
    values: [plan],
  });
}

/** The steps of the first `people` of a plan, by id of the person. */
export async function firstSteps(db: Db, plan: number, people: number): Promise<StoredStep[]> {
  return db.rows({
    text: `select ${COLUMNS} from step s where s.plan_id = $1 and s.person in (
        select distinct person from step where plan_id = $1 order by person limit $2)
      order by s.person, s.target`,
    values: [plan, people],
  });
}

/**
 * All steps of a plan in pages, in the order that its hash has them in: by target, then person. In a transaction only,
 * one at a time: the steps lie in a cursor of it.
 */
export async function* orderedSteps(db: Db, plan: number): AsyncGenerator<StoredStep[]> {
  await db.rows({
    text: `declare ordered_steps no scroll cursor for select ${COLUMNS} from step s where s.plan_id = $1
      order by s.target collate "C", s.person collate "C"`,
    values: [plan],
  });
  for (;;) {
    const page = await db.rows<StoredStep>({ text: `fetch 500 from ordered_steps` });
    if (page.length === 0) break;
    yield page;
  }
  await db.rows({ text: `close ordered_steps` });
}

/** What stands in these persons' lanes: the newest step of each that waits, was proposed by itself, or is parked. */
export async function openSteps(db: Db, persons: readonly string[]): Promise<StoredStep[]> {
  if (persons.length === 0) return [];
  return db.rows<StoredStep>({
    name: 'plans-open-steps',
    text: `select distinct on (s.person, s.target) ${COLUMNS}
      from step s join plan p on p.id = s.plan_id
      where s.person = any($1::text[]) and s.state in ('proposed', 'pending', 'refused')
        and not (s.state = 'proposed' and p.kind = 'full')
      order by s.person, s.target, s.id desc`,
    values: [persons],
  });
}

/**
 * A newer plan has something else for these lanes, or nothing. What a full plan only proposed stays for its approval,
 * and so do the steps in `except`.
 */
export async function supersede(db: Db, lanes: readonly Lane[], except: readonly number[] = []): Promise<void> {
  if (lanes.length === 0) return;
  await db.rows({
    name: 'plans-supersede',
    text: `update step s set state = 'superseded', settled_at = now()
      from (select * from unnest($1::text[], $2::text[]) as u(target, person)) l, plan p
      where s.target = l.target and s.person = l.person and s.state in ('proposed', 'pending', 'refused')
        and p.id = s.plan_id and not (s.state = 'proposed' and p.kind = 'full') and s.id <> all($3::bigint[])`,
    values: [lanes.map((l) => l.target), lanes.map((l) => l.person), except],
  });
}

/** Settles single steps by id, from the state that they are expected in. Gives the ids that were in it. */
export async function settleSteps(
  db: Db,
  ids: readonly number[],
  from: StepState,
  to: StepState,
): Promise<Array<Lane & { readonly id: number }>> {
  if (ids.length === 0) return [];
  return db.rows({
    name: 'plans-settle-steps',
    text: `update step set state = $3, settled_at = case when $3 = 'pending' then null else now() end
      where id = any($1::bigint[]) and state = $2 returning id, target, person`,
    values: [ids, from, to],
  });
}

/** After a part of a step was done: what is left of it, and what that rests on. */
export async function rebaseStep(db: Db, id: number, basis: string, changes: readonly Change[]): Promise<boolean> {
  const row = await db.row({
    name: 'plans-rebase-step',
    text: `update step set basis = $2, changes = $3::jsonb where id = $1 and state = 'pending' returning id`,
    values: [id, basis, JSON.stringify(changes)],
  });
  return row !== undefined;
}

/** The newest plan with this hash, or one whose hash begins so (8 characters at least). */
export async function planByHash(db: Db, hash: string): Promise<StoredPlan | undefined> {
  if (hash.length < 8) return undefined;
  return db.row<StoredPlan>({
    text: `select ${PLAN} from plan where starts_with(hash, $1) order by id desc limit 1`,
    values: [hash],
  });
}

/** The newest plans, newest first. */
export async function listPlans(db: Db, limit: number): Promise<StoredPlan[]> {
  return db.rows<StoredPlan>({ text: `select ${PLAN} from plan order by id desc limit $1`, values: [limit] });
}

/** Steps of a plan after `after` in order, in one state if given. */
export async function stepsOfPlan(
  db: Db,
  plan: number,
  after: number,
  limit: number,
  state?: StepState,
): Promise<StoredStep[]> {
  return db.rows<StoredStep>({
    name: 'plans-steps',
    text: `select ${COLUMNS} from step s where s.plan_id = $1 and s.id > $2 and ($4::text is null or s.state = $4)
      order by s.id limit $3`,
    values: [plan, after, limit, state ?? null],
  });
}

/** A step with the plan that it came by. */
export interface PastStep extends StoredStep {
  readonly plan: string;
  readonly rulesRevision: string;
  readonly rulesCommit: string | null;
  readonly settledAt: Date | null;
}

/** The newest steps of a person, newest first, with their plan. */
export async function stepsOfPerson(db: Db, person: string, limit: number): Promise<PastStep[]> {
  return db.rows({
    text: `select ${COLUMNS}, p.hash as plan, p.rules_revision as "rulesRevision",
      p.rules_commit as "rulesCommit", s.settled_at as "settledAt" from step s join plan p on p.id = s.plan_id
      where s.person = $1 order by s.id desc limit $2`,
    values: [person, limit],
  });
}
