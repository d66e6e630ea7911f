import { type Cause, type ItemKey, itemRole, type LedgerRow } from '../model/accounts.ts';
import type { Evidence } from '../model/facts.ts';
import type { Change, Finding, FindingKind, Op, Risk } from '../model/plan.ts';
import type { StepInput } from '../model/planning.ts';
import { isUntouchable } from '../model/untouchable.ts';
import { inOrder } from './order.ts';

/** A step in the making: what the parts of the planner write into. */
export interface Draft {
  readonly input: StepInput;
  /** Rows of this person at this target, by item. */
  readonly owned: ReadonlyMap<ItemKey, LedgerRow>;
  change(op: Op, item: ItemKey, detail?: Detail): void;
  find(kind: FindingKind, object: string, message: string, remedy?: string): void;
  isProtected(role: string): boolean;
}

interface Detail {
  readonly before?: unknown;
  readonly after?: unknown;
  readonly until?: Date | undefined;
  readonly causes?: readonly Cause[] | undefined;
  readonly evidence?: Evidence;
  readonly expected?: boolean;
  readonly risk?: Risk;
}

const RISK: Readonly<Record<Op, Risk>> = {
  claim: 'low',
  adopt: 'medium',
  create: 'low',
  update: 'low',
  enable: 'medium',
  block: 'high',
  grant: 'low',
  revoke: 'medium',
  alias: 'low',
  unalias: 'medium',
  endSessions: 'high',
  destroy: 'high',
};

export function newDraft(input: StepInput): {
  readonly draft: Draft;
  readonly changes: () => readonly Change[];
  readonly findings: readonly Finding[];
} {
  const { person, target } = input;
  const mine = input.ledger.filter((row) => row.target === target.id && row.person === person.id);
  const changes: Change[] = [];
  const findings: Finding[] = [];
  const isProtected = (role: string): boolean =>
    input.protectedRoles?.has(role) === true || input.desired?.items.get(`role:${role}`)?.protected === true;
  const guarded = (item: ItemKey): boolean => {
    const role = itemRole(item);
    return role !== undefined && isProtected(role);
  };
  const list = target.untouchable;
  /** The last word on what no operation may touch, whatever part of the planner wants it: told, and not planned. */
  const isForbidden = (item: ItemKey, evidence: Evidence | undefined, ...ends: unknown[]): boolean => {
    if (input.observed !== undefined && isUntouchable(list, input.observed)) return true;
    const role = itemRole(item);
    const ids = role === undefined ? [] : ends.flatMap((end) => roleIdOf(end) ?? []);
    if (!ids.some((id) => isUntouchable(list, { id }))) return false;
    const leaving = evidence === 'explicit';
    draft.find(
      'untouchable',
      item,
      `the settings say that the role ${role} is untouchable${leaving ? ': the person keeps it' : ''}`,
      leaving ? 'take it from the account there by hand, now' : 'give or take it there by hand',
    );
    return true;
  };
  const draft: Draft = {
    input,
    owned: new Map(mine.map((row) => [row.item, row])),
    isProtected,
    change(op, item, { before, after, until, causes = [], evidence, expected, risk } = {}) {
      if (isForbidden(item, evidence, before, after)) return;
      changes.push({
        op,
        item,
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
        ...(until !== undefined && { until: until.toISOString() }),
        causes,
        ...(evidence !== undefined && { evidence }),
        ...(expected === true && { expected }),
        ...(evidence === 'explicit' && person.burst !== undefined && { burst: person.burst }),
        ...(evidence === 'explicit' && person.dormant !== undefined && { dormant: person.dormant }),
        risk: risk ?? (guarded(item) && op === 'grant' ? 'high' : RISK[op]),
      });
    },
    find(kind, object, message, remedy) {
      findings.push({
        kind,
        person: person.id,
        target: target.id,
        object,
        message,
        ...(remedy !== undefined && { remedy }),
      });
    },
  };
  return { draft, changes: () => inOrder(changes, (c) => guarded(c.item)), findings };
}

function roleIdOf(end: unknown): string | undefined {
  const id = typeof end === 'object' && end !== null && 'roleId' in end ? end.roleId : undefined;
  return typeof id === 'string' ? id : undefined;
}
