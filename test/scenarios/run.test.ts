/**
 * Runs every `*.yaml` in this folder: facts, rules and accounts in, the plan out. README.md says how one is written.
 * Each plan is carried out on the model, and the one after it must be empty; `next` then changes the facts.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import type { LedgerRow, Observed } from '../../src/model/accounts.ts';
import type { LinkedRecord } from '../../src/model/person.ts';
import type { Expression } from '../../src/model/rules.ts';
import type { Hold, Plan } from '../../src/model/plan.ts';
import { decided, judged, type Memory, NOTHING, withLeaves } from '../support/guarded-world.ts';
import {
  applied,
  CAN,
  ENGINE,
  graphOf,
  planWorld,
  profileTemplate,
  record,
  rulesOf,
  view,
  type World,
} from '../support/planning.ts';

const value = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);
const recordSchema = z.strictObject({
  attributes: z.record(z.string(), value).default({}),
  covers: z.array(z.string()).optional(),
  email: z.string().nullable().optional(),
  name: z.string().optional(),
  active: z.boolean().default(true),
  gone: z.enum(['explicit', 'removed', 'scoped-out', 'absent', 'unknown']).optional(),
  missing: z.enum(['scoped-out', 'absent', 'unknown']).optional(),
  groups: z.array(z.string()).default([]),
  source: z.string().default('okta'),
  secondary: z.literal(true).optional(),
  dormant: z.literal(true).optional(),
});
const personSchema = recordSchema.extend({
  generation: z.number().default(0),
  /** Further records of theirs, each under its anchor. */
  also: z.record(z.string(), recordSchema).default({}),
});
const accountSchema = z.strictObject({
  login: z.string(),
  name: z.string().optional(),
  of: z.string().optional(),
  active: z.boolean().default(true),
  roles: z.array(z.string()).default([]),
  aliases: z.array(z.string()).default([]),
  managedBy: z.string().optional(),
  tags: z.array(z.string()).optional(),
  privileged: z.boolean().optional(),
});
const situation = z.strictObject({
  now: z.string().optional(),
  groups: z.record(z.string(), z.array(z.string())).optional(),
  people: z.record(z.string(), personSchema).optional(),
  rules: z.string().optional(),
  accounts: z.record(z.string(), accountSchema).optional(),
  ledger: z.array(z.string()).optional(),
  approve: z.string().optional(),
  reject: z.string().optional(),
  adoptions: z.record(z.string(), z.enum(['adopt', 'leave'])).optional(),
});
const expectation = z.strictObject({
  plan: z.record(z.string(), z.array(z.string())).optional(),
  counts: z.record(z.string(), z.number()).optional(),
  held: z.record(z.string(), z.number()).default({}),
  because: z.string().optional(),
  findings: z.array(z.string()).default([]),
  findingCounts: z.record(z.string(), z.number()).optional(),
  problems: z.array(z.string()).optional(),
  aliases: z.record(z.string(), z.array(z.string())).optional(),
});
const scenario = situation.extend({
  about: z.string(),
  roles: z.array(z.string()).default([]),
  mode: z.enum(['full', 'add-only', 'observe']).default('full'),
  createRoles: z.boolean().default(false),
  scope: z.string().optional(),
  adopt: z.enum(['ask', 'auto', 'never']).default('ask'),
  can: z.record(z.string(), z.boolean()).default({}),
  profile: z.record(z.string(), z.string()).default({}),
  read: z.boolean().default(true),
  guard: z.enum(['rehearsal', 'real']).optional(),
  untouchable: z
    .strictObject({ ids: z.array(z.string()).default([]), tags: z.array(z.string()).default([]) })
    .optional(),
  minMembers: z.record(z.string(), z.number()).default({}),
  authoritative: z.array(z.string()).default([]),
  expect: expectation,
  next: z.array(situation.extend({ about: z.string(), expect: expectation })).default([]),
});
type Scenario = z.infer<typeof scenario>;
type Situation = z.infer<typeof situation>;

const FOLDER = import.meta.dirname;
const files = readdirSync(FOLDER).filter((f) => f.endsWith('.yaml'));

test('there are scenarios', () => assert.ok(files.length >= 60));

for (const file of files) {
  const { data, error } = scenario.safeParse(parse(readFileSync(join(FOLDER, file), 'utf8')));
  test(`${file.replace('.yaml', '')}: ${data?.about ?? 'does not parse'}`, () => {
    assert.ok(data !== undefined, error?.message);
    run(data);
  });
}

