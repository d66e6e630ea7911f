import { planNext } from '../src/jobs/planner.ts';
import type { PlanDeps } from '../src/jobs/deps.ts';
import type { Db } from '../src/store/db.ts';
import { storeParts } from '../src/store/parts.ts';
import { createResources } from '../src/store/resources.ts';
import { hundredRules, TARGETS } from './support/company.ts';
import { fillUsers, settleTables, SOURCE } from './support/people.ts';
import { median, quantile } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';
import { viewsOf } from './support/views.ts';

const DEPTH = 20;
const WRITER = { source: SOURCE, actor: 'bench' };

interface Size {
  readonly people: number;
  readonly groups: number;
}

async function run(scale: Scale): Promise<Figure[]> {
  const sizes: Size[] = [
    { people: scale.pick(10_000, 200), groups: scale.pick(1_000, 40) },
    { people: scale.pick(100_000, 400), groups: scale.pick(10_000, 80) },
  ];
  const measured = [];
  for (const size of sizes) measured.push({ size, ...(await measure(scale, size)) });
  const [small] = measured;
  return measured.flatMap(({ size, members, one, below }) => {
    const at = `${size.groups} groups, ${members} memberships`;
    const shown = (name: string, times: readonly number[], of: readonly number[] | undefined): Figure => ({
      name: `${name}, ${at}`,
      value: median(times),
      unit: 'ms',
      p99: quantile(times, 0.99),
      ...(of === undefined || of === times
        ? {}
        : { ratio: { to: 'a tenth of it', value: median(times) / median(of) } }),
    });
    return [
      shown('a user into a group of the lowest level', one, small?.one),
      ...below.map(({ persons, times }, i) =>
        shown(`a group of ${persons} put into one of the lowest level`, times, small?.below[i]?.times),
      ),
    ];
  });
}

interface Measured {
  readonly members: number;
  /** Milliseconds from the request to the plan in the store. */
  readonly one: readonly number[];
  readonly below: ReadonlyArray<{ readonly persons: number; readonly times: readonly number[] }>;
}

const measure = (scale: Scale, { people, groups }: Size): Promise<Measured> =>
  withGround(async (ground) => {
    const { db } = await ground.open();
    scale.say(`${people} people in ${groups} groups, ${DEPTH} deep`);
    await fillUsers(db, people);
    const members = await fillNested(db, groups);
    const views = viewsOf(TARGETS, hundredRules());
    const deps: PlanDeps = { db, store: storeParts, views: () => views, now: () => new Date() };
    await db.rows({ text: 'truncate dirty' });
    const lowest = (n: number): string => `group-${groups - 1 - (n % Math.floor(groups / DEPTH))}`;
    const one: number[] = [];
    for (let i = 1; i <= scale.pick(220, 5); i++) {
      const [add, remove] = [new Set([await outsider(db, lowest(i), i)]), new Set<string>()];
      one.push(
        await planned(
          deps,
          () => createResources(db).changeMembers(WRITER, lowest(i), { type: 'delta', add, remove }),
          1,
        ),
      );
    }
    const below = [];
    for (const persons of [10, 1_000]) {
      const times: number[] = [];
      for (let i = 0; i < scale.pick(persons === 10 ? 40 : 7, 1); i++) {
        const size = Math.min(persons, people / 2);
        const team = await teamOf(db, `team-${persons}-${i}`, size, i);
        const [add, remove] = [new Set([team]), new Set<string>()];
        times.push(
          await planned(
            deps,
            () => createResources(db).changeMembers(WRITER, lowest(i), { type: 'delta', add, remove }),
            size,
          ),
        );
      }
      below.push({ persons, times });
    }
    return { members, one: one.slice(scale.pick(20, 0)), below };
  });

/** Time of a change and of all that is planned for it. Throws when it touched more or fewer people than it should. */
async function planned(deps: PlanDeps, change: () => Promise<unknown>, expected: number): Promise<number> {
  let persons = 0;
  const begun = performance.now();
  await change();
  while ((await planNext(deps, (result) => (persons += result.persons))) === 'more');
  const ms = performance.now() - begun;
  if (persons !== expected) throw new Error(`${persons} people were planned, not ${expected}`);
  return ms;
}

/** The id of the nth user who is not in a group. */
async function outsider(db: Db, group: string, nth: number): Promise<string> {
  const row = await db.row<{ id: string }>({
    text: `select u.anchor as id from record u where u.source = $1 and u.kind = 'user' and not exists (
        select 1 from membership m join record g on g.key = m.group_key
        where m.member_key = u.key and g.source = $1 and g.anchor = $2)
      order by u.key offset $3 limit 1`,
    values: [SOURCE, group, nth],
  });
  if (row === undefined) throw new Error(`everybody is in ${group}`);
  return row.id;
}

/** A new group of people, as if it had been there for long: nobody has to be planned for it. */
async function teamOf(db: Db, id: string, size: number, nth: number): Promise<string> {
  await db.rows({
    text: `with g as (
        insert into record (source, anchor, kind, name_key, display_name, attributes, resource)
        values ($1, $2::text, 'group', $2, $2, '{}', jsonb_build_object('displayName', $2::text)) returning key
      )
      insert into membership (group_key, member_key)
      select g.key, u.key from g, (select key from record where source = $1 and kind = 'user' order by key
        offset $4 limit $3) u`,
    values: [SOURCE, id, size, nth * size],
  });
  return id;
}

/** Each group below the first level lies in one of the level above; everybody is in ten groups of all levels. */
async function fillNested(db: Db, groups: number): Promise<number> {
  const width = Math.floor(groups / DEPTH);
  await db.rows({
    text: `with g as (
        insert into record (source, anchor, kind, name_key, display_name, attributes, resource)
        select $1, 'group-' || n, 'group', 'group-' || n, 'group-' || n, '{}',
          jsonb_build_object('displayName', 'group-' || n)
        from generate_series(0, $2::int - 1) n returning key, anchor
      ), n as (select key, substr(anchor, 7)::int as n from g)
      insert into membership (group_key, member_key)
      select above.key, n.key from n join n above on above.n = n.n - $3::int`,
    values: [SOURCE, groups, width],
  });
  await db.rows({
    text: `with n as (select key, substr(anchor, 7)::int as n from record where source = $1 and kind = 'group'),
      u as (select key, row_number() over (order by key) as n from record where source = $1 and kind = 'user')
      insert into membership (group_key, member_key)
      select distinct n.key, u.key from u cross join generate_series(0, 9) i
        join n on n.n = (u.n * 7919 + i * 104729 + i * i * u.n) % $2::int`,
    values: [SOURCE, groups],
  });
  await settleTables(db);
  const row = await db.row<{ count: number }>({ text: 'select count(*) as count from membership' });
  return row?.count ?? 0;
}

export const bench: Bench = {
  name: 'groups',
  title: 'Nested groups',
  about: `Groups 20 levels deep, each in one group of the level above; everybody is in ten groups of all levels, so that a
person has about a hundred groups. Measured from the SCIM change of a membership to the plan in the store, at two sizes
side by side: what a change costs goes by the people below it, and neither by the groups nor by the memberships that
there are. That exactly those people are planned is checked.`,
  notes: `Ten times the groups and memberships change nothing; ten times the people below a change cost ten times as much, about a
millisecond for each, planned in parts of 500. A group that is put into another writes one row in the request itself.`,
  run,
};
