import { type ItemKey, itemSet, type LedgerRow, nameKey } from '../model/accounts.ts';
import type { TakenAlias, TargetView } from '../model/planning.ts';
import { wantsName } from '../plan/aliases.ts';
import type { Db } from '../store/db.ts';
import type { WantedLogin } from '../store/logins.ts';
import type { StoreParts } from '../store/parts.ts';
import { laneOf, type WantedPerson } from './ground.ts';
import { collected, nameOf, personsHere, type RivalsAsked } from './rivals.ts';

/** The aliases of one person that the rules want, where the target has aliases. */
export interface WantedAliases {
  /** Those that the person wants for themselves: nobody else may get one. */
  readonly wanted: readonly WantedLogin[];
  /** Those that are not simply there and ours: what stands in their way has to be looked for. */
  readonly open: readonly WantedLogin[];
}

export function wantedAliases(
  targets: readonly TargetView[],
  { person, wanted }: WantedPerson,
  ledger: ReadonlyMap<string, readonly LedgerRow[]>,
): WantedAliases {
  const all = targets.flatMap(({ id: target, can }) =>
    !can.aliases
      ? []
      : [...(wanted.desired.get(target)?.items ?? [])].flatMap(([item, desired]) => {
          if (itemSet(item) === undefined) return [];
          const name = { target, item, person: person.id, key: nameKey(desired.value ?? '') };
          const row = ledger.get(laneOf(name))?.find((r) => r.item === item);
          const settled = row?.confirmed === true && nameKey(row.objectId ?? '') === name.key;
          return [{ name, wants: wantsName(desired, row), settled }];
        }),
  );
  return {
    wanted: all.flatMap(({ name, wants }) => (wants ? [name] : [])),
    open: all.flatMap(({ name, settled }) => (settled ? [] : [name])),
  };
}

/** By lane, then by item; only what has something in its way. */
export type TakenAliases = ReadonlyMap<string, ReadonlyMap<ItemKey, TakenAlias>>;

/**
 * What stands in the way of these aliases: who else has or wants them, accounts that show them, for whom they are kept.
 * Where no target has aliases nothing is asked. Who has or wants them is asked first: somebody whose alias is taken at
 * this moment is found there, or afterwards as the one for whom it is kept.
 */
export async function readTakenAliases(
  store: StoreParts,
  db: Db,
  asked: RivalsAsked,
  open: readonly WantedLogin[],
  { now, accountOf }: { readonly now: Date; readonly accountOf: (lane: string) => string | undefined },
): Promise<TakenAliases> {
  if (open.length === 0) return new Map();
  const { rivalsOf, wanted } = asked;
  const here = personsHere(asked);
  const claims = collected();
  for (const alias of wanted) if (here.has(alias.person)) claims.add(alias, alias.person, false);
  for (const claim of await store.logins.aliasClaimants(db, open)) {
    const counts = typeof rivalsOf === 'function' ? claim.owner : claim.owner || !here.has(claim.person);
    if (counts) claims.add(claim, claim.person, claim.owner);
  }
  if (typeof rivalsOf === 'function') {
    for (const alias of open) for (const person of rivalsOf(alias)) claims.add(alias, person, false);
  }
  const kept = Map.groupBy(await store.aliases.keptAliases(db, open, now), nameOf);
  const shown = Map.groupBy(await store.aliases.accountsWithAlias(db, open), nameOf);
  const found = open.flatMap((alias): Array<{ lane: string; item: ItemKey; taken: TakenAlias }> => {
    const lane = laneOf(alias);
    const rivals = claims.of(alias, alias.person);
    const account = shown.get(nameOf(alias))?.find(({ accountId }) => accountId !== accountOf(lane));
    const holds = kept.get(nameOf(alias)) ?? [];
    const hold = holds.find(({ person }) => person !== alias.person) ?? holds[0];
    if (rivals.length === 0 && account === undefined && hold === undefined) return [];
    const taken = {
      rivals,
      ...(account !== undefined && { account: { id: account.accountId, login: account.login } }),
      ...(hold !== undefined && { kept: { person: hold.person, until: hold.until } }),
    };
    return [{ lane, item: alias.item, taken }];
  });
  return new Map(
    [...Map.groupBy(found, (of) => of.lane)].map(([lane, of]) => [lane, new Map(of.map((o) => [o.item, o.taken]))]),
  );
}

/** When the first of the aliases is free that are kept for others: then the person is planned again. */
export function nextFree(taken: Iterable<TakenAlias>, person: string): Date | undefined {
  const times = [...taken].flatMap(({ kept }) => (kept === undefined || kept.person === person ? [] : [kept.until]));
  return times.toSorted((a, b) => a.getTime() - b.getTime())[0];
}
