import { itemRole } from '../model/accounts.ts';
import type { Budget, ChangeKey, Decision, GuardLimits, GuardScope, Tally } from '../model/guard.ts';
import type { Change, Hold, Step } from '../model/plan.ts';
import { digest } from './canonical.ts';

/** What the guard judges, and what it needs to know for that. All values; the caller has read them. */
export interface GuardInput {
  readonly steps: readonly Step[];
  readonly limits: GuardLimits;
  readonly rulesRevision: string;
  tally(scope: GuardScope): Tally;
  /** Was this very change let through within the window already, and by whose word? It is not counted twice. */
  counted(key: ChangeKey): 'passed' | 'approved' | undefined;
  decision(holdId: string): Decision | undefined;
  isProtected(target: string, role: string): boolean;
  /** So many of those to whom we gave the role keep it, unless somebody approves. */
  minMembers?(target: string, role: string): number | undefined;
  /** A simulator, or a target without a baseline: the number of accounts made there is not worth asking about. */
  isRehearsal(target: string): boolean;
}

/** A change that was let through and counts against budgets from now on. */
export interface Passed extends ChangeKey {
  /** The source that had caused what is taken. */
  readonly source?: string;
  readonly kind: 'take' | 'give';
  readonly approved: boolean;
}

export interface Guarded {
  /** Without what is held; a step of which nothing is left is not in here. */
  readonly steps: readonly Step[];
  readonly holds: readonly Hold[];
  readonly passed: readonly Passed[];
}

/**
 * Holds inferred removals that exceed a budget, and additions that are unusually many; what a source stated of a person
 * itself (`explicit`) passes, unless it came in a burst of such words (then all but protected roles is held), or was so at first sight. A scope
 * that would go over its budget by all of these steps together lets none of its changes through: which of them come
 * first must not decide who loses access. Narrow scopes are judged first, so that one role's trouble does not hold back
 * everything at the target.
 */
export function guard(input: GuardInput): Guarded {
  const cases = input.steps.flatMap((step) => step.changes.flatMap((change) => caseOf(input, step, change) ?? []));
  const open = new Set(cases.filter((c) => c.decision === undefined));
  for (const one of open) {
    if (one.forbidden !== undefined && one.known !== 'approved') hold(open, one, one.forbidden);
    // What was let through before is within its budgets already, and is counted there.
    else if (one.known !== undefined) open.delete(one);
  }
  for (const kind of ORDER) {
    const scopes = Map.groupBy(
      [...open].flatMap((one) => one.scopes.flatMap((scope) => (scope.kind === kind ? [{ one, scope }] : []))),
      ({ scope }) => nameOf(scope),
    );
    for (const members of scopes.values()) {
      const { scope } = members[0] ?? {};
      if (scope === undefined) continue;
      const because = judge(input, scope, members.length);
      if (because !== undefined) for (const { one } of members) hold(open, one, because);
    }
  }
  const held = cases.filter((c) => c.because !== undefined);
  const heldOf = Map.groupBy(held, (c) => c.step);
  return {
    steps: input.steps.flatMap((step) => without(step, new Set(heldOf.get(step)?.map((c) => c.change))) ?? []),
    holds: held.map(holdOf),
    passed: cases.filter((c) => c.because === undefined).map(passedOf),
  };
}

const ORDER = ['role', 'protectedGrants', 'source', 'creations', 'accounts', 'attachments'] as const;

/** One change on which the guard has a say. */
interface Case {
  readonly step: Step;
  readonly key: ChangeKey;
  readonly change: Change;
  readonly basis: string;
  readonly id: string;
  readonly kind: 'take' | 'give';
  readonly source?: string;
  readonly scopes: readonly GuardScope[];
  /** Let through before, within the window. */
  readonly known?: 'passed' | 'approved';
  readonly decision?: Decision;
  /** Never without approval. */
  readonly forbidden?: string;
  /** Why it is held. */
  because?: string;
}

