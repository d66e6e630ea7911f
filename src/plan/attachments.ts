import { type DesiredItem, type ItemKey, itemRole, itemSet, type LedgerRow, roleItem } from '../model/accounts.ts';
import type { Evidence } from '../model/facts.ts';
import { nameOfAlias, planAlias } from './aliases.ts';
import type { Draft } from './draft.ts';

/** Gives the wanted roles and aliases that are missing, and claims those that are there. */
export function planAdditions(draft: Draft, items: ReadonlyMap<ItemKey, DesiredItem>): void {
  for (const [item, wanted] of items) {
    const role = itemRole(item);
    if (role !== undefined) planRole(draft, item, role, wanted);
    else if (itemSet(item) !== undefined) planAlias(draft, item, wanted);
  }
}

function planRole(draft: Draft, item: ItemKey, role: string, wanted: DesiredItem): void {
  const { target, observed, roles } = draft.input;
  const row = draft.owned.get(item);
  const { causes, until } = wanted;
  if (!target.can.roles) {
    draft.find('not-capable', item, 'the target has no roles that can be given', 'leave it out of the rules');
    return;
  }
  const found = roles(role);
  if (found === 'ambiguous') {
    draft.find('role-ambiguous', item, `the target has several roles called ${role}`, 'rename all but one there');
    return;
  }
  if (found === 'missing') {
    if (target.createRoles && target.can.createRoles && row?.confirmed !== true) {
      draft.change('grant', item, { after: { role }, until, causes });
    } else {
      const remedy = target.can.createRoles ? 'make it there, or set createRoles' : 'make it there';
      draft.find(
        'role-missing',
        item,
        `the target has no role ${role}`,
        `${remedy}; if it was renamed, change the rule`,
      );
    }
    return;
  }
  const after = { role, roleId: found.id };
  const attached = observed?.roles.has(row?.objectId ?? found.id) === true;
  if (found.renamed !== undefined && !(attached && row?.confirmed === true)) {
    draft.find(
      'role-renamed',
      item,
      `the role that ${role} stood for is called ${found.renamed} now: nobody is given it, and who has it keeps it`,
      `rename it back there, change the rule, or say that ${role} is to be looked up anew: drawbridge roles repin`,
    );
    return;
  }
  if (attached) {
    if (row?.confirmed !== true) draft.change('claim', item, { after, until, causes });
  } else if (row?.confirmed === true) {
    draft.find(
      'foreign-removal',
      item,
      `the role ${role} that we gave was detached at the target; it is not given again by itself`,
      'attach it there, or release it here',
    );
  } else if (found.managedBy !== undefined) {
    draft.find('read-only', item, `the role ${role} is managed by ${found.managedBy}`, 'give it there');
  } else draft.change('grant', item, { after, until, causes });
}

/** Takes back what we gave and the rules no longer want. What could not be decided stays. */
export function planRemovals(draft: Draft): void {
  const { desired, ended, person, undecided } = draft.input;
  for (const [item, row] of draft.owned) {
    if (item === 'account' || desired?.items.has(item) === true || undecided.has(item)) continue;
    take(draft, row, person.lapsed?.evidence ?? 'removed', isOver(row, ended?.get(item)));
  }
  for (const { item, role, roleId } of intruders(draft)) {
    draft.change('revoke', item, { before: { role, roleId }, evidence: 'removed' });
  }
}

/** Authoritative roles on the account that neither the rules want there nor we gave: another hand's. */
export function intruders(draft: Draft): Array<{ item: ItemKey; role: string; roleId: string }> {
  const { desired, observed, roles, target, undecided, withheld } = draft.input;
  if (withheld === true) return [];
  const ours = new Set([...draft.owned.values()].map((row) => row.objectId));
  return Object.entries(target.roles ?? {}).flatMap(([role, { authoritative }]) => {
    const item = roleItem(role);
    const found = roles(role);
    if (authoritative !== true || desired?.items.has(item) === true || undecided.has(item)) return [];
    if (draft.owned.has(item) || typeof found === 'string' || found.renamed !== undefined) return [];
    if (found.managedBy !== undefined || observed?.roles.has(found.id) !== true || ours.has(found.id)) return [];
    return [{ item, role, roleId: found.id }];
  });
}

/** Has the time of all rules passed for which it was given? Then nobody has to wonder that it goes. */
const isOver = ({ causes }: LedgerRow, ended: ReadonlySet<string> | undefined): boolean =>
  ended !== undefined && causes.length > 0 && causes.every((cause) => ended.has(cause.rule));

/** Takes back one thing that we gave: also when it is not there any more, so that the ledger lets go of it. */
export function take(draft: Draft, row: LedgerRow, evidence: Evidence, expected = false): void {
  const role = itemRole(row.item);
  if (role === undefined) {
    draft.change('unalias', row.item, {
      before: nameOfAlias(draft, row),
      causes: row.causes,
      evidence,
      expected,
    });
    return;
  }
  const found = draft.input.roles(role);
  const roleId = row.objectId ?? (typeof found === 'string' ? undefined : found.id);
  const before = { role, ...(roleId !== undefined && { roleId }) };
  draft.change('revoke', row.item, { before, causes: row.causes, evidence, expected });
}
