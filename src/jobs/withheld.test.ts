import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, groupRule, jobsOptions, ruleSet, seed, settled, world } from '../../test/support/jobs.ts';
import { everHadRules } from '../store/rules.ts';
import { startJobs } from './index.ts';

dbTest('lost rules: nobody is given or loses anything but a leaver; they come back, and all goes on', async (db) => {
  const target = fakeTarget('sdm', { roles: ['db'] });
  const of = world([target], groupRule('dba', 'DBA', 'sdm', 'db'));
  await seed.group(db, 'DBA');
  for (const name of ['ann', 'bob', 'cid']) await seed.user(db, name);
  await seed.join(db, 'DBA', 'ann', 'bob');
  assert.equal(await everHadRules(db), false);
  const options = jobsOptions(db, of);
  const before = await startJobs(options);
  await settled(before, db);
  await before.close();
  assert.equal(await everHadRules(db), true);

  const rules = of.rules;
  of.rules = ruleSet('nothing');
  let withheld = true;
  const jobs = await startJobs({ ...jobsOptions(db, of), views: () => ({ ...options.views(), withheld }) });
  try {
    await seed.leave(db, 'bob', 'deleted');
    await seed.join(db, 'DBA', 'cid');
    jobs.wake();
    await settled(jobs, db);
    const kept = {
      'ann@example.com': { active: true, roles: ['db'] },
      'bob@example.com': { active: false, roles: [] },
    };
    assert.deepEqual(target.state(), kept);
    assert.equal((await db.rows({ text: 'select 1 from rules_revision' })).length, 1, 'they are not noted as in force');

    [of.rules, withheld] = [rules, false];
    await jobs.rulesChanged();
    await settled(jobs, db);
    assert.deepEqual(target.state(), { ...kept, 'cid@example.com': { active: true, roles: ['db'] } });
  } finally {
    await jobs.close();
  }
});