function run(first: Scenario): void {
  let world: World | undefined;
  let facts: Situation = {};
  let memory = NOTHING;
  let held: readonly Hold[] = [];
  for (const part of [first, ...first.next]) {
    facts = { ...facts, ...Object.fromEntries(Object.entries(part).filter(([, v]) => v !== undefined)) };
    const loaded = rulesOf(facts.rules ?? 'rules: []');
    const errors = loaded.problems
      .filter((p) => p.severity === 'error')
      .map((p) => `${p.place?.line}:${p.place?.column} ${p.message}`);
    assert.deepEqual(errors, part.expect.problems ?? [], part.about);
    if (loaded.rules === undefined) continue;
    const fresh = withLeaves(world, worldOf(first, facts, part, loaded.rules, world), memory);
    ({ world, memory } = fresh);
    memory = wordOf(part, held, memory);
    const { plan, memory: after } = guardedPlan(first, world, memory);
    memory = after;
    held = plan.holds;
    if (part.expect.counts === undefined) assert.deepEqual(shown(plan), part.expect.plan ?? {}, part.about);
    else assert.deepEqual(counted(plan.steps.flatMap((s) => s.changes)), part.expect.counts, part.about);
    assert.deepEqual(counted(plan.holds), part.expect.held, part.about);
    const because = [...new Set(plan.holds.map((hold) => hold.because))].join('\n');
    assert.ok(because.includes(part.expect.because ?? ''), `${part.about}: ${because}`);
    if (part.expect.findingCounts !== undefined) {
      const byKind = Map.groupBy(plan.findings, (f) => f.kind);
      const counts = Object.fromEntries([...byKind].map(([kind, of]) => [kind, of.length]));
      assert.deepEqual(counts, part.expect.findingCounts, part.about);
    } else
      assert.deepEqual(
        plan.findings.map((f) => [f.kind, f.person?.slice(2), f.object].filter(Boolean).join(' ')),
        part.expect.findings,
        part.about,
      );
    world = applied(world, plan);
    if (part.expect.aliases !== undefined) assert.deepEqual(aliasesIn(world), part.expect.aliases, part.about);
    const again = guardedPlan(first, world, memory).plan;
    // What an account is to become that was adopted comes with the plan after that, or is held there.
    const adopts = plan.steps.some((step) => step.changes.some(({ op }) => op === 'adopt'));
    if (adopts) continue;
    assert.deepEqual(shown(again), {}, `${part.about}: planned again`);
    assert.deepEqual(
      again.holds.map((hold) => hold.id),
      held.map((hold) => hold.id),
      `${part.about}: the same is held when it is planned again`,
    );
  }
}

function guardedPlan({ guard }: Scenario, world: World, memory: Memory) {
  const plan = planWorld(world);
  return guard === undefined ? { plan, memory } : judged(world, plan, memory, guard === 'real');
}

function wordOf({ approve, reject }: Situation, held: readonly Hold[], memory: Memory): Memory {
  const after = approve === undefined ? memory : decided(memory, held, approve, 'approved');
  return reject === undefined ? after : decided(after, held, reject, 'rejected');
}

/** What the accounts show in the end, by person, or by the id of an account that is nobody's. */
const aliasesIn = ({ accounts }: World): Record<string, string[]> =>
  Object.fromEntries(
    accounts.flatMap(({ id, mark, aliases }) =>
      aliases.size === 0 ? [] : [[mark?.slice(2) ?? id, [...aliases].toSorted()]],
    ),
  );

/** How often each change is there, such as `grant role:db`. */
function counted(changes: ReadonlyArray<{ readonly op: string; readonly item: string }>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op, item } of changes) counts[`${op} ${item}`] = (counts[`${op} ${item}`] ?? 0) + 1;
  return counts;
}

function scopeOf(text: string): Expression<boolean> {
  const compiled = ENGINE.compile(text, 'bool', { file: 'scope', line: 1, column: 1 });
  return 'expression' in compiled ? compiled.expression : assert.fail(compiled.fault.message);
}

/** `u1-40` stands for forty people alike. */
function each<T>(people: Readonly<Record<string, T>>): Array<[name: string, person: T]> {
  return Object.entries(people).flatMap(([name, person]) => {
    const [, prefix = '', from, to] = /^([a-z]+)(\d+)-(\d+)$/.exec(name) ?? [];
    if (to === undefined) return [[name, person] as [string, T]];
    const count = Number(to) - Number(from) + 1;
    return Array.from({ length: count }, (_, i): [string, T] => [`${prefix}${Number(from) + i}`, person]);
  });
}

