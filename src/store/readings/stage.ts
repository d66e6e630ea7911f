import type { Fact } from '../../model/facts.ts';
import { foldCase } from '../../model/filter.ts';
import type { Db } from '../db.ts';
import { isStorable, LONGEST_KEY } from './storable.ts';
import type { Delivered } from './types.ts';

/** Facts in memory at a time. */
const PAGE = 2_000;

/** Names of the tables of one reading. They are its own, so that dropping them costs nothing and leaves no dead rows. */
export function stagedTables(reading: number): { readonly entries: string; readonly members: string } {
  if (!Number.isSafeInteger(reading)) throw new RangeError(`${reading} is no id of a reading`);
  return { entries: `staged_entry_${reading}`, members: `staged_member_${reading}` };
}

/**
 * Makes the tables in which a reading waits to be admitted. Unlogged: after a crash of the database the reading is
 * over in any case. `n` is the order in which facts came: of two about one thing the later one holds.
 * In `members` a row without a member says that the list of its group is whole.
 */
export async function createStaged(db: Db, reading: number): Promise<void> {
  const { entries, members } = stagedTables(reading);
  await db.rows({
    text: `create unlogged table ${entries} (n bigint, anchor text, kind text, state text, evidence text, user_name text,
      name_key text, display_name text, external_id text, emails text[], email_keys text[], active boolean,
      attributes jsonb)`,
  });
  await db.rows({
    text: `create unlogged table ${members} (n bigint, group_anchor text, member_anchor text, held boolean)`,
  });
}

export async function dropStaged(db: Db, reading: number): Promise<void> {
  const { entries, members } = stagedTables(reading);
  await db.rows({ text: `drop table if exists ${entries}, ${members}` });
}

interface Entry {
  readonly n: number;
  readonly anchor: string;
  readonly state: 'there' | 'disabled' | 'gone' | 'unreadable';
  readonly kind?: 'user' | 'group';
  readonly evidence?: string;
  readonly user_name?: string;
  readonly name_key?: string;
  readonly display_name?: string | undefined;
  readonly external_id?: string | undefined;
  readonly emails?: readonly string[];
  readonly email_keys?: readonly string[];
  readonly active?: boolean;
  readonly attributes?: unknown;
}

interface Member {
  readonly n: number;
  readonly group: string;
  readonly member: string | null;
  readonly held: boolean;
}

/** What staging came to, besides what now stands in the tables. */
export interface Staged extends Delivered {
  /** Entries that can't be understood and have no id: nobody can tell whose record they were. */
  readonly nameless: number;
}

/**
 * Writes the facts into the reading's tables, page by page. What the store can't keep counts as unreadable. Throws
 * what `facts` throws. `onPage` is told how much has come so far.
 */
export async function stageFacts(
  db: Db,
  reading: number,
  facts: AsyncIterable<Fact>,
  onPage?: (soFar: Delivered) => void,
): Promise<Staged> {
  const tables = stagedTables(reading);
  const counts = { users: 0, groups: 0, memberships: 0, gone: 0, unreadable: 0, nameless: 0 };
  let entries: Entry[] = [];
  let members: Member[] = [];
  let n = 0;
  const flush = async (): Promise<void> => {
    await insertEntries(db, tables.entries, entries);
    await insertMembers(db, tables.members, members);
    entries = [];
    members = [];
    onPage?.({ ...counts });
  };
  for await (const fact of facts) {
    n += 1;
    const row = asRow(fact, n);
    if ('group' in row) {
      members.push(row);
      if (row.held && row.member !== null) counts.memberships += 1;
    } else if (row.anchor === '') {
      counts.unreadable += 1;
      counts.nameless += 1;
    } else {
      entries.push(row);
      counts[countOf(row)] += 1;
    }
    if (entries.length + members.length >= PAGE) await flush();
  }
  await flush();
  return counts;
}

/** Who is outside and disabled is told of as one who went. */
function countOf({ state, kind }: Entry): 'users' | 'groups' | 'gone' | 'unreadable' {
  if (state === 'there') return kind === 'group' ? 'groups' : 'users';
  return state === 'disabled' ? 'gone' : state;
}

/** An anchor of '' stands for an entry that nobody can name. */
function asRow(fact: Fact, n: number): Entry | Member {
  switch (fact.type) {
    case 'person': {
      const { id, userName, active, displayName, emails, attributes } = fact.person;
      if (!isStorable(fact.person) || userName.length > LONGEST_KEY) return unreadable(n, id);
      const externalId = attributes['externalId'];
      return {
        n,
        anchor: anchorOf(id),
        state: 'there',
        kind: 'user',
        user_name: userName,
        name_key: foldCase(userName),
        display_name: displayName,
        external_id: typeof externalId === 'string' ? externalId : undefined,
        emails,
        email_keys: [...new Set(emails.map(foldCase))],
        active,
        attributes,
      };
    }
    case 'group': {
      const { id, displayName } = fact.group;
      if (!isStorable(fact.group) || displayName.length > LONGEST_KEY) return unreadable(n, id);
      return {
        n,
        anchor: anchorOf(id),
        state: 'there',
        kind: 'group',
        name_key: foldCase(displayName),
        display_name: displayName,
        emails: [],
        email_keys: [],
        active: true,
        attributes: {},
      };
    }
    case 'gone':
      return { n, anchor: anchorOf(fact.id), state: 'gone', evidence: fact.evidence };
    case 'disabled':
      return { n, anchor: anchorOf(fact.id), state: 'disabled' };
    case 'unreadable':
      return unreadable(n, fact.id ?? '');
    case 'member':
    case 'notMember':
    case 'wholeGroup': {
      const member = fact.type === 'wholeGroup' ? null : anchorOf(fact.member);
      const group = anchorOf(fact.group);
      // A membership whose ends can't be named: the list that it belongs to is not known whole.
      if (group === '' || member === '') return unreadable(n, '');
      return { n, group, member, held: fact.type !== 'notMember' };
    }
  }
}

const unreadable = (n: number, id: string): Entry => ({ n, anchor: anchorOf(id), state: 'unreadable' });

const anchorOf = (id: string): string => (id.length <= LONGEST_KEY && isStorable(id) ? id : '');

async function insertEntries(db: Db, table: string, rows: readonly Entry[]): Promise<void> {
  if (rows.length === 0) return;
  await db.rows({
    text: `insert into ${table} select * from jsonb_to_recordset($1::jsonb) as e(n bigint, anchor text, kind text,
      state text, evidence text, user_name text, name_key text, display_name text, external_id text, emails text[],
      email_keys text[], active boolean, attributes jsonb)`,
    values: [JSON.stringify(rows)],
  });
}

async function insertMembers(db: Db, table: string, rows: readonly Member[]): Promise<void> {
  if (rows.length === 0) return;
  await db.rows({
    text: `insert into ${table} select * from unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[])`,
    values: [rows.map((r) => r.n), rows.map((r) => r.group), rows.map((r) => r.member), rows.map((r) => r.held)],
  });
}
