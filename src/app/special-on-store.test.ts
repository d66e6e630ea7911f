import assert from 'node:assert/strict';
import { dbTest } from '../../test/support/jobs.ts';
import type { Settings, TargetSettings } from '../model/settings.ts';
import { specialOnStore } from './special-on-store.ts';

const target = (id: string): TargetSettings => ({
  id,
  type: 'strongdm',
  mode: 'full',
  simulator: false,
  baseline: 'auto',
  adopt: 'ask',
  untouchable: { ids: ['a-1', 'a-2', 'r-1'], tags: ['glass', 'env=vault', 'env=vaul'] },
  roles: { oncall: { minMembers: 2 }, onCall: {} },
  createRoles: false,
  profile: {},
  options: {},
});

dbTest('what the target does not show is told, where it was read', async (db) => {
  await db.rows({
    text: `with o as (
        insert into observed (target, account_id, login_key, account) values
          ('sdm', 'a-1', 'a', '{"id": "a-1", "tags": ["env=vault", "glass=yes"]}'), ('sdm', 'a-3', 'b', '{"id": "a-3"}')
      ), r as (
        insert into target_role (target, role_id, name) values ('sdm', 'r-1', 'oncall')
      )
      insert into target_state (target, observed_at) values ('sdm', now()), ('new', null)`,
  });
  const settings = { targets: [target('sdm'), target('new'), target('other')] } as unknown as Settings;
  assert.deepEqual(
    (await specialOnStore(db, settings)).map((p) => `${p.severity}: ${p.message}`),
    [
      'warning: untouchable: the target sdm has no account and no role with the id a-2',
      'warning: untouchable: no account of the target sdm has the tag env=vaul',
      'warning: roles: the target sdm has no role onCall',
    ],
  );
});
