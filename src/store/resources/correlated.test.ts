import assert from 'node:assert/strict';
import { correlatorOf, key } from '../../../test/support/correlation.ts';
import { dbTest } from '../../../test/support/jobs.ts';
import { userFields } from '../../scim/facts.ts';
import type { Correlator } from '../../model/correlation.ts';
import { lockCorrelation } from '../correlation/lock.ts';
import { beginRebuild, rebuildPage } from '../correlation/rebuild.ts';
import type { Db } from '../db.ts';
import { createResources } from '../resources.ts';

/** Counts what goes to the database: a transaction is two more than what is in it. */
function counting(db: Db): { readonly db: Db; taken(): number } {
  let count = 0;
  const on = (inner: Db): Db => ({
    rows: (statement) => {
      count += 1;
      return inner.rows(statement);
    },
    row: (statement) => {
      count += 1;
      return inner.row(statement);
    },
    tx: (work, options) => {
      if (inner === db) count += 2;
      return inner.tx((tx) => work(on(tx)), options);
    },
    connection: (work) => inner.connection(work),
  });
  return {
    db: on(db),
    taken: () => {
      const taken = count;
      count = 0;
      return taken;
    },
  };
}

dbTest('a new user costs one statement without correlation, four with it, and a change one more', async (db) => {
  const counted = counting(db);
  let correlator: Correlator | undefined;
  const resources = createResources(counted.db, () => correlator);
  const writer = { source: 'okta', actor: 'scim:okta/test' };
  const fields = (userName: string, more: object = {}) =>
    userFields({ userName, active: true, emails: [{ value: `${userName}@example.com`, primary: true }], ...more });
  const costs = async (work: Promise<{ readonly outcome: string }>): Promise<number> => {
    assert.equal((await work).outcome, 'done');
    return counted.taken();
  };
  const made = await resources.create(writer, 'user', fields('plain'));
  assert.equal(counted.taken(), 1);
  assert.ok(made.outcome === 'done');
  const change = (title: string, mail = 'plain') =>
    resources.change(writer, 'user', made.stored.id, () => ({
      fields: fields(mail, { userName: 'plain', title }),
    }));
  const before = await costs(change('one'));

  correlator = correlatorOf({
    keys: [key('externalId', { sources: { okta: 'externalId', ad: 'externalId' } }), key('email')],
  });
  await beginRebuild(db, correlator);
  while (await rebuildPage(db, correlator, new Date()));
  assert.equal(await costs(resources.create(writer, 'user', fields('ann'))), 4, 'begin, locks and look, write, commit');
  assert.equal(
    await costs(resources.create({ ...writer, source: 'ad' }, 'user', fields('ann'))),
    6,
    'somebody is found by what others may have too: their lock, and a closer look',
  );
  const numbered = (source: string) =>
    resources.create({ ...writer, source }, 'user', userFields({ userName: 'n', externalId: '7', active: true }));
  assert.equal(await costs(numbered('okta')), 4);
  assert.equal(await costs(numbered('ad')), 4, 'somebody is found by what is theirs alone');
  assert.equal(
    await costs(resources.create(writer, 'user', userFields({ userName: 'svc', active: true }))),
    1,
    'nothing to be found by',
  );
  assert.equal((await costs(change('two'))) - before, 1, 'nothing of it is a key');
  assert.equal((await costs(change('two', 'other'))) - before, 5, 'what it is found by changes');
});

dbTest('somebody who is disabled or deleted waits for no reading; who is new does', async (db) => {
  const correlator = correlatorOf();
  await beginRebuild(db, correlator);
  while (await rebuildPage(db, correlator, new Date()));
  const resources = createResources(db, () => correlator);
  const writer = { source: 'okta', actor: 'scim:okta/test' };
  const fields = (userName: string, active = true) =>
    userFields({ userName, active, emails: [{ value: `${userName}@example.com`, primary: true }] });
  const ids: string[] = [];
  for (const name of ['ann', 'bob']) {
    const made = await resources.create(writer, 'user', fields(name));
    assert.ok(made.outcome === 'done');
    ids.push(made.stored.id);
  }
  const [ann = '', bob = ''] = ids;
  let created = false;
  let late: Promise<unknown> = Promise.resolve();
  await db.tx(async (tx) => {
    await lockCorrelation(tx);
    late = resources.create(writer, 'user', fields('cid')).then(() => (created = true));
    const disabled = await resources.change(writer, 'user', ann, () => ({ fields: fields('ann', false) }));
    assert.ok(disabled.outcome === 'done' && disabled.urgent);
    const deleted = await resources.remove(writer, 'user', bob);
    assert.ok(deleted.outcome === 'done' && deleted.urgent);
    assert.equal(created, false);
  });
  await late;
  assert.equal(created, true);
});
