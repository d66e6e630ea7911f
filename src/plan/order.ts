import type { Change, Finding, Hold, Step } from '../model/plan.ts';

/**
 * The order of the changes in one step. What is taken goes before what is given, sign-in before everything: a leaver
 * is blocked first, then loses protected roles, then the others; a joiner gets the account, aliases, attachments.
 */
export function inOrder(changes: readonly Change[], isProtected: (change: Change) => boolean): Change[] {
  const keyed = changes.map((change) => ({ change, rank: rankOf(change, isProtected(change)) }));
  keyed.sort((a, b) => a.rank - b.rank || compare(a.change.item, b.change.item) || compare(a.change.op, b.change.op));
  return keyed.map((k) => k.change);
}

function rankOf(change: Change, isProtected: boolean): number {
  switch (change.op) {
    case 'claim':
    case 'adopt':
      return change.item === 'account' ? 0 : 8;
    case 'create':
    case 'block':
      return 1;
    case 'endSessions':
      return 2;
    case 'revoke':
      return isProtected ? 3 : 4;
    case 'unalias':
      return 5;
    case 'update':
      return 6;
    case 'enable':
      return 7;
    case 'alias':
      return 9;
    case 'grant':
      return 10;
    case 'destroy':
      return 11;
  }
}

export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The order of steps in a plan, and so of its hash. Who is carried out first is decided when the work is queued. */
export const stepOrder = (a: Step, b: Step): number => compare(a.target, b.target) || compare(a.person, b.person);

export const findingOrder = (a: Finding, b: Finding): number =>
  compare(a.target ?? '', b.target ?? '') ||
  compare(a.person ?? '', b.person ?? '') ||
  compare(a.kind, b.kind) ||
  compare(a.object, b.object) ||
  compare(a.message, b.message);

export const holdOrder = (a: Hold, b: Hold): number =>
  compare(a.target, b.target) || compare(a.person, b.person) || compare(a.item, b.item) || compare(a.op, b.op);
