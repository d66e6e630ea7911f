import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttributeValue } from '../../src/model/facts.ts';
import type { Expression, Rule, RuleSet } from '../../src/model/rules.ts';
import type { TargetView } from '../../src/model/planning.ts';
import type { Budget, GuardLimits } from '../../src/model/guard.ts';
import type { Mode } from '../../src/model/plan.ts';
import { type Jobs, type JobsOptions, inlineQueue, startJobs } from '../../src/jobs/index.ts';
import type { Log } from '../../src/jobs/deps.ts';
import type { Db } from '../../src/store/db.ts';
import { blockSignIn } from '../../src/store/leave.ts';
import { storeParts } from '../../src/store/parts.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import type { FakeTarget } from './fake-target.ts';

/** A test with a database of its own, closed at its end. */
export function dbTest(name: string, body: (db: Db, config: TestDatabase['config']) => Promise<void>): void {
  void test(name, async () => {
    const database = await testDatabase();
    try {
      await body(database.db, database.config);
    } finally {
      await database.close();
    }
  });
}

/** Nothing is logged. */
export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export const SOURCE = 'okta';
const PLACE = { file: 'rules.yaml', line: 1, column: 1 };

/** An expression by hand: what it reads of the user. */
export function expression<T>(text: string, read: (user: Readonly<Record<string, unknown>>) => T): Expression<T> {
  return { text, place: PLACE, evaluate: ({ user }) => ({ value: read(user) }) };
}

const string = (name: string): Expression<string> => expression(`user.${name}`, (user) => String(user[name] ?? ''));

/** A rule that gives roles to the members of a group. */
export function groupRule(id: string, group: string, target: string, ...roles: string[]): Rule {
  return {
    id,
    place: PLACE,
    when: { group: { place: PLACE, source: SOURCE, name: group, nested: true } },
    grant: roles.map((role) => ({ place: PLACE, target, role })),
    account: [],
    alias: [],
    deny: [],
    protected: false,
    shadow: false,
  };
}

/** A rule that gives everybody an alias in the set linux: what stands before the @ of their user name. */
export function aliasRule(target: string, follow = false): Rule {
  const { when: _, ...rule } = groupRule('names', '', target);
  const username = expression('local', (user) => String(user['userName']).split('@')[0] ?? '');
  return { ...rule, alias: [{ place: PLACE, target, set: 'linux', username, follow }] };
}

export const ruleSet = (revision: string, ...rules: Rule[]): RuleSet => ({ revision, rules });

export function view(target: FakeTarget, mode: Mode = 'full', createRoles = false): TargetView {
  return {
    id: target.id,
    mode,
    can: target.can,
    createRoles,
    profile: { login: string('userName'), displayName: string('displayName') },
  };
}

export interface World {
  rules: RuleSet;
  readonly targets: FakeTarget[];
  mode: Mode;
  createRoles: boolean;
  needBaseline: boolean;
  adopt?: TargetView['adopt'];
  idleAfter?: number;
  untouchable?: TargetView['untouchable'];
  roles?: TargetView['roles'];
  /** Of the guard; without any nothing is held but what protected rules ask for. */
  limits?: GuardLimits;
}

const anything: Budget = { abs: Number.MAX_SAFE_INTEGER, pct: 0, from: 0 };
const UNLIMITED: GuardLimits = {
  windowMs: 86_400_000,
  accounts: anything,
  attachments: anything,
  role: anything,
  emptyFrom: Number.MAX_SAFE_INTEGER,
  protectedGrants: anything,
  creations: anything,
};

export const world = (targets: FakeTarget[], ...rules: Rule[]): World => ({
  rules: ruleSet('r1', ...rules),
  targets,
  mode: 'full',
  createRoles: false,
  needBaseline: false,
});

/** Quick enough for tests; no test waits for a full poll. */
const TIMING = { poll: 50, batch: 5, backoffBase: 20, backoffCap: 200, drain: 5_000, stale: 400, lease: 2_000 };

/** What startJobs is given for this world, with an in-process queue. */
export function jobsOptions(db: Db, of: World, more: Partial<JobsOptions> = {}): JobsOptions {
  return {
    db,
    store: storeParts,
    targets: new Map(of.targets.map((target) => [target.id, target])),
    views: () => ({
      rules: of.rules,
      targets: of.targets.map((target) => ({
        ...view(target, of.mode, of.createRoles),
        ...(of.adopt === undefined ? {} : { adopt: of.adopt }),
        ...(of.idleAfter === undefined ? {} : { idleAfter: of.idleAfter }),
        ...(of.untouchable === undefined ? {} : { untouchable: of.untouchable }),
        ...(of.roles === undefined ? {} : { roles: of.roles }),
      })),
      guard: { limits: of.limits ?? UNLIMITED, rehearsals: new Set() },
      needBaseline: new Set(of.needBaseline ? of.targets.map((t) => t.id) : []),
    }),
    log: silent,
    instance: 'test',
    queue: inlineQueue({ log: silent }),
    alone: true,
    ...more,
    timing: { ...TIMING, ...more.timing },
  };
}

export const start = (db: Db, of: World, more: Partial<JobsOptions> = {}): Promise<Jobs> =>
  startJobs(jobsOptions(db, of, more));

/** Waits until it is so; a test that would wait for ever fails and says for what. */
export async function until(what: () => Promise<boolean> | boolean, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await what())) {
    if (performance.now() > end) assert.fail(`not so after ${ms} ms: ${what.toString()}`);
    await sleep(5);
  }
}