const shown = (plan: Plan): Record<string, string[]> =>
  Object.fromEntries(plan.steps.map((s) => [s.person.slice(2), s.changes.map((c) => `${c.op} ${c.item}`)]));

/** Facts and what is said of the target in this part; what the target and the ledger hold otherwise goes on. */
function worldOf(
  setup: Scenario,
  facts: Situation,
  part: Situation,
  rules: World['rules'],
  before: World | undefined,
): World {
  const said = part.accounts === undefined ? before?.accounts : each(part.accounts).map(accountOf);
  const ledger = part.ledger === undefined ? before?.ledger : part.ledger.map(rowOf);
  const names = [...new Set([...setup.roles, ...(before?.roles.values() ?? [])])];
  return {
    people: each(facts.people ?? {}).map(([name, p]) => ({
      id: `p_${name}`,
      generation: p.generation,
      records: [recordOf(name, p), ...Object.entries(p.also).map(([anchor, more]) => recordOf(anchor, more))],
    })),
    graph: graphOf(facts.groups ?? {}),
    rules,
    target: view({
      mode: setup.mode,
      createRoles: setup.createRoles,
      ...(setup.untouchable !== undefined && { untouchable: setup.untouchable }),
      roles: Object.fromEntries([
        ...Object.entries(setup.minMembers).map(([role, minMembers]) => [role, { minMembers }]),
        ...setup.authoritative.map((role) => [role, { authoritative: true }]),
      ]),
      can: { ...CAN, ...setup.can },
      profile: profileTemplate(setup.profile),
      ...(setup.scope !== undefined && { scope: scopeOf(setup.scope) }),
      adopt: { mode: setup.adopt, verifiedDomains: ['example.com'] },
    }),
    adoptions: new Map(each(facts.adoptions ?? {}).map(([name, word]) => [`p_${name}`, word])),
    accounts: said ?? [],
    roles: new Map(names.map((r) => [`r-${r}`, r])),
    ledger: ledger ?? [],
    now: new Date(facts.now ?? '2030-01-01T00:00:00Z'),
    targetRead: setup.read,
    kept: before?.kept ?? [],
  };
}

function recordOf(name: string, p: z.infer<typeof recordSchema>): LinkedRecord {
  const email = p.email === undefined ? `${name}@example.com` : p.email;
  return record({
    anchor: name,
    source: p.source,
    displayName: p.name ?? name,
    emails: email === null ? [] : [email],
    active: p.active,
    attributes: p.attributes,
    memberOf: p.groups.map((g) => `okta/${g}` as const),
    ...(p.gone !== undefined && { gone: p.gone }),
    ...(p.missing !== undefined && { missing: p.missing }),
    ...(p.covers !== undefined && { covers: p.covers }),
    ...(p.secondary !== undefined && { secondary: p.secondary }),
    ...(p.dormant !== undefined && { dormant: p.dormant }),
  });
}

const accountOf = ([id, a]: [string, z.infer<typeof accountSchema>]): Observed => ({
  id,
  profile: { login: a.login.replace('{}', id), displayName: a.name ?? a.login.replace('{}', id).split('@')[0] ?? '' },
  active: a.active,
  roles: new Set(a.roles.map((r) => `r-${r}`)),
  aliases: new Set(a.aliases),
  ...(a.of !== undefined && { mark: `p_${a.of}` }),
  ...(a.managedBy !== undefined && { managedBy: a.managedBy }),
  ...(a.tags !== undefined && { tags: a.tags }),
  ...(a.privileged !== undefined && { privileged: a.privileged }),
});

/** `ann account=a-1 blocked`, `ann role:db`, `ann role:db unconfirmed`, `ann alias:linux=ann` */
function rowOf(text: string): LedgerRow {
  const [person = '', item = '', ...flags] = text.split(' ');
  const [key = '', id] = item.split('=');
  const role = key.startsWith('role:') ? `r-${key.slice(5)}` : undefined;
  const objectId = id ?? role;
  return {
    target: 'pam',
    person: `p_${person}`,
    item: key as LedgerRow['item'],
    created: true,
    confirmed: !flags.includes('unconfirmed'),
    ...(objectId !== undefined && { objectId }),
    ...(flags.includes('blocked') && { blocked: true }),
    plan: 'old',
    causes: [{ rule: 'old' }],
  };
}
