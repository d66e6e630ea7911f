import type { Correlator, Identity, RecordSaid } from '../../model/correlation.ts';
import type { Db } from '../db.ts';
import type { KeyedRecord } from './decide.ts';

/** Records that are looked at with one lock and in one go. */
export const PAGE = 1_000;

interface Row extends Omit<RecordSaid, 'covers'> {
  readonly key: number;
  readonly source: string;
  readonly covers: readonly string[] | null;
  readonly live: boolean;
}

const COLUMNS = `r.key, r.source, r.user_name as "userName", r.display_name as "displayName",
  r.external_id as "externalId", r.emails, r.active, r.attributes, r.covers, r.gone_at is null as live`;

export interface LoadedRecord extends KeyedRecord {
  readonly live: boolean;
}

const PLAIN: Identity = { role: 'primary', keys: [] };

/** What the records of users are found by as they are stored; those of sources that are not in the settings are left out. */
export async function loadRecords(
  db: Db,
  correlator: Correlator | undefined,
  keys: readonly number[],
): Promise<LoadedRecord[]> {
  const rows = await db.rows<Row>({
    text: `select ${COLUMNS} from unnest($1::bigint[]) with ordinality as k(key, at) join record r on r.key = k.key
      where r.kind = 'user' order by k.at`,
    values: [keys],
  });
  return keyed(rows, correlator);
}

/** The next page of all users, in the order of their keys; `last` is missing after the end. */
export async function nextRecords(
  db: Db,
  correlator: Correlator | undefined,
  after: number,
): Promise<{ readonly records: readonly LoadedRecord[]; readonly last?: number }> {
  const rows = await db.rows<Row>({
    text: `select ${COLUMNS} from record r where r.kind = 'user' and r.key > $1 order by r.key limit ${PAGE}`,
    values: [after],
  });
  const last = rows.at(-1)?.key;
  return { records: keyed(rows, correlator), ...(last !== undefined && { last }) };
}

const keyed = (rows: readonly Row[], correlator: Correlator | undefined): LoadedRecord[] =>
  rows.flatMap((row) => {
    const { key, source, live } = row;
    const identity = correlator === undefined ? PLAIN : correlator.identify(source, said(row));
    return identity === undefined ? [] : [{ key, source, live, identity }];
  });

const said = (row: Row): RecordSaid => ({
  userName: row.userName ?? undefined,
  displayName: row.displayName ?? undefined,
  externalId: row.externalId ?? undefined,
  emails: row.emails,
  active: row.active,
  attributes: row.attributes,
  covers: row.covers ?? undefined,
});
