import { buildPerson } from '../mapping/people.ts';
import { desire } from '../mapping/desire.ts';
import {
  aliasesOf,
  type Cause,
  itemRole,
  type ItemKey,
  itemSet,
  type LedgerRow,
  nameKey,
  type Observed,
  roleItem,
} from '../model/accounts.ts';
import type { Person } from '../model/person.ts';
import type { ShadowItem, Wanted } from '../model/planning.ts';
import type { Recovery } from '../model/recovery.ts';
import type { Rule } from '../model/rules.ts';
import type { PlanDeps } from '../jobs/index.ts';
import { type StoredEvent, eventsOfPerson } from '../store/events.ts';
import { listFindings, type StoredFinding } from '../store/findings.ts';
import { listHolds, type StoredHold } from '../store/holds.ts';
import { groupsAbove } from '../store/groups.ts';
import { ledgerOf } from '../store/ledger.ts';
import { accountsOf } from '../store/observations.ts';
import { loadPeople } from '../store/people.ts';
import { standingOfSources } from '../jobs/ground.ts';
import { sourceStates } from '../store/source-state.ts';
import { type PastStep, stepsOfPerson } from '../store/plans.ts';
import { listWork, type WorkRow } from '../store/work-list.ts';

/** One thing that a person has, is to have, or was given at a target. */
export interface ExplainedItem {
  readonly item: ItemKey;
  readonly wanted: boolean;
  /** A rule that decides about it could not be decided, or the rules are withheld. */
  readonly undecided: boolean;
  readonly causes: readonly Cause[];
  readonly ledger?: LedgerRow;
  /** Does the target show it? Undefined where nothing is known of the account. */
  readonly present?: boolean;
}

export interface ExplainedTarget {
  readonly target: string;
  readonly mode: string;
  readonly account?: Observed;
  readonly items: readonly ExplainedItem[];
  /** Names of roles on the account that are not ours. */
  readonly unmanaged: readonly string[];
  readonly steps: readonly PastStep[];
  readonly job?: WorkRow;
  /** The person is not in the target's scope: nothing is given, and nothing taken while they are here. */
  readonly outside: boolean;
  readonly answers: readonly StoredEvent[];
  /** What operators said to changes that the guard held, newest first. */
  readonly decisions: readonly StoredEvent[];
  /** Changes that the guard holds, or held until somebody decided. */
  readonly holds: readonly StoredHold[];
  /** Rules that give the role that was asked for and do not hold for this person. */
  readonly others: readonly Rule[];
}

export interface Explained {
  /** The rules are lost, and this person keeps what they have until they are back. */
  readonly withheld: boolean;
  /** The store is in recovery, and this person neither gets nor loses anything until that ends. */
  readonly recovery: Recovery | null;
  readonly person: Person;
  readonly targets: readonly ExplainedTarget[];
  readonly findings: readonly StoredFinding[];
  /** What rules on trial would change. */
  readonly shadow: readonly ShadowItem[];
  /** The rules in force. */
  readonly rules: { readonly revision: string; readonly commit: string | null };
}

const EVENTS = 200;
const STEPS = 50;

