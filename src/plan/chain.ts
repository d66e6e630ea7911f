import type { Cause, ItemKey, LedgerRow } from '../model/accounts.ts';
import type { Person } from '../model/person.ts';
import type { Change } from '../model/plan.ts';
import { compare } from './order.ts';

/** What is known of one thing that we gave, beside the ledger's row. */
export interface Trace {
  /** The plan that the row names is in the store. */
  readonly planned: boolean;
  /** The history has the target's answer to the change that gave it. */
  readonly answered: boolean;
}

export type Break =
  /** No rule wants it, nothing holds it, and nobody is about to take it. */
  | 'no-cause'
  /** A cause names a record that is not the person's. */
  | 'no-record'
  /** The plan that gave it is not in the store. */
  | 'no-plan'
  /** The history does not say that the target gave it. */
  | 'no-answer';

export interface BrokenChain {
  readonly target: string;
  readonly person: string;
  readonly item: ItemKey;
  readonly breaks: readonly Break[];
}

/** One person at one target, as it is now. */
export interface ChainInput {
  readonly person: Person;
  readonly target: string;
  /** What the ledger says was given there, and confirmed. */
  readonly rows: readonly LedgerRow[];
  /** What the rules want there, with the causes. */
  readonly wanted: ReadonlyMap<ItemKey, { readonly causes: readonly Cause[] }>;
  /** What can't be decided stays, and needs no cause. */
  readonly undecided: ReadonlySet<ItemKey>;
  /** Nothing is taken there for now, whatever the rules say: the target's mode, a frozen person, a recovery. */
  readonly kept: boolean;
  /** Changes that wait to be carried out or approved. */
  readonly open: ReadonlyArray<Pick<Change, 'op' | 'item'>>;
  readonly trace: (item: ItemKey) => Trace;
}

const TAKES: ReadonlySet<Change['op']> = new Set(['revoke', 'unalias', 'block', 'destroy']);

/**
 * Everything that we gave has to lead back to a record, a rule, a plan and an answer of the target, or be about to go
 * (invariant: every owned attachment has a live cause, or a held or staged removal). An account without anything on it
 * is at rest and needs no cause. Gives what does not, sorted.
 */
export function brokenChains(input: ChainInput): BrokenChain[] {
  const { person, target, rows, trace } = input;
  return rows
    .filter((row) => row.confirmed && row.target === target)
    .flatMap(({ item }): BrokenChain[] => {
      const causes = input.wanted.get(item)?.causes;
      const { planned, answered } = trace(item);
      const breaks: Break[] = [
        ...(causes === undefined && !isExcused(input, item) ? (['no-cause'] as const) : []),
        ...(hasStranger(person, causes ?? []) ? (['no-record'] as const) : []),
        ...(planned ? [] : (['no-plan'] as const)),
        ...(answered ? [] : (['no-answer'] as const)),
      ];
      return breaks.length === 0 ? [] : [{ target, person: person.id, item, breaks }];
    })
    .toSorted((a, b) => compare(a.item, b.item));
}

function isExcused({ kept, undecided, open, rows }: ChainInput, item: ItemKey): boolean {
  if (kept || undecided.has(item) || open.some((c) => c.item === item && TAKES.has(c.op))) return true;
  return item === 'account' && rows.every((row) => row.item === 'account' || open.some((c) => c.item === row.item));
}

const hasStranger = (person: Person, causes: readonly Cause[]): boolean =>
  causes.some(
    ({ record }) =>
      record !== undefined && !person.records.some((r) => r.source === record.source && r.anchor === record.anchor),
  );
