import type { Db } from './db.ts';

/** URNs of extensions that records hold values of. Reads every record: for checks by hand. */
export async function storedExtensions(db: Db): Promise<Array<{ source: string; urn: string; records: number }>> {
  return db.rows({
    text: `select source, urn, count(*)::int as records
      from record, jsonb_object_keys(resource) urn
      where gone_at is null and urn like 'urn:%' group by source, urn order by source, urn`,
  });
}
