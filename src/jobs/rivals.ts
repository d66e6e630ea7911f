import type { LedgerRow } from '../model/accounts.ts';
import type { Db } from '../store/db.ts';
import type { StoreParts } from '../store/parts.ts';
import { type WantedPerson, laneOf } from './ground.ts';

export type Rivals = ReadonlyMap<string, ReadonlyArray<{ readonly person: string; readonly owner: boolean }>>;
/** Everybody who wants a login at a target. */
export type RivalsOf = (target: string, key: string) => readonly string[];

/**
 * For each lane of these persons, who else wants the same login there. For the persons themselves what they want now
 * counts, not what the store still says, unless it is asked for `as stored`.
 */
export async function readRivals(
  store: StoreParts,
  db: Db,
  people: readonly WantedPerson[],
  ledger: ReadonlyMap<string, readonly LedgerRow[]>,
  rivalsOf: RivalsOf | 'as stored' | undefined,
): Promise<Rivals> {
  const logins = people.flatMap((p) => p.logins);
  const here = new Set(rivalsOf === 'as stored' ? [] : people.map((p) => p.person.id));
  const owns = (rows: readonly LedgerRow[] | undefined) => rows?.some((row) => row.item === 'account') === true;
  const claims = new Map<string, Array<{ person: string; owner: boolean }>>();
  const add = (target: string, key: string, person: string, owner: boolean) => {
    const lane = laneOf({ target, person: key });
    const list = claims.get(lane);
    if (list === undefined) claims.set(lane, [{ person, owner }]);
    else list.push({ person, owner });
  };
  for (const { target, key, person } of logins) {
    if (here.has(person)) add(target, key, person, owns(ledger.get(laneOf({ target, person }))));
  }
  if (typeof rivalsOf !== 'function') {
    for (const claim of await store.logins.claimantsOf(db, logins)) {
      if (!here.has(claim.person)) add(claim.target, claim.key, claim.person, claim.owner);
    }
  } else {
    const others = logins.flatMap(({ target, key }) =>
      rivalsOf(target, key).flatMap((person) => (here.has(person) ? [] : [{ target, key, person }])),
    );
    const rows = Map.groupBy(await store.ledger.ledgerOf(db, [...new Set(others.map((o) => o.person))]), laneOf);
    const seen = new Set<string>();
    for (const other of others) {
      const once = `${laneOf(other)}\n${other.key}`;
      if (!seen.has(once)) add(other.target, other.key, other.person, owns(rows.get(laneOf(other))));
      seen.add(once);
    }
  }
  return new Map(
    logins.map(({ target, key, person }) => [
      laneOf({ target, person }),
      (claims.get(laneOf({ target, person: key })) ?? [])
        .filter((claim) => claim.person !== person)
        .toSorted((a, b) => (a.person < b.person ? -1 : 1)),
    ]),
  );
}