function hold(open: Set<Case>, one: Case, because: string): void {
  one.because = because;
  open.delete(one);
}

const TAKING: ReadonlySet<Change['op']> = new Set(['revoke', 'unalias', 'block', 'destroy']);

/** Has the guard a say on the change? Where it has none on any, nothing about budgets has to be read. */
export function concerns(
  { isProtected, isRehearsal }: Pick<GuardInput, 'isProtected' | 'isRehearsal'>,
  target: string,
  { op, item, evidence, expected, burst, dormant }: Change,
): boolean {
  const role = itemRole(item);
  if (TAKING.has(op)) {
    if (evidence !== 'explicit') return expected !== true;
    // Of a burst too, what is privileged goes at once.
    return dormant !== undefined || (burst !== undefined && (role === undefined || !isProtected(target, role)));
  }
  if (op === 'create') return !isRehearsal(target);
  return op === 'grant' && role !== undefined && isProtected(target, role);
}

function caseOf(input: GuardInput, step: Step, change: Change): Case | undefined {
  const { target, person } = step;
  if (!concerns(input, target, change)) return undefined;
  const key: ChangeKey = { target, person, item: change.item, op: change.op };
  const role = itemRole(change.item);
  const basis = digest({ rules: input.rulesRevision, ...key, ...changeEnds(change) });
  const id = `h_${digest({ ...key, basis }).slice(0, 16)}`;
  const decision = input.decision(id);
  const known = input.counted(key);
  const base = {
    step,
    key,
    change,
    basis,
    id,
    ...(known !== undefined && { known }),
    ...(decision !== undefined && { decision }),
    ...(decision === 'rejected' && { because: 'rejected: it stays as it is while nothing changes' }),
  };
  const { burst, dormant } = change;
  if (dormant !== undefined)
    return { ...base, kind: 'take', source: dormant, forbidden: dormantWords(dormant), scopes: [] };
  if (burst !== undefined) return { ...base, kind: 'take', source: burst, forbidden: burstWords(burst), scopes: [] };
  if (TAKING.has(change.op)) {
    const source = change.causes.find((cause) => cause.record !== undefined)?.record?.source;
    const guarded = role !== undefined && input.isProtected(target, role);
    return {
      ...base,
      kind: 'take',
      ...(source !== undefined && { source }),
      ...(guarded && { forbidden: `the role ${role} is protected: it is not taken by inference without approval` }),
      scopes: [
        ...(role === undefined ? [] : [{ kind: 'role', target, role } as const]),
        ...(source === undefined || change.item === 'account' ? [] : [{ kind: 'source', source } as const]),
        { kind: change.item === 'account' ? 'accounts' : 'attachments', target },
      ],
    };
  }
  if (change.op === 'create') {
    return { ...base, kind: 'give', scopes: [{ kind: 'creations', target }] };
  }
  if (role !== undefined) {
    return { ...base, kind: 'give', scopes: [{ kind: 'protectedGrants', target, role }] };
  }
  return undefined;
}

const burstWords = (source: string): string =>
  `part of a burst: the source ${source} had more people leave or be suspended at a time than may without approval`;

const dormantWords = (source: string): string =>
  `dormant: the source ${source} had the person disabled already when it first told of them`;

/** What a hold rests on besides its key: why the item goes or comes, and from what to what. */
const changeEnds = ({ before, after, evidence, causes }: Change) => ({
  before,
  after,
  evidence,
  causes: causes.map(({ rule, record }) => ({ rule, record })),
});

