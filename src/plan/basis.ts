import { itemRole, type Observed } from '../model/accounts.ts';
import type { StepInput, TakenAlias } from '../model/planning.ts';
import { digest } from './canonical.ts';

/**
 * Digest of everything that a step for this person at this target rests on. The clock is not in it: a time bound that
 * has passed shows as an item that is no longer wanted. Nor are causes: why an item is wanted may change while it is.
 */
export function basisOf(input: StepInput): string {
  const { person, target, desired, observed, loginHolder } = input;
  const items = [...(desired?.items ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const roles = items.flatMap(([item]) => itemRole(item) ?? []);
  const taken = sorted([...(input.takenAliases ?? [])].map(([item, of]) => [item, ...obstacles(of)]));
  return digest({
    person: person.id,
    life: person.life,
    ...(person.burst !== undefined && { burst: person.burst }),
    ...(person.dormant !== undefined && { dormant: person.dormant }),
    ...(person.frozen !== undefined && { frozen: true }),
    ...(person.lapsed !== undefined && { lapsed: person.lapsed }),
    generation: person.generation,
    records: sorted(
      person.records.map((r) => [
        r.source,
        r.anchor,
        r.version,
        r.active,
        r.gone ?? null,
        ...(r.secondary === true ? ['secondary'] : []),
        ...(r.dormant === true ? ['dormant'] : []),
      ]),
    ),
    rules: input.rulesRevision,
    recovery: input.recovery === true ? true : undefined,
    target: {
      id: target.id,
      addOnly: target.mode === 'add-only',
      createRoles: target.createRoles,
      read: input.targetRead,
      untouchable: target.untouchable,
      authoritative: authoritative(target, input),
    },
    profile: desired?.profile,
    items: items.map(([item, { until, value, follow, protected: guarded }]) => ({
      item,
      until,
      value,
      follow,
      guarded,
    })),
    roles: roles.map((role) => {
      const found = input.roles(role);
      return typeof found === 'string' ? found : [found.id, found.managedBy ?? null, found.renamed ?? null];
    }),
    undecided: [...input.undecided].toSorted(),
    ended: input.ended === undefined || input.ended.size === 0 ? undefined : [...input.ended.keys()].toSorted(),
    observed: observed === undefined ? undefined : seen(observed),
    loginHolder:
      loginHolder === undefined ? undefined : [loginHolder.id, loginHolder.mark ?? null, input.holderOwner ?? null],
    adoption:
      loginHolder === undefined
        ? undefined
        : [input.adoptionWord ?? null, target.adopt ?? null, forbidding(loginHolder)],
    ...(input.idleTooLong === true && { idle: true }),
    ledger: sorted(input.ledger.map((r) => [r.item, r.confirmed, r.created, r.objectId ?? null, r.blocked === true])),
    rivals: sorted(input.rivals.map((r) => [r.person, r.owner])),
    takenAliases: taken.length === 0 ? undefined : taken,
    protectedRoles: [...(input.protectedRoles ?? [])].toSorted(),
  });
}

/** What keeps an account from being taken over. */
const forbidding = (o: Observed): unknown => [o.managedBy ?? null, o.privileged === true];

/** Until when an alias is kept for somebody is not in it: when that time has passed, it is not kept any more. */
const obstacles = ({ rivals, account, kept }: TakenAlias): readonly unknown[] => [
  sorted(rivals.map((r) => [r.person, r.owner])),
  account?.id ?? null,
  kept?.person ?? null,
];

const seen = (o: Observed): unknown => ({ ...o, roles: [...o.roles].toSorted(), aliases: [...o.aliases].toSorted() });

const sorted = (rows: ReadonlyArray<readonly unknown[]>): ReadonlyArray<readonly unknown[]> =>
  rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** Roles of the target that nobody has but by a rule, as their names read; undefined where there is none. */
function authoritative({ roles = {} }: StepInput['target'], input: StepInput): unknown {
  const names = Object.keys(roles).filter((name) => roles[name]?.authoritative === true);
  if (names.length === 0) return undefined;
  return [input.withheld === true, ...names.toSorted().map((name) => [name, input.roles(name)])];
}
