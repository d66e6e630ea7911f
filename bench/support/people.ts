import { userFields } from '../../src/scim/facts.ts';
import type { Db } from '../../src/store/db.ts';
import { fieldValues, RECORD_COLUMNS } from '../../src/store/resources/fields.ts';

export const SOURCE = 'okta';

const DEPARTMENTS = ['Finance', 'Sales', 'Platform', 'Support', 'Legal', 'People', 'Field', 'Research'] as const;

/** A user as identity providers send them; `n` is a number, or `{n}` for a template of a load. */
export const user = (n: number | '{n}'): Record<string, unknown> => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'],
  userName: `person.${n}@example.com`,
  externalId: `00u${n}`,
  name: { givenName: `Given${n}`, familyName: `Family${n}`, formatted: `Given${n} Family${n}` },
  displayName: `Given${n} Family${n}`,
  title: 'Analyst',
  active: true,
  emails: [{ value: `person.${n}@example.com`, type: 'work', primary: true }],
  phoneNumbers: [{ value: '+49 30 901820', type: 'work' }],
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {
    employeeNumber: `E${n}`,
    department: DEPARTMENTS[typeof n === 'number' ? n % DEPARTMENTS.length : 0],
    costCenter: 'C-100',
    organization: 'Example',
  },
});

/** The same number as in `user`; `{n:12}` in a template. */
export const idOf = (n: number | '{n:12}'): string =>
  `00000000-0000-4000-8000-${typeof n === 'number' ? String(n).padStart(12, '0') : n}`;

const FILL = `with given as (
    select n, f from jsonb_to_recordset($2::jsonb) as g(n bigint, f jsonb)
  ), r as (
    insert into record (source, anchor, kind, ${RECORD_COLUMNS.join(', ')})
    select $1, '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'), 'user', f->>0, f->>1, f->>2, f->>3,
      array(select jsonb_array_elements_text(f->4)), array(select jsonb_array_elements_text(f->5)),
      (f->>6)::boolean, (f->>7)::jsonb, (f->>8)::jsonb
    from given order by n returning key, anchor
  ), p as (
    insert into person (id) select 'p_' || anchor from r returning id
  )
  insert into person_record (record_key, person, linked_by) select key, 'p_' || anchor, 'new' from r`;

const BATCH = 5_000;

/**
 * Users 1 to `count` as if they had been pushed and planned long ago, put into the store in bulk; their ids come from
 * `idOf`. The server's statistics are up to date afterwards, as a running server's are.
 */
export async function fillUsers(db: Db, count: number, source = SOURCE): Promise<void> {
  for (let from = 1; from <= count; from += BATCH) {
    const rows = Array.from({ length: Math.min(BATCH, count - from + 1) }, (_, i) => {
      const { schemas: _schemas, ...resource } = user(from + i);
      return { n: from + i, f: fieldValues(userFields(resource)) };
    });
    await db.rows({ text: FILL, values: [source, JSON.stringify(rows)] });
  }
  await settleTables(db);
}

/** A group with the users 1 to `size`, whose id is `group-SIZE`. */
export async function fillGroup(db: Db, size: number, source = SOURCE): Promise<string> {
  const id = `group-${size}`;
  await db.rows({
    text: `with g as (
        insert into record (source, anchor, kind, name_key, display_name, attributes, resource)
        values ($1, $2::text, 'group', $2, $2, '{}', jsonb_build_object('displayName', $2::text)) returning key
      )
      insert into membership (group_key, member_key)
      select g.key, u.key from g, (select key from record where source = $1 and kind = 'user' order by key limit $3) u`,
    values: [source, id, size],
  });
  return id;
}

export async function settleTables(db: Db): Promise<void> {
  for (const table of ['record', 'membership', 'person', 'person_record'])
    await db.rows({ text: `vacuum analyze ${table}` });
  await db.rows({ text: 'checkpoint' });
}
