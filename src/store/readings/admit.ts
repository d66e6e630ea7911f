import type { Correlator } from '../../model/correlation.ts';
import type { ReadingScope } from '../../model/facts.ts';
import { correlateEntries } from '../correlation/entries.ts';
import type { Db } from '../db.ts';
import { markAll } from '../dirty.ts';
import { blockSignIn } from '../leave.ts';
import { admitDepartures, createDepartures, type Grace, tellDepartures } from './departures.ts';
import { admitEntries, tellEntries } from './entries.ts';
import { admitMembers, tellMembers } from './members.ts';
import { collectSeen, type SealEvidence, sealEvidence } from './seen.ts';
import type { Admitted, KeptBack } from './types.ts';

/** Whether a reading counts as whole; decided outside, on what the store found. */
export type SealVerdict =
  | { readonly sealed: true }
  | { readonly sealed: false; readonly keptBack: readonly KeptBack[]; readonly because: string };

export interface AdmitRequest {
  readonly reading: number;
  readonly source: string;
  readonly scope: ReadingScope;
  readonly covers: readonly string[];
  readonly canaries: readonly string[];
  readonly grace: Grace;
  /** Where the next reading of changes may start, if this one is sealed. */
  readonly cursor: string | undefined;
  readonly cursorScope: string;
  /** When the reading began: what it says is not older. */
  readonly startedAt: Date;
  readonly now: Date;
  /** For the history. */
  readonly actor: string;
  readonly judge: (evidence: SealEvidence) => SealVerdict;
  readonly correlator?: Correlator | undefined;
}

export interface Admission {
  readonly verdict: SealVerdict;
  readonly changes: Admitted;
  /** Somebody left or was disabled. */
  readonly urgent: boolean;
}

/**
 * Takes in a reading that came to its end, in one transaction. Sealed: with its removals and its cursor. Not sealed:
 * what it adds and updates, while the old cursor stays. An explicit word (the disabled bit, a tombstone) blocks the
 * sign-in here and now, as a SCIM leave does. What did not change leaves no trace: no event, and nobody is planned.
 */
export async function admitReading(db: Db, request: AdmitRequest): Promise<Admission> {
  const { reading, source, actor, scope } = request;
  return db.tx(async (tx) => {
    // Sorting and joining half a million memberships in the default memory goes over the disk.
    await tx.rows({
      text: `select set_config('work_mem', '64MB', true), set_config('statement_timeout', '0', true)`,
    });
    await collectSeen(tx, reading);
    const verdict = request.judge(await sealEvidence(tx, request));
    const entries = await admitEntries(tx, request);
    await createDepartures(tx);
    const gone = verdict.sealed ? await admitDepartures(tx, request) : { left: 0, missing: 0 };
    // After the departures: whoever was deleted and made again is known by the record that has just gone.
    const { correlator, now } = request;
    if (correlator !== undefined) await correlateEntries(tx, { correlator, now, actor });
    const created = entries['created'] ?? 0;
    const members = await admitMembers(tx, { reading, source, sealed: verdict.sealed }, created > 0);
    await tellEntries(tx, actor, source, reading);
    await tellDepartures(tx, actor, source, reading);
    await tellMembers(tx, actor, source, reading);
    const leavers = await blockLeavers(tx);
    await markTouched(tx);
    if (verdict.sealed) await keepSeal(tx, request);
    const changes: Admitted = {
      created,
      changed: (entries['changed'] ?? 0) + (entries['disabled'] ?? 0),
      returned: (entries['returned'] ?? 0) + (entries['found'] ?? 0) + (entries['kept'] ?? 0),
      left: leavers,
      missing: gone.missing,
      membersAdded: members.added,
      membersRemoved: members.removed,
      waiting: members.waiting,
    };
    await tx.rows({
      text: `update reading set scope = $2, state = $3, kept_back = case when $3 = 'sealed' then kept_back else $4 end,
        because = case when $3 = 'sealed' then because else $5 end, changes = $6::jsonb where id = $1`,
      values: [
        reading,
        scope,
        verdict.sealed ? 'sealed' : 'unsealed',
        verdict.sealed ? [] : verdict.keptBack,
        verdict.sealed ? null : verdict.because,
        JSON.stringify(changes),
      ],
    });
    return { verdict, changes, urgent: leavers > 0 };
  });
}

/** Those whom the source itself disabled or deleted, all at once. Somebody seen disabled at first sight did not leave. */
async function blockLeavers(tx: Db): Promise<number> {
  const rows = await tx.rows<{ key: number }>({
    text: `select key from entry where leaves and key is not null
      union select key from departure where evidence = 'explicit' and kind = 'user' order by key`,
  });
  if (rows.length > 0) {
    await blockSignIn(
      tx,
      rows.map((row) => row.key),
    );
  }
  return rows.length;
}

/** One dirty row for each record that something really happened to. A new group is known by its members. */
async function markTouched(tx: Db): Promise<void> {
  await tx.rows({
    text: `insert into dirty (kind, record_key, urgent) select kind, key, bool_or(urgent) from (
        select kind, key, leaves as urgent from entry
        where kind = 'user' or what = 'returned'
          or what = 'changed' and before ->> 'displayName' is distinct from display_name
        union all
        select kind, key, evidence = 'explicit' and kind = 'user' from departure where kind = 'user' or evidence = 'explicit'
        union all
        select m.kind, m.key, false from moved v join record m on m.key = v.member_key
      ) t group by kind, key order by bool_or(urgent) desc, key`,
  });
}

/** The source is known as of the beginning of this reading; whoever was frozen because it was stale no longer is. */
async function keepSeal(tx: Db, request: AdmitRequest): Promise<void> {
  const row = await tx.row<{ thawed: boolean }>({
    text: `with old as (select source, frozen_because from source_state where source = $1)
      insert into source_state as s (source, since, cursor, cursor_scope, sealed_at, full_at)
      values ($1, $2, $3, $4, $2, case when $5 = 'full' then $2::timestamptz end)
      on conflict (source) do update set cursor = excluded.cursor, cursor_scope = excluded.cursor_scope,
        sealed_at = greatest(s.sealed_at, excluded.sealed_at), full_at = greatest(s.full_at, excluded.full_at),
        frozen_at = case when s.frozen_because = 'stale' then null else s.frozen_at end,
        frozen_because = case when s.frozen_because = 'stale' then null else s.frozen_because end
      returning exists (select 1 from old where frozen_because = 'stale') as thawed`,
    values: [request.source, request.startedAt, request.cursor ?? null, request.cursorScope, request.scope],
  });
  if (row?.thawed !== true) return;
  await tx.rows({
    text: `insert into event (actor, kind, source, detail) values ($1, 'source.thawed', $2, '{"because": "stale"}')`,
    values: [request.actor, request.source],
  });
  await markAll(tx);
}