/** `idle`, but a test that would hang fails and says what was left. */
export async function settled(jobs: Jobs, db: Db, ms = 20_000): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, ms, 'late')));
  const first = await Promise.race([jobs.idle(), late]);
  clearTimeout(timer);
  if (first !== 'late') return;
  const left = { work: await storeParts.lanes.listWork(db, { limit: 5 }), status: await jobs.status() };
  throw new Error(`not idle after ${ms} ms: ${JSON.stringify(left)}`);
}

/** A store whose connection is gone from a certain call on: as if the process had been killed there. */
export function dying(db: Db, at: (text: string) => boolean): { db: Db; dead: () => boolean } {
  let dead = false;
  const check = (text: string): void => {
    dead ||= at(text);
    if (dead) throw new Error('killed');
  };
  const wrap = (inner: Db): Db => ({
    ...inner,
    rows: async (statement) => {
      check(statement.text);
      return inner.rows(statement);
    },
    row: async (statement) => {
      check(statement.text);
      return inner.row(statement);
    },
    tx: async (work, options) => inner.tx((tx) => work(wrap(tx)), options),
  });
  return { db: wrap(db), dead: () => dead };
}

/** Writes what a source would, the way the SCIM endpoint does: record, link, membership and dirty rows together. */
export const seed = {
  async user(db: Db, anchor: string, attributes: Record<string, AttributeValue> = {}): Promise<string> {
    return db.tx(async (tx) => {
      const key = await record(tx, anchor, 'user', { userName: `${anchor}@example.com`, ...attributes });
      const id = `p_${anchor}`;
      await tx.rows({ text: 'insert into person (id) values ($1)', values: [id] });
      await tx.rows({
        text: `insert into person_record (record_key, person, linked_by) values ($1, $2, 'test')`,
        values: [key, id],
      });
      await dirty(tx, 'user', key, false);
      return id;
    });
  },
  async group(db: Db, anchor: string, displayName = anchor): Promise<number> {
    return db.tx(async (tx) => record(tx, anchor, 'group', { displayName }));
  },
  async join(db: Db, group: string, ...members: string[]): Promise<void> {
    await db.tx(async (tx) => {
      for (const member of members) {
        const of = await find(tx, member);
        await tx.rows({
          text: 'insert into membership (group_key, member_key) values ($1, $2) on conflict do nothing',
          values: [(await find(tx, group)).key, of.key],
        });
        await dirty(tx, of.kind, of.key, false);
      }
    });
  },
  async leaveGroup(db: Db, group: string, member: string): Promise<void> {
    await db.tx(async (tx) => {
      const of = await find(tx, member);
      await tx.rows({
        text: 'delete from membership where group_key = $1 and member_key = $2',
        values: [(await find(tx, group)).key, of.key],
      });
      await dirty(tx, of.kind, of.key, false);
    });
  },
  async rename(db: Db, anchor: string, userName: string): Promise<void> {
    await db.tx(async (tx) => {
      const { key } = await find(tx, anchor);
      await tx.rows({
        text: `update record set user_name = $2, attributes = attributes || jsonb_build_object('userName', $2::text),
          version = version + 1 where key = $1`,
        values: [key, userName],
      });
      await dirty(tx, 'user', key, false);
    });
  },
  /** Disabled (`active: false`), enabled again, or deleted at the source. */
  async leave(db: Db, anchor: string, how: 'disabled' | 'deleted' | 'enabled'): Promise<void> {
    await db.tx(async (tx) => {
      const { key } = await find(tx, anchor);
      await tx.rows({
        text: `update record set active = $2, version = version + 1,
            gone_at = case when $3 then now() end, evidence = case when $2 then null else 'explicit' end
          where key = $1`,
        values: [key, how === 'enabled', how === 'deleted'],
      });
      if (how !== 'enabled') await blockSignIn(tx, key);
      await dirty(tx, 'user', key, how !== 'enabled');
    });
  },
  async deleteGroup(db: Db, anchor: string): Promise<void> {
    await db.tx(async (tx) => {
      const { key } = await find(tx, anchor);
      await tx.rows({
        text: `update record set gone_at = now(), evidence = 'removed', version = version + 1 where key = $1`,
        values: [key],
      });
      await dirty(tx, 'group', key, false);
    });
  },
};

async function record(
  tx: Db,
  anchor: string,
  kind: string,
  attributes: Record<string, AttributeValue>,
): Promise<number> {
  const displayName = String(attributes['displayName'] ?? anchor);
  const row = await tx.row<{ key: number }>({
    text: `insert into record (source, anchor, kind, user_name, display_name, attributes)
      values ($1, $2, $3, $4, $5, $6::jsonb) returning key`,
    values: [
      SOURCE,
      anchor,
      kind,
      attributes['userName'] ?? null,
      displayName,
      JSON.stringify({ displayName, ...attributes }),
    ],
  });
  return row?.key ?? 0;
}

async function find(tx: Db, anchor: string): Promise<{ key: number; kind: 'user' | 'group' }> {
  const row = await tx.row<{ key: number; kind: 'user' | 'group' }>({
    text: 'select key, kind from record where source = $1 and anchor = $2',
    values: [SOURCE, anchor],
  });
  if (row === undefined) throw new Error(`no record ${anchor}`);
  return row;
}

async function dirty(tx: Db, kind: string, key: number, urgent: boolean): Promise<void> {
  await tx.rows({
    text: 'insert into dirty (kind, record_key, urgent) values ($1, $2, $3)',
    values: [kind, key, urgent],
  });
}
