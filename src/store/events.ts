import type { Db } from './db.ts';

/** One entry of the append-only history. `detail` holds changed fields before and after, never a secret. */
export interface NewEvent {
  /** Who caused it: `scim:<source>/<token name>`, `local:<os user>`, `drawbridge`. */
  readonly actor: string;
  /** `record.created`, `record.changed`, `record.missing`, `record.found`, `record.gone`, `member.added`, `member.removed`, `change.applied`, … */
  readonly kind: string;
  readonly person?: string | undefined;
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  /** What it is about: an anchor, an item, a plan hash. */
  readonly object?: string | undefined;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface StoredEvent extends NewEvent {
  readonly id: number;
  readonly at: Date;
}

/** Appends to the history, in the transaction of the change itself. One statement, however many events. */
export async function appendEvents(db: Db, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await db.rows({
    name: 'events-append',
    text: `insert into event (actor, kind, person, source, target, object, detail)
      select actor, kind, person, source, target, object, coalesce(detail, '{}')
      from jsonb_to_recordset($1::jsonb)
        as e(actor text, kind text, person text, source text, target text, object text, detail jsonb)`,
    values: [JSON.stringify(events)],
  });
}

/** The newest events of a person, newest first. */
export async function eventsOfPerson(db: Db, person: string, limit: number): Promise<StoredEvent[]> {
  return db.rows<StoredEvent>({
    name: 'events-of-person',
    text: `select id, at, actor, kind, person, source, target, object, detail
      from event where person = $1 order by id desc limit $2`,
    values: [person, limit],
  });
}