/** Walks from a person's records over groups and rules to what the targets answered. `only` narrows it to one role. */
export async function explain(
  { db, views, now }: PlanDeps,
  id: string,
  only?: { readonly target: string; readonly role?: string | undefined },
): Promise<Explained> {
  const [stored] = await loadPeople(db, [id]);
  if (stored === undefined) throw new Error(`person ${id} has gone`);
  const sources = standingOfSources(await sourceStates(db));
  const person = buildPerson(stored, await groupsAbove(db, [id]), views().attributes, sources);
  const { rules, targets, withheld: lost, recovery } = views();
  // From a leaver everything is taken, whatever the rules say.
  const withheld = lost === true && person.life !== 'left';
  const wanted = desire(person, rules, targets, now());
  const [ledger, accounts] = [await ledgerOf(db, [id]), await accountsOf(db, [id])];
  const [steps, jobs] = [await stepsOfPerson(db, id, STEPS), await listWork(db, { person: id })];
  const events = await eventsOfPerson(db, id, EVENTS);
  const held = await listHolds(db, { terms: [{ field: 'person', like: id.replace(/[\\%_]/g, '\\$&') }], limit: STEPS });
  const names = await roleNames(
    { db },
    accounts.flatMap((a) => [...a.account.roles].map((role) => ({ target: a.target, role }))),
  );
  const ids = new Set([...targets.map((t) => t.id), ...ledger.map((row) => row.target)]);
  const explained = [...ids]
    .filter((target) => only === undefined || only.target === target)
    .map((target): ExplainedTarget => {
      const account = accounts.find((a) => a.target === target)?.account;
      const own = ledger.filter((row) => row.target === target);
      const item = only?.role === undefined ? undefined : roleItem(only.role);
      const outside = wanted.outside?.has(target) === true;
      const items = itemsAt(target, { ...wanted, withheld: withheld || outside }, own, account, item, (role) =>
        names.get(`${target}\n${role}`),
      );
      const ofTarget = (e: StoredEvent): boolean => e.target === target && (item === undefined || e.object === item);
      const ours = new Set(own.flatMap((row) => (itemRole(row.item) === undefined ? [] : row.objectId)));
      const job = jobs.find((row) => row.target === target);
      return {
        target,
        mode: targets.find((t) => t.id === target)?.mode ?? 'not in the settings',
        items,
        unmanaged: [...(account?.roles ?? [])]
          .filter((role) => !ours.has(role))
          .map((role) => names.get(`${target}\n${role}`) ?? role),
        steps: steps.filter(
          (step) => step.target === target && (item === undefined || step.changes.some((c) => c.item === item)),
        ),
        outside,
        answers: events.filter((e) => ofTarget(e) && e.kind.startsWith('change.')),
        decisions: events.filter((e) => ofTarget(e) && e.kind.startsWith('hold.')),
        holds: held.filter((hold) => hold.target === target && (item === undefined || hold.item === item)),
        others: item === undefined ? [] : rulesThatGive(rules.rules, target, only?.role ?? '', items[0]?.causes ?? []),
        ...(account === undefined ? {} : { account }),
        ...(job === undefined || (job.state === 'done' && job.lastError === null) ? {} : { job }),
      };
    });
  const findings = (await listFindings(db, { person: id })).filter(
    (f) => only === undefined || f.target === undefined || f.target === only.target,
  );
  const shadow = wanted.shadow.filter(
    (s) =>
      only === undefined || (s.target === only.target && (only.role === undefined || s.item === roleItem(only.role))),
  );
  const { revision, commit = null } = rules;
  return {
    withheld,
    recovery: person.life === 'active' ? (recovery ?? null) : null,
    person,
    targets: explained,
    findings,
    shadow,
    rules: { revision, commit },
  };
}

function itemsAt(
  target: string,
  wanted: Wanted & { readonly withheld: boolean },
  ledger: readonly LedgerRow[],
  account: Observed | undefined,
  only: ItemKey | undefined,
  nameOf: (role: string) => string | undefined,
): ExplainedItem[] {
  const desired = wanted.desired.get(target);
  const undecided = wanted.undecided.get(target);
  const attached = new Set([...(account?.roles ?? [])].map(nameOf));
  const keys = new Set<ItemKey>([
    ...(desired?.items.keys() ?? []),
    ...(undecided ?? []),
    ...ledger.map((row) => row.item),
  ]);
  const asked = only === undefined ? [...keys] : [only];
  return asked.map((item) => {
    const row = ledger.find((r) => r.item === item);
    const role = itemRole(item);
    const present =
      account === undefined ? undefined : role === undefined ? shows(account, item, row) : attached.has(role);
    return {
      item,
      wanted: desired?.items.has(item) ?? false,
      undecided: wanted.withheld || (undecided?.has(item) ?? false),
      causes: desired?.items.get(item)?.causes ?? [],
      ...(row === undefined ? {} : { ledger: row }),
      ...(present === undefined ? {} : { present }),
    };
  });
}

/** Does the account show itself, or the alias that we gave there? */
function shows(account: Observed, item: ItemKey, row: LedgerRow | undefined): boolean {
  const name = row?.objectId;
  return (
    item === 'account' ||
    aliasesOf(account).some(
      ({ set, username }) => set === itemSet(item) && (name === undefined || nameKey(username) === nameKey(name)),
    )
  );
}

function rulesThatGive(rules: readonly Rule[], target: string, role: string, causes: readonly Cause[]): Rule[] {
  const held = new Set(causes.map((cause) => cause.rule));
  return rules.filter((rule) => !held.has(rule.id) && rule.grant.some((g) => g.target === target && g.role === role));
}

async function roleNames(
  { db }: Pick<PlanDeps, 'db'>,
  roles: ReadonlyArray<{ readonly target: string; readonly role: string }>,
): Promise<Map<string, string>> {
  const rows = await db.rows<{ target: string; id: string; name: string }>({
    text: `select r.target, r.role_id as id, r.name from target_role r
      join unnest($1::text[], $2::text[]) as u(target, role) on r.target = u.target and r.role_id = u.role`,
    values: [roles.map((r) => r.target), roles.map((r) => r.role)],
  });
  return new Map(rows.map((row) => [`${row.target}\n${row.id}`, row.name]));
}
