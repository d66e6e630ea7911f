import type { LedgerRow } from '../model/accounts.ts';
import type { Db } from '../store/db.ts';
import type { LoginName, WantedLogin } from '../store/logins.ts';
import type { StoreParts } from '../store/parts.ts';
import { laneOf } from './ground.ts';

export type Rivals = ReadonlyMap<string, ReadonlyArray<{ readonly person: string; readonly owner: boolean }>>;
/** Everybody who wants a login, or an alias, at a target. */
export type RivalsOf = (name: LoginName) => readonly string[];

/** One key for a login or alias; neither a target nor a set has a line break in its name. */
export const nameOf = ({ target, item, key }: LoginName): string => `${target}\n${item}\n${key}`;

/** Who is planned, and who says what the others want. */
export interface RivalsAsked {
  /** The persons that are planned. */
  readonly persons: readonly string[];
  /** What each of them wants. */
  readonly wanted: readonly WantedLogin[];
  /**
   * Who wants what, if not the store: for the persons themselves what they want now counts, not what the store still
   * says, unless it is asked for `as stored`.
   */
  readonly rivalsOf: RivalsOf | 'as stored' | undefined;
}

/** For each lane of these persons, who else wants the same login there. */
export async function readRivals(
  store: StoreParts,
  db: Db,
  asked: RivalsAsked,
  ledger: ReadonlyMap<string, readonly LedgerRow[]>,
): Promise<Rivals> {
  const { wanted, rivalsOf } = asked;
  const here = personsHere(asked);
  const owns = (rows: readonly LedgerRow[] | undefined) => rows?.some((row) => row.item === 'account') === true;
  const claims = collected();
  for (const login of wanted) {
    if (here.has(login.person)) claims.add(login, login.person, owns(ledger.get(laneOf(login))));
  }
  if (typeof rivalsOf !== 'function') {
    for (const claim of await store.logins.claimantsOf(db, wanted)) {
      if (!here.has(claim.person)) claims.add(claim, claim.person, claim.owner);
    }
  } else {
    const others = wanted.flatMap((login) =>
      rivalsOf(login).flatMap((person) => (here.has(person) ? [] : [{ ...login, person }])),
    );
    const rows = Map.groupBy(await store.ledger.ledgerOf(db, [...new Set(others.map((o) => o.person))]), laneOf);
    for (const other of others) claims.add(other, other.person, owns(rows.get(laneOf(other))));
  }
  return new Map(wanted.map((login) => [laneOf(login), claims.of(login, login.person)]));
}

/** Of these persons what they want now counts. */
export const personsHere = ({ persons, rivalsOf }: RivalsAsked): ReadonlySet<string> =>
  new Set(rivalsOf === 'as stored' ? [] : persons);

/** Who claims what, each once. */
export function collected() {
  const claims = new Map<string, Map<string, boolean>>();
  return {
    add: (name: LoginName, person: string, owner: boolean): void => {
      const of = claims.get(nameOf(name)) ?? new Map<string, boolean>();
      claims.set(nameOf(name), of.set(person, owner || of.get(person) === true));
    },
    /** Without this person, in the order of their ids. */
    of: (name: LoginName, without: string): Array<{ readonly person: string; readonly owner: boolean }> =>
      [...(claims.get(nameOf(name)) ?? [])]
        .flatMap(([person, owner]) => (person === without ? [] : [{ person, owner }]))
        .toSorted((a, b) => (a.person < b.person ? -1 : 1)),
  };
}
