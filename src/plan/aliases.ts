import {
  aliasesOf,
  type AliasName,
  type DesiredItem,
  type ItemKey,
  itemSet,
  type LedgerRow,
  nameKey,
} from '../model/accounts.ts';
import type { TakenAlias } from '../model/planning.ts';
import type { Draft } from './draft.ts';

/** For so long nobody else gets an alias that somebody had. */
export const RECYCLE_MS = 90 * 86_400_000;

/** The alias that a row of the ledger stands for: the user name that we gave, as the account shows it if it does. */
export function nameOfAlias({ input }: Pick<Draft, 'input'>, { item, objectId }: LedgerRow): AliasName {
  const set = itemSet(item) ?? '';
  const shown = aliasesOf(input.observed).filter((alias) => alias.set === set);
  const same = shown.find(({ username }) => objectId === undefined || isSame(username, objectId));
  const username = same?.username ?? objectId;
  return { set, ...(username !== undefined && { username }) };
}

/**
 * Does the person want this very user name, so that nobody else may get it? Not where they were given another one and
 * keep that: then only the other is theirs.
 */
export const wantsName = ({ value = '', follow }: DesiredItem, row: LedgerRow | undefined): boolean =>
  row?.objectId === undefined || !row.confirmed || follow === true || isSame(row.objectId, value);

const isSame = (a: string, b: string): boolean => nameKey(a) === nameKey(b);

/** What one alias is planned on. */
interface Case {
  readonly draft: Draft;
  readonly item: ItemKey;
  readonly set: string;
  readonly wanted: DesiredItem;
  readonly value: string;
  /** How the account shows the user name that is wanted, if it does. */
  readonly there: string | undefined;
}

/**
 * Brings about the alias of one set. A user name is one person's in a set: whoever has it keeps it, and where nobody has
 * it and several want it, nobody gets it. The alias that was given stays when the rules come to another user name,
 * unless they say `follow`.
 */
export function planAlias(draft: Draft, item: ItemKey, wanted: DesiredItem): void {
  const { target, observed } = draft.input;
  if (!target.can.aliases) {
    draft.find('not-capable', item, 'the target has no identity aliases', 'leave it out of the rules');
    return;
  }
  const { value = '' } = wanted;
  const set = itemSet(item) ?? '';
  const shown = aliasesOf(observed).filter((alias) => alias.set === set);
  const find = (name: string): string | undefined => shown.find(({ username }) => isSame(username, name))?.username;
  const one: Case = { draft, item, set, wanted, value, there: find(value) };
  const row = draft.owned.get(item);
  if (row === undefined) {
    if (one.there === undefined && shown.length > 0)
      draft.find('read-only', item, `the account has another alias in the set ${set}`, 'remove it there');
    else give(one);
    return;
  }
  const given = nameOfAlias(draft, row).username;
  if (given === undefined || isSame(given, value)) planOwn(one, row);
  else planOther(one, row, given, find(given) !== undefined);
}

/** The ledger has the user name that is wanted. */
function planOwn(one: Case, row: LedgerRow): void {
  if (one.there !== undefined) {
    if (!row.confirmed) claim(one, one.there);
  } else if (row.confirmed) gone(one);
  else if (one.draft.input.takenAliases?.get(one.item)?.account === undefined) assign(one);
  else collide(one, obstacleTo(one, true));
}

/** The ledger has another one, `given`, which the account shows if it `stands`. */
function planOther(one: Case, row: LedgerRow, given: string, stands: boolean): void {
  const { draft, item, there, wanted } = one;
  const obstacle = obstacleTo(one, there !== undefined);
  if (row.confirmed && !stands) {
    // Another hand took ours away. Where it set what is wanted, that becomes ours instead.
    if (there === undefined) gone(one);
    else if (obstacle === undefined) claim(one, there, given);
    else collide(one, obstacle);
    return;
  }
  const changes = wanted.follow === true || !stands;
  if (changes && obstacle !== undefined) collide(one, obstacle);
  if (stands && (!changes || obstacle !== undefined)) {
    if (!row.confirmed) claim(one, given);
    return;
  }
  if (draft.input.target.mode === 'add-only') return;
  // What was never heard of may be there all the same: it is let go of before another one is set.
  const before = { set: one.set, username: given };
  draft.change('unalias', item, { before, causes: row.causes, evidence: 'removed' });
  if (obstacle === undefined) give(one);
}

/** Claims the wanted user name where the account shows it, else sets it; unless another's stands in the way. */
function give(one: Case): void {
  const obstacle = obstacleTo(one, one.there !== undefined);
  if (obstacle !== undefined) collide(one, obstacle);
  else if (one.there === undefined) assign(one);
  else claim(one, one.there);
}

const assign = ({ draft, item, set: name, value, wanted }: Case): void =>
  draft.change('alias', item, { after: { set: name, username: value }, causes: wanted.causes });

const claim = ({ draft, item, set: name, wanted }: Case, username: string, before?: string): void =>
  draft.change('claim', item, {
    ...(before !== undefined && { before: { set: name, username: before } }),
    after: { set: name, username },
    causes: wanted.causes,
  });

const gone = ({ draft, item, set: name }: Case): void =>
  draft.find(
    'foreign-removal',
    item,
    `the alias in the set ${name} was removed at the target`,
    'set it there, or release it here',
  );

/**
 * Why the wanted user name can not be this person's. What their account shows already (`shown`), or was theirs not long
 * ago, is theirs before those who only want it.
 */
function obstacleTo({ draft, item, set: name, value }: Case, shown: boolean): string | undefined {
  const taken: TakenAlias = draft.input.takenAliases?.get(item) ?? { rivals: [] };
  const what = `the alias ${value} in the set ${name}`;
  const owners = taken.rivals.filter((rival) => rival.owner);
  if (owners.length > 0) return `${what} is ${listed(owners)}'s: both keep what they have`;
  if (taken.account !== undefined) return `${what} is on another account at the target, ${taken.account.login}`;
  if (taken.kept !== undefined && taken.kept.person !== draft.input.person.id) {
    const until = taken.kept.until.toISOString().slice(0, 10);
    return `${what} was ${taken.kept.person}'s and is kept from others until ${until}`;
  }
  if (shown || taken.kept !== undefined || taken.rivals.length === 0) return undefined;
  return `${what} is also wanted by ${listed(taken.rivals)}: nobody gets it`;
}

const listed = (rivals: TakenAlias['rivals']): string =>
  rivals
    .map((rival) => rival.person)
    .toSorted()
    .join(', ');

const collide = ({ draft, item }: Case, because = ''): void =>
  draft.find('alias-collision', item, because, 'let the rule make another user name for one of them');
