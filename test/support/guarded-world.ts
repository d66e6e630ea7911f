/** The guard over a world: budgets counted from its ledger, and what was let through before, in a window of the clock. */
import { protectedRoles } from '../../src/mapping/index-rules.ts';
import { BURST_LIMIT, type Decision, GUARD_LIMITS, type GuardScope, type Tally } from '../../src/model/guard.ts';
import { membersOf } from '../../src/jobs/judge.ts';
import type { LedgerRow } from '../../src/model/accounts.ts';
import type { Hold, Plan } from '../../src/model/plan.ts';
import { guard, type Passed } from '../../src/plan/guard.ts';
import type { World } from './planning.ts';

/** What the guard remembers: values; `judged` gives the next. */
export interface Memory {
  readonly passed: ReadonlyArray<Passed & { readonly at: number }>;
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Explicit leaves, as the store counts them. */
  readonly left: ReadonlyArray<{ readonly person: string; readonly at: number; readonly held: boolean }>;
}

export const NOTHING: Memory = { passed: [], decisions: new Map(), left: [] };

/** What the store does when people leave: of those who left since `before`, whom a burst holds; and who was away before. */
export function withLeaves(
  before: World | undefined,
  world: World,
  memory: Memory,
): { readonly world: World; readonly memory: Memory } {
  const now = world.now.getTime();
  const was = new Map((before?.people ?? []).map((p) => [p.id, isAway(p)]));
  const people = world.people.filter((p) => p.records.some((r) => r.gone === undefined)).length;
  const allowed = Math.max(BURST_LIMIT.abs, Math.floor((BURST_LIMIT.pct * people) / 100));
  const left = memory.left.filter((l) => !world.people.some((p) => p.id === l.person && !isAway(p)));
  let recent = left.filter(({ at }) => at > now - BURST_LIMIT.windowMs).length;
  for (const { id, ...person } of world.people) {
    if (was.get(id) !== false || !isAway(person)) continue;
    recent += 1;
    left.push({ person: id, at: now, held: recent > allowed });
  }
  const known = new Map(left.map((l) => [l.person, l.held]));
  const marked = world.people.map((p) => ({
    ...p,
    records: p.records.map((r) => ({
      ...r,
      ...(known.get(p.id) === true && { heldLeave: true as const }),
      // Nobody saw them leave.
      ...(!r.active && r.gone === undefined && !known.has(p.id) && { dormant: true as const }),
    })),
  }));
  return { world: { ...world, people: marked }, memory: { ...memory, left } };
}

const isAway = ({ records }: Pick<World['people'][number], 'records'>): boolean =>
  records.some((r) => !r.active || r.gone === 'explicit');

export interface Judged {
  readonly plan: Plan;
  readonly memory: Memory;
}

/** `real`: the number of accounts made there counts. */
export function judged(world: World, plan: Plan, memory: Memory, real: boolean): Judged {
  const now = world.now.getTime();
  const passed = memory.passed.filter(({ at }) => at > now - GUARD_LIMITS.windowMs);
  const same = (a: { readonly person: string; readonly item: string; readonly op: string }, b: typeof a): boolean =>
    a.person === b.person && a.item === b.item && a.op === b.op;
  const result = guard({
    steps: plan.steps,
    limits: GUARD_LIMITS,
    rulesRevision: world.rules.revision,
    tally: (scope) => tally(world, passed, scope),
    counted: (key) => {
      const found = passed.find((p) => same(p, key));
      return found === undefined ? undefined : found.approved ? 'approved' : 'passed';
    },
    decision: (id) => memory.decisions.get(id),
    isProtected: (target, role) => protectedRoles(world.rules, target).has(role),
    isRehearsal: () => !real,
    minMembers: (_target, role) => world.target.roles?.[role]?.minMembers,
  });
  const fresh = result.passed.filter((p) => !passed.some((old) => same(old, p))).map((p) => ({ ...p, at: now }));
  // What is given again may be taken again, and counts anew then.
  const given = new Set(
    result.steps.flatMap((s) => s.changes.flatMap((c) => (c.op === 'grant' ? [`${s.person} ${c.item}`] : []))),
  );
  const kept = passed.filter((p) => p.kind !== 'take' || !given.has(`${p.person} ${p.item}`));
  return {
    plan: { ...plan, steps: result.steps, holds: result.holds },
    memory: { ...memory, passed: [...kept, ...fresh] },
  };
}

/** An operator's word on the holds of this change, such as `revoke role:db`. */
export const decided = (memory: Memory, holds: readonly Hold[], change: string, word: Decision): Memory => ({
  ...memory,
  decisions: new Map([
    ...memory.decisions,
    ...holds.filter(({ op, item }) => `${op} ${item}` === change).map(({ id }) => [id, word] as const),
  ]),
});

function tally(world: World, passed: Memory['passed'], scope: GuardScope): Tally {
  const isIn = membersOf(scope);
  const kind = scope.kind === 'creations' || scope.kind === 'protectedGrants' ? 'give' : 'take';
  const sourceOf = (row: LedgerRow): string => row.causes.find((c) => c.record !== undefined)?.record?.source ?? '';
  return {
    owned: world.ledger.filter((row) => isIn({ ...row, source: sourceOf(row) })).length,
    passed: passed.filter((p) => p.kind === kind && !p.approved && isIn({ ...p, source: p.source ?? '' })).length,
    pending: 0,
  };
}
