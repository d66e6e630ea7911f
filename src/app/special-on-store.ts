import type { Problem } from '../model/rules.ts';
import type { Settings } from '../model/settings.ts';
import type { Db } from '../store/db.ts';

interface Missing {
  readonly target: string;
  readonly what: 'id' | 'tag' | 'role';
  readonly name: string;
}

/**
 * What the settings call untouchable, or special about a role, and what the last observation of the target does not show:
 * a slip of the pen there protects nothing. Targets that were never read are left out.
 */
export async function specialOnStore(db: Db, settings: Settings): Promise<Problem[]> {
  const asked: Missing[] = settings.targets.flatMap(({ id: target, untouchable, roles = {} }) => [
    ...(untouchable?.ids ?? []).map((name) => ({ target, what: 'id', name }) as const),
    ...(untouchable?.tags ?? []).map((name) => ({ target, what: 'tag', name }) as const),
    ...Object.keys(roles).map((name) => ({ target, what: 'role', name }) as const),
  ]);
  if (asked.length === 0) return [];
  const missing = await db.rows<Missing>({
    text: `select a.target, a.what, a.name from unnest($1::text[], $2::text[], $3::text[]) with ordinality
        as a(target, what, name, n)
      join target_state t on t.target = a.target and t.observed_at is not null
      where not case a.what
        when 'id' then exists (select 1 from observed o where o.target = a.target and o.account_id = a.name)
          or exists (select 1 from target_role r where r.target = a.target and r.role_id = a.name)
        when 'tag' then exists (
          select 1 from observed o, jsonb_array_elements_text(o.account -> 'tags') as tag
          where o.target = a.target and o.account ? 'tags' and (tag = a.name or split_part(tag, '=', 1) = a.name))
        else exists (select 1 from target_role r where r.target = a.target and r.name = a.name) end
      order by a.n`,
    values: [asked.map((one) => one.target), asked.map((one) => one.what), asked.map((one) => one.name)],
  });
  return missing.map(({ target, what, name }) => ({ severity: 'warning', ...WORDS[what](target, name) }));
}

type Words = (target: string, name: string) => { readonly message: string; readonly remedy: string };

const WORDS: Readonly<Record<Missing['what'], Words>> = {
  id: (target, name) => ({
    message: `untouchable: the target ${target} has no account and no role with the id ${name}`,
    remedy: 'Look the id up there: as it stands it protects nothing.',
  }),
  tag: (target, name) => ({
    message: `untouchable: no account of the target ${target} has the tag ${name}`,
    remedy: 'Look at the tags there (case counts): as it stands it protects nothing.',
  }),
  role: (target, name) => ({
    message: `roles: the target ${target} has no role ${name}`,
    remedy: 'Write the name as it is there, or take it out.',
  }),
};
