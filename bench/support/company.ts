import type { Db } from '../../src/store/db.ts';
import { storeParts } from '../../src/store/parts.ts';
import { fillUsers, settleTables, SOURCE } from './people.ts';

export const TARGETS = ['one', 'two', 'three'] as const;
const GROUPS = 60;
const ROLES = 40;

const roleOf = (rule: number): string => `role-${rule % ROLES}`;
const targetOf = (rule: number): string => TARGETS[rule % TARGETS.length] ?? TARGETS[0];

/**
 * A hundred rules over three targets: 40 for a group, 20 for a group under a condition, 40 under a condition alone,
 * which are evaluated for everybody. A few hold for many, most for few.
 */
export function hundredRules(): string {
  const rules = Array.from({ length: 100 }, (_, i) => {
    const when = `    when: { group: { source: ${SOURCE}, name: group-${i} } }\n`;
    const conditions = [
      `user.department == "Finance" && user.employeeNumber.endsWith("${i % 10}${(i * 7) % 10}")`,
      `user.title == "Analyst" && user.userName.startsWith("person.${i}") && user.active`,
      `user.department in ["Sales", "Legal"] && has(user.costCenter) && user.employeeNumber == "E${i}"`,
      `user.organization == "Example" && user.userName.contains("${i}7${i % 7}@")`,
    ];
    const condition = `    if: '${conditions[i % conditions.length]}'\n`;
    const grant = `    grant: [ { target: ${targetOf(i)}, role: ${roleOf(i)} } ]\n`;
    return `  - id: rule-${i}\n${i < GROUPS ? when : ''}${i < 40 ? '' : condition}${grant}`;
  });
  return `rules:\n${rules.join('')}`;
}

/** People in five of sixty groups each, and three targets that were observed and have their roles. */
export async function fillCompany(db: Db, people: number): Promise<void> {
  await fillUsers(db, people);
  await db.rows({
    text: `with g as (
        insert into record (source, anchor, kind, name_key, display_name, attributes, resource)
        select $1, 'group-' || n, 'group', 'group-' || n, 'group-' || n, '{}', '{}'
        from generate_series(0, $2::int - 1) n returning key, anchor
      ), n as (select key, row_number() over (order by anchor) - 1 as n from g),
      u as (select key, row_number() over (order by key) as n from record where source = $1 and kind = 'user')
      insert into membership (group_key, member_key)
      select distinct n.key, u.key from u cross join generate_series(0, 4) i
        join n on n.n = (u.n * 7 + i * i * 11 + i * u.n / 60) % $2::int`,
    values: [SOURCE, GROUPS],
  });
  for (const target of TARGETS) {
    const roles = Array.from({ length: ROLES }, (_, i) => ({ id: `r-role-${i}`, name: `role-${i}` }));
    await storeParts.roles.replaceRoles(db, target, roles, new Date(0));
    await storeParts.targets.markObserved(db, target);
  }
  await settleTables(db);
}
