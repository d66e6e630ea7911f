import type { BurstLimit } from '../model/guard.ts';
import type { Db } from './db.ts';

/** The window is this many slots; it moves on by a slot at a time. */
const SLOTS = 60;

const slotNow = (seconds: string): string => `floor(extract(epoch from now()) / ${seconds})::bigint`;

/**
 * Common table expressions from `leaver` (id, generation, key of the record, source) to `counted`, the same with `held`:
 * is this leave one too many of its source? Counted is everybody who leaves within the window, also who is held, once;
 * but for those of whom another source says the same: they pass. Within one statement the first are those with the
 * smallest keys. `$1` are all the records that left. The counts lie in the row that this locks, so they are those of now and not of the snapshot.
 */
export const COUNTED = `asked as (
    select l.*, was.held as was_held,
      exists (
        select 1 from person_record pr join record o on o.key = pr.record_key
        where pr.person = l.id and o.source <> l.source
          and (case when o.gone_at is null then not o.active else o.evidence = 'explicit' end)
          and not exists (select 1 from source_state s where s.source = o.source and s.succeeded_by is not null)
      ) as confirmed
    from leaver l left join leaver_burst b on b.source = l.source
      left join leave was on was.record_key = l.key and was.at > now() - coalesce(b.slot_s, ${SLOTS}) * ${SLOTS} * interval '1 s'
  ),
  fresh as (
    select key, source, row_number() over (partition by source order by key) as n from asked
    where was_held is null and not confirmed
  ),
  recent as (
    insert into leaver_burst as b (source, slot, recent)
    select source, ${slotNow('60')}, leave_slots('{}', 0, count(*)::int) from fresh group by source
    on conflict (source) do update set slot = greatest(b.slot, ${slotNow('b.slot_s')}),
      recent = leave_slots(b.recent, ${slotNow('b.slot_s')} - b.slot, excluded.recent[${SLOTS}])
    returning b.source, b.abs, b.pct, (select sum(n) from unnest(b.recent) n) as total
  ),
  budget as (
    select source, total - (select count(*) from fresh f where f.source = r.source) as before,
      case when total <= abs then abs else greatest(abs, floor(pct / 100 * (
        select coalesce(sum(live), 0) from record_count c where c.source = r.source and c.kind = 'user'))) end as allowed
    from recent r
  ),
  counted as (
    select a.*, f.n is not null as fresh, not a.confirmed and coalesce(a.was_held, b.before + f.n > b.allowed) as held
    from asked a left join fresh f on f.key = a.key left join budget b on b.source = a.source
  ),
  kept as (
    insert into leave (record_key, at, held)
    select k.key, now(), c.held from unnest($1::bigint[]) k(key) join person_record pr on pr.record_key = k.key
      join counted c on c.id = pr.person order by k.key
    on conflict (record_key) do update set at = excluded.at, held = excluded.held
  ),
  told as (
    insert into event (actor, kind, person, source, detail)
    select 'drawbridge', 'leave.held', id, source, '{"because": "burst"}' from counted where held and fresh
  )`;

/** How a source's leaves stand now. */
export interface BurstState {
  readonly source: string;
  /** Who left within the window, also those who are held. */
  readonly leaves: number;
  /** How many may before the further ones are held. */
  readonly allowed: number;
  /** People of whom something is held for that, and nobody has decided. */
  readonly held: number;
}

/** Of every source that somebody has left, or of which the settings say how many may. */
export async function burstStates(db: Db): Promise<BurstState[]> {
  return db.rows<BurstState>({
    name: 'leaver-bursts',
    text: `select b.source, greatest(b.abs, floor(b.pct / 100 * (
          select coalesce(sum(live), 0) from record_count c where c.source = b.source and c.kind = 'user')))::int as allowed,
        (select sum(n) from unnest(leave_slots(b.recent, ${slotNow('b.slot_s')} - b.slot, 0)) n)::int as leaves,
        (select count(distinct person) from hold h where h.state = 'held' and h.change ->> 'burst' = b.source)::int as held
      from leaver_burst b order by b.source`,
  });
}

/** What the settings say of each source. Another window begins empty. */
export async function setBurstLimits(db: Db, limits: ReadonlyMap<string, BurstLimit>): Promise<void> {
  const sources = [...limits.keys()];
  const of = [...limits.values()];
  await db.rows({
    text: `insert into leaver_burst as b (source, abs, pct, slot_s)
      select * from unnest($1::text[], $2::int[], $3::float8[], $4::int[]) as u(source, abs, pct, slot_s) order by source
      on conflict (source) do update set abs = excluded.abs, pct = excluded.pct, slot_s = excluded.slot_s,
        recent = case when b.slot_s = excluded.slot_s then b.recent else '{}' end,
        slot = case when b.slot_s = excluded.slot_s then b.slot else 0 end
      where (b.abs, b.pct, b.slot_s) is distinct from (excluded.abs, excluded.pct, excluded.slot_s)`,
    values: [
      sources,
      of.map((limit) => limit.abs),
      of.map((limit) => limit.pct),
      of.map((limit) => Math.max(1, Math.ceil(limit.windowMs / 1000 / SLOTS))),
    ],
  });
}

/**
 * Everything that was held of these sources' bursts is approved: they were meant. Counting begins anew where nothing
 * waits any more. Gives the sources where it did.
 */
export async function endBursts(db: Db, sources: readonly string[]): Promise<string[]> {
  if (sources.length === 0) return [];
  const rows = await db.rows<{ source: string }>({
    text: `update leaver_burst b set recent = '{}' where source = any($1::text[]) and not exists (
        select 1 from hold h where h.state <> 'approved' and h.change ->> 'burst' = b.source) returning source`,
    values: [sources],
  });
  return rows.map((row) => row.source);
}
