import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bridge, openScene, reachedAt, settings, waitFor } from './support/scene.ts';
import { scimClient } from './support/scim.ts';
import { type Access, accessAt, differences, effectsOf, lifeOf, outOfStep, settled } from './support/strongdm.ts';

const scene = openScene();
after(() => scene.clear());

const COPY = join(scene.folder, 'old.ndjson.gz');
/** How long it is looked on that nothing happens. Planning everybody takes a fraction of it. */
const QUIET_MS = 2_500;

interface Ready {
  readonly ready: boolean;
  readonly recovery: { readonly because: string; readonly ends: string } | null;
}
const readiness = async ({ url }: Bridge): Promise<Ready> => (await (await fetch(`${url}/readyz`)).json()) as Ready;
const metric = async ({ url }: Bridge): Promise<string> =>
  /^drawbridge_store_recovery (\d)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? '';

test('an old copy under a running target: nothing is taken or given, a leaver is blocked, then all is claimed', async () => {
  const sim = await scene.sim();
  scene.write('drawbridge.yaml', settings(reachedAt(sim)));
  let bridge = await scene.serve();
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const client = scimClient(() => bridge.url, token);
  const [dba, ops] = [await client.createGroup('dba'), await client.createGroup('ops')];
  const user = (name: string) => client.createUser(`${name}@example.com`);
  const [ann, bob, cid, eve] = [await user('ann'), await user('bob'), await user('cid'), await user('eve')];
  await client.patchMembers(dba, 'add', [ann, bob, cid]);
  const had = (...roles: string[]): Access => ({ active: true, roles });
  const expected = new Map([ann, bob, cid].map(({ userName }) => [userName, had('db')]));
  assert.deepEqual(await settled(scene, sim, expected, 20_000), []);

  // A copy of the running service. What comes after it is lost with it: roles, an account, one who went out of a group.
  const copied = await scene.command('store', 'backup', '-o', COPY, '--json');
  assert.equal(copied.code, 0, copied.err);
  assert.equal(statSync(COPY).mode & 0o777, 0o600);
  await client.patchMembers(ops, 'add', [ann, bob, eve]);
  await client.patchMembers(dba, 'remove', [cid]);
  for (const { userName } of [ann, bob]) expected.set(userName, had('db', 'prod'));
  expected.set(eve.userName, had('prod'));
  expected.set(cid.userName, had());
  assert.deepEqual(await settled(scene, sim, expected, 20_000), []);
  const busy = await scene.command('store', 'restore', COPY, '--replace', '--yes');
  assert.equal(busy.code, 1);
  assert.match(busy.err, /(another|A) Drawbridge service/);
  assert.equal((await bridge.stop()).code, 0);

  assert.match((await scene.command('store', 'restore', COPY)).err, /not empty/);
  const restored = await scene.command('store', 'restore', COPY, '--replace', '--yes');
  assert.equal(restored.code, 0, restored.err);
  assert.match(restored.out, /It is in recovery \(restored from old\.ndjson\.gz/);
  const effects = () => effectsOf([lifeOf(scene.journal)]);
  const effectsThen = effects().length;
  bridge = await scene.serve();
  assert.ok(!bridge.out().includes('dbr_'), 'the old token holds, no other is made');
  const now = await readiness(bridge);
  assert.equal(now.ready, true);
  assert.match(now.recovery?.because ?? '', /restored from old\.ndjson\.gz/);
  assert.match(now.recovery?.ends ?? '', /store recovered --reason/);
  assert.equal(await metric(bridge), '1');
  assert.match(bridge.err(), /the store is in recovery/);
  await sleep(QUIET_MS);
  assert.equal(effects().length, effectsThen, 'nothing happens at the target');
  assert.deepEqual(differences(expected, await accessAt(sim)), []);
  const checked = await scene.command('check', '--connect');
  assert.match(checked.out, /the store is in recovery since .*restored from old/);
  const planned = await scene.command('plan');
  assert.match(
    planned.out + planned.err,
    /nothing to do[^]*store is in recovery|store is in recovery[^]*nothing to do/,
  );
  assert.match((await scene.command('explain', 'ann@example.com')).out, /in recovery: nothing is given to this person/);

  // A leaver is blocked nevertheless, though the ledger knows only a part of what he has.
  await client.patchUser(bob, { active: false });
  expected.set(bob.userName, { active: false, roles: ['db', 'prod'] });
  assert.ok(await waitFor(async () => differences(expected, await accessAt(sim)).length === 0, 10_000));
  await client.deleteUser(bob);
  expected.set(bob.userName, { active: false, roles: [] });
  assert.ok(await waitFor(async () => differences(expected, await accessAt(sim)).length === 0, 10_000));

  // The source sends again what it had said. Somebody who joins waits.
  await client.patchMembers(ops, 'add', [ann, eve]);
  await client.patchMembers(dba, 'remove', [cid]);
  const fay = await user('fay');
  await client.patchMembers(dba, 'add', [fay]);
  await sleep(QUIET_MS);
  assert.deepEqual(differences(expected, await accessAt(sim)), [], 'joiners wait, and nothing else moves');
  const after = await scene.command('plan', '--after-recovery', '--json');
  const steps = (JSON.parse(after.out) as { steps: Array<{ changes: Array<{ op: string }> }> }).steps;
  assert.ok(
    steps.some(({ changes }) => changes.some(({ op }) => op === 'create')),
    after.out,
  );

  const before = effects().length;
  const done = await scene.command('store', 'recovered', '--reason', 'okta has sent everything again');
  assert.equal(done.code, 0, done.err);
  expected.set(fay.userName, had('db'));
  // The plan that was looked at is kept, and its steps stay proposed.
  const left = async (): Promise<string[]> => [
    ...differences(expected, await accessAt(sim)),
    ...(await outOfStep(scene, sim)).filter((line) => !line.endsWith('open rows: steps')),
  ];
  assert.ok(await waitFor(async () => (await left()).length === 0, 20_000), (await left()).join('\n'));
  assert.deepEqual(
    effects()
      .slice(before)
      .map(({ what, login }) => `${what} ${login}`),
    ['made account fay@example.com', 'gave fay@example.com'],
    'what was there was claimed',
  );
  assert.equal((await readiness(bridge)).recovery, null);
  assert.equal(await metric(bridge), '0');
  assert.equal((await scene.command('store', 'recovered', '--reason', 'again')).code, 4);
  assert.equal((await bridge.stop()).code, 0);
});

test('a data folder’s database that was put back by hand is recognised by its witness', async () => {
  const bridge = await scene.serve();
  assert.equal((await readiness(bridge)).recovery, null);
  assert.equal((await bridge.stop()).code, 0);
  const file = join(scene.data, 'witness.json');
  const witness = JSON.parse(readFileSync(file, 'utf8')) as { event: number; at: string };
  // As if the witness had seen more than this database: its database is older.
  scene.write(
    'data/witness.json',
    JSON.stringify({ ...witness, event: witness.event + 10, seen: '2100-01-01T00:00:00Z' }),
  );
  const again = await scene.serve();
  assert.match((await readiness(again)).recovery?.because ?? '', /the store is older than its witness/);
  const info = JSON.parse((await scene.command('store', 'info', '--json')).out) as {
    recovery: unknown;
    running: boolean;
  };
  assert.ok(info.recovery !== null && info.running);
  assert.equal((await again.stop()).code, 0);
  rmSync(file);
});
