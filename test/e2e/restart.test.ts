import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { JournalOp } from '../../src/targets/strongdm/sim/journal.ts';
import { type Bridge, openScene, processesOf, settings, type SimAddress, waitFor } from './support/scene.ts';
import { embeddedOnly } from '../support/server.ts';
import { scimClient } from './support/scim.ts';
import { type Access, accessAt, doubled, effectsOf, lifeOf, outOfStep, settled } from './support/strongdm.ts';

const scene = openScene();
after(() => scene.clear());

const FOLDER = join(scene.data, 'simulators/strongdm');
const journal = (): readonly JournalOp[] => lifeOf(join(FOLDER, 'journal'));
const address = (): SimAddress => JSON.parse(readFileSync(join(FOLDER, 'address.json'), 'utf8')) as SimAddress;
const sims = (): string[] => processesOf(FOLDER);

test('the service with its own simulator: after SIGTERM and after kill -9 all is as it was, and nothing is done again', async () => {
  scene.write('drawbridge.yaml', settings('simulator: true'));
  let bridge = await scene.serve();
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const client = scimClient(() => bridge.url, token);
  const group = await client.createGroup('dba');
  const people = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      client.createUser(`p${i}@example.com`, { department: i % 4 === 0 ? 'SRE' : 'HR' }),
    ),
  );
  await client.patchMembers(group, 'add', people);
  const expected = new Map<string, Access>(
    people.map(({ userName, department }) => [
      userName,
      { active: true, roles: department === 'SRE' ? ['db', 'staging'] : ['db'] },
    ]),
  );
  assert.deepEqual(await settled(scene, address(), expected, 20_000), [], bridge.err().slice(-2_000));
  const lives = [journal()];
  const before = await accessAt(address());

  const asBefore = async (now: Bridge): Promise<void> => {
    assert.deepEqual(await accessAt(address()), before, 'the same accounts, by id, with the same roles');
    assert.deepEqual(await outOfStep(scene, address()), [], now.err().slice(-2_000));
    const left = await scene.command('plan', '--full', '--json');
    assert.deepEqual((JSON.parse(left.out) as { steps: unknown[] }).steps, [], 'nothing is left to do');
    assert.ok(!now.out().includes('dbr_'), 'no second token');
  };

  assert.deepEqual(await bridge.stop(), { code: 0, signal: null });
  assert.deepEqual(processesOf(scene.folder), [], 'nothing runs on');
  bridge = await scene.serve();
  await asBefore(bridge);

  const server = scene.postmaster();
  assert.ok(server !== undefined);
  assert.equal(sims().length, 1);
  lives.push(journal());
  await bridge.kill();
  assert.ok(await waitFor(() => sims().length === 0, 5_000), 'the simulator ends with the service');
  assert.equal(scene.postmaster(), server, 'the PostgreSQL server outlives it');
  bridge = await scene.serve();
  assert.equal(scene.postmaster(), server, 'and is adopted');
  await asBefore(bridge);

  const late = await client.createUser('late@example.com', { department: 'SRE' });
  expected.set(late.userName, { active: true, roles: ['staging'] });
  assert.deepEqual(await settled(scene, address(), expected, 15_000), [], 'and work goes on');
  assert.deepEqual(doubled(effectsOf([...lives, journal()])), []);
  assert.equal((await bridge.stop()).code, 0);
  assert.deepEqual(processesOf(scene.folder), []);
});

test(
  'a second service on the same data is refused and told of the first, which serves on; a killed one bars nobody',
  { skip: embeddedOnly },
  async () => {
    const first = await scene.serve();
    const begin = performance.now();
    const second = scene.start('serve', '--config', scene.config);
    assert.equal((await second.ended).code, 1);
    assert.ok(performance.now() - begin < 15_000);
    assert.equal(second.out(), '');
    const where = `The data folder ${scene.data} is in use by another Drawbridge service \\(process ${first.child.pid}\\)`;
    assert.match(second.err(), new RegExp(where));
    assert.match(second.err(), /Stop that one first, or give this one a data folder of its own in store\.url/);
    assert.equal((await fetch(`${first.url}/readyz`)).status, 200);
    assert.equal(sims().length, 1, 'the second started no simulator on the same journal');
    await first.kill();
    const third = await scene.serve();
    assert.equal((await third.stop()).code, 0);
  },
);
