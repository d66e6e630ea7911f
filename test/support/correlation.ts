/** Records that find their persons in a real store, written as SCIM clients and readings do. */
import { createCorrelator } from '../../src/mapping/correlate.ts';
import type { CorrelationKey, Correlator } from '../../src/model/correlation.ts';
import { userFields } from '../../src/scim/facts.ts';
import { beginRebuild, rebuildPage } from '../../src/store/correlation/rebuild.ts';
import { reviewCases } from '../../src/store/correlation/review.ts';
import { type CaseTerm, listCases, type StoredCase } from '../../src/store/correlation/case-list.ts';
import type { Db } from '../../src/store/db.ts';
import { createResources } from '../../src/store/resources.ts';
import type { Expression } from '../../src/model/rules.ts';
import { expression } from './jobs.ts';

export const DAY = 86_400_000;

export const key = (name: string, over: Partial<CorrelationKey> = {}): CorrelationKey => ({
  name,
  reused: ['userName', 'email', 'emails'].includes(name),
  perSource: name === 'externalId' && over.sources === undefined,
  ...over,
});

export interface CorrelatorOptions {
  /** By id: the issuer. */
  readonly sources?: Readonly<Record<string, string>>;
  readonly keys?: readonly CorrelationKey[];
  readonly recycle?: number;
  readonly people?: Expression<boolean>;
  readonly secondary?: Expression<boolean>;
  readonly domains?: readonly string[];
}

/** `adm-…` accounts are secondary, in every source. */
export const ADM = expression('user.userName.startsWith("adm-")', (user) =>
  String(user['userName']).startsWith('adm-'),
);

/** Sources okta, ad and hr of one company, known by employee number, then by e-mail address. */
export function correlatorOf(options: CorrelatorOptions = {}): Correlator {
  const { sources = { okta: '', ad: '', hr: '' }, people, secondary = ADM } = options;
  const correlator = createCorrelator(
    Object.entries(sources).map(([id, issuer]) => ({ id, issuer, secondary, ...(people !== undefined && { people }) })),
    { keys: options.keys ?? [key('employeeNumber'), key('email')], recycle: options.recycle ?? 90 * DAY },
    options.domains ?? ['example.com'],
  );
  if (correlator === undefined) throw new Error('nothing is correlated by these settings');
  return correlator;
}

/** Users of a source as a plain import leaves them: each a person of its own. */
export const seedMany = (db: Db, source: string, count: number) =>
  db.rows({
    text: `with r as (
        insert into record (source, anchor, kind, user_name, name_key, attributes, resource)
        select $1, $1 || i, 'user', 'u' || i, 'u' || i, jsonb_build_object('employeeNumber', i), '{}'
        from generate_series(1, $2::int) i returning key, anchor
      ), p as (insert into person (id) select 'p_' || anchor from r)
      insert into person_record (record_key, person, linked_by) select key, 'p_' || anchor, 'new' from r`,
    values: [source, count],
  });

/** What a record says, in short. */
export interface Facts {
  readonly name?: string;
  readonly emp?: string;
  readonly mail?: string;
  readonly active?: boolean;
  readonly externalId?: string;
}

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const fieldsOf = (anchor: string, { name, emp, mail, active, externalId }: Facts) =>
  userFields({
    userName: name ?? anchor,
    displayName: anchor,
    active: active ?? true,
    ...(externalId !== undefined && { externalId }),
    ...(mail !== undefined && { emails: [{ value: mail, primary: true }] }),
    ...(emp !== undefined && { [ENTERPRISE]: { employeeNumber: emp } }),
  });

export interface Clients {
  correlator: Correlator | undefined;
  /** Makes a user; gives the id, which is the anchor. */
  add(source: string, userName: string, facts?: Facts): Promise<string>;
  change(source: string, id: string, userName: string, facts?: Facts): Promise<void>;
  remove(source: string, id: string): Promise<void>;
  /** Person of each record that is somebody's: `source/userName` → id. */
  persons(): Promise<Record<string, string>>;
  /** The records of each person, by name: `ad/ann okta/ann`. */
  groups(): Promise<string[]>;
  cases(...terms: CaseTerm[]): Promise<StoredCase[]>;
  /** Open cases: `source/userName kind`. */
  open(): Promise<string[]>;
  /** Looks at all open cases again, as the service does every few seconds. */
  review(now?: Date): Promise<void>;
  /** Goes by these settings from now on, and does all that follows. */
  follow(correlator: Correlator | undefined): Promise<void>;
}

const OPEN: CaseTerm = { field: 'state', like: 'open' };

export async function clients(db: Db, first: Correlator | undefined = correlatorOf()): Promise<Clients> {
  const resources = createResources(db, () => it.correlator);
  const writer = (source: string) => ({ source, actor: `scim:${source}/test` });
  const it: Clients = {
    correlator: first,
    add: async (source, userName, facts = {}) => {
      const written = await resources.create(writer(source), 'user', fieldsOf(userName, facts));
      if (written.outcome !== 'done') throw new Error(`${userName}: ${written.outcome}`);
      return written.stored.id;
    },
    change: async (source, id, userName, facts = {}) => {
      const written = await resources.change(writer(source), 'user', id, () => ({ fields: fieldsOf(userName, facts) }));
      if (written.outcome !== 'done') throw new Error(`${userName}: ${written.outcome}`);
    },
    remove: async (source, id) => void (await resources.remove(writer(source), 'user', id)),
    persons: async () => {
      const rows = await db.rows<{ record: string; person: string }>({
        text: `select r.source || '/' || r.user_name as record, pr.person from person_record pr
          join record r on r.key = pr.record_key order by r.key`,
      });
      return Object.fromEntries(rows.map((row) => [row.record, row.person]));
    },
    groups: async () => {
      const rows = await db.rows<{ records: string }>({
        text: `select string_agg(r.source || '/' || r.user_name, ' ' order by r.source, r.user_name) as records
          from person_record pr join record r on r.key = pr.record_key group by pr.person order by 1`,
      });
      return rows.map((row) => row.records);
    },
    cases: (...terms) => listCases(db, { terms, limit: 100 }),
    open: async () => {
      const cases = await listCases(db, { terms: [OPEN], limit: 100 });
      return cases.map((one) => `${one.source}/${one.userName} ${one.kind}`).toSorted();
    },
    review: async (now = new Date()) => {
      if (it.correlator === undefined) return;
      for (let after: string | undefined; ;) {
        const seen = await reviewCases(db, it.correlator, now, after);
        if (seen.last === undefined) return;
        after = seen.last;
      }
    },
    follow: async (correlator) => {
      it.correlator = correlator;
      await beginRebuild(db, correlator);
      while (await rebuildPage(db, correlator, new Date()));
    },
  };
  await it.follow(first);
  return it;
}
