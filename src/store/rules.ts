import type { Db } from './db.ts';
import { appendEvents } from './events.ts';

/** Notes that these rules are in force. Written once a revision, together with its event. */
export async function noteRevision(
  db: Db,
  revision: string,
  summary: Readonly<Record<string, unknown>>,
): Promise<void> {
  await db.tx(async (tx) => {
    const fresh = await tx.row({
      text: `insert into rules_revision (revision, summary) values ($1, $2::jsonb) on conflict do nothing returning revision`,
      values: [revision, JSON.stringify(summary)],
    });
    if (fresh === undefined) return;
    await appendEvents(tx, [{ actor: 'drawbridge', kind: 'rules.loaded', object: revision, detail: summary }]);
  });
}

/** Were there ever rules in force? */
export async function everHadRules(db: Db): Promise<boolean> {
  const row = await db.row<{ had: boolean }>({
    text: `select exists (select 1 from rules_revision where (summary->>'rules')::int > 0) as had`,
  });
  return row?.had === true;
}