/** Why a scope lets nothing through, if so. */
function judge(input: GuardInput, scope: GuardScope, more: number): string | undefined {
  const { owned, passed, pending } = input.tally(scope);
  const limit = allowed(budgetOf(input.limits, scope), owned);
  if (passed + more > limit) {
    const before = passed === 0 ? '' : `, after ${passed} before`;
    return `${more} ${describe(scope)} would be ${verbOf(scope)}${before}; ${limit} of ${owned} may be within ${hours(input.limits.windowMs)}`;
  }
  const least = scope.kind === 'role' ? input.minMembers?.(scope.target, scope.role) : undefined;
  if (scope.kind === 'role' && least !== undefined && owned - pending - more < least) {
    const left = Math.max(0, owned - pending - more);
    return `${left} of ${owned} would keep the role ${scope.role} at ${scope.target}, and the settings want ${least} (minMembers)`;
  }
  if (scope.kind === 'role' && owned >= input.limits.emptyFrom && owned - pending - more <= 0) {
    return `nobody of ${owned} would keep the role ${scope.role} at ${scope.target}`;
  }
  return undefined;
}

/** How many changes a budget allows where this many are owned. */
export const allowed = ({ abs, pct, from }: Budget, owned: number): number =>
  owned < from ? abs : Math.max(abs, Math.floor((pct * owned) / 100));

function budgetOf(limits: GuardLimits, { kind }: GuardScope): Budget {
  return kind === 'source' ? limits.attachments : limits[kind];
}

function describe(scope: GuardScope): string {
  switch (scope.kind) {
    case 'accounts':
      return `accounts at ${scope.target}`;
    case 'attachments':
      return `roles and aliases at ${scope.target}`;
    case 'creations':
      return `new accounts at ${scope.target}`;
    case 'role':
      return `attachments of the role ${scope.role} at ${scope.target}`;
    case 'protectedGrants':
      return `attachments of the protected role ${scope.role} at ${scope.target}`;
    case 'source':
      return `roles and aliases that the source ${scope.source} had caused`;
  }
}

function verbOf({ kind }: GuardScope): string {
  if (kind === 'creations') return 'made';
  return kind === 'protectedGrants' ? 'given' : kind === 'accounts' ? 'blocked' : 'taken';
}

const hours = (ms: number): string => `${Math.round(ms / 3_600_000)} h`;

/** One key a scope; ids and role names hold no line break. */
const nameOf = (scope: GuardScope): string => Object.values(scope).join('\n');

/**
 * What is left of a step. Where the account may not be made, nothing can be given on it; where it may not be blocked, its
 * sessions go on; where an alias may not be taken, none takes its place.
 */
function without(step: Step, held: ReadonlySet<Change>): Step | undefined {
  const isHeld = (op: Change['op']): boolean => step.changes.some((change) => change.op === op && held.has(change));
  const [noAccount, noBlock] = [isHeld('create'), isHeld('block')];
  const stays = new Set(
    step.changes.flatMap((change) => (change.op === 'unalias' && held.has(change) ? change.item : [])),
  );
  const changes = step.changes.filter(
    (change) =>
      !held.has(change) &&
      !(noAccount && isGiving(change)) &&
      !(noBlock && change.op === 'endSessions') &&
      !stays.has(change.item),
  );
  if (changes.length === step.changes.length) return step;
  return changes.length === 0 ? undefined : { ...step, changes };
}

/** What is left of a step when these, of its lane, are held. */
export function withoutHeld(step: Step, holds: readonly Pick<Hold, 'item' | 'op'>[]): Step | undefined {
  const isHeld = ({ item, op }: Change): boolean => holds.some((hold) => hold.item === item && hold.op === op);
  return without(step, new Set(step.changes.filter(isHeld)));
}

const isGiving = ({ op }: Change): boolean => op === 'grant' || op === 'alias' || op === 'update' || op === 'enable';

const holdOf = ({ key, change, basis, id, because = '', decision }: Case): Hold => ({
  ...key,
  id,
  basis,
  because,
  change,
  ...(decision === 'rejected' && { rejected: true }),
});

const passedOf = ({ key, kind, source, decision, known }: Case): Passed => ({
  ...key,
  kind,
  approved: decision === 'approved' || known === 'approved',
  ...(source !== undefined && { source }),
});
