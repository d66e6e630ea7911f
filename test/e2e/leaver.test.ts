import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openScene, reachedAt, settings, waitFor } from './support/scene.ts';
import { scimClient } from './support/scim.ts';
import { type Access, accessAt, effectsOf, lifeOf, outOfStep, settled } from './support/strongdm.ts';

const CROWD = 500;
/** What is under way when somebody leaves is not called back: this many accounts may still be made before the block. */
const UNDER_WAY = 100;

const scene = openScene();
after(() => scene.clear());

test('who leaves is blocked ahead of a long queue, gets nothing more, and a target that was down learns of it later', async (t) => {
  let sim = await scene.sim({ faults: 'slow=40ms' });
  scene.write('drawbridge.yaml', settings(reachedAt(sim)));
  const bridge = await scene.serve();
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const client = scimClient(() => bridge.url, token);
  const group = await client.createGroup('dba');
  const [gone, off, later] = [
    await client.createUser('gone@example.com', { department: 'SRE' }),
    await client.createUser('off@example.com'),
    await client.createUser('later@example.com'),
  ];
  const few = [gone, off, later];
  await client.patchMembers(group, 'add', few);
  const expected = new Map<string, Access>([
    [gone.userName, { active: true, roles: ['db', 'staging'] }],
    [off.userName, { active: true, roles: ['db'] }],
    [later.userName, { active: true, roles: ['db'] }],
  ]);
  assert.deepEqual(await settled(scene, sim, expected, 15_000), []);

  const crowd = (
    await Promise.all(
      Array.from({ length: 10 }, async (_, w) => {
        const users = [];
        for (let i = 0; i < CROWD / 10; i++) users.push(await client.createUser(`c${w}-${i}@example.com`));
        return users;
      }),
    )
  ).flat();
  await client.patchMembers(group, 'add', crowd);
  const made = (): string[] => effects().flatMap((e) => (e.what === 'made account' ? [e.login] : []));
  const effects = () => effectsOf([lifeOf(scene.journal)]);
  assert.ok(await waitFor(() => made().length > 20, 20_000), 'the crowd is under way');

  const early = new Set(made());
  const waiting = crowd.findLast((user) => !early.has(user.userName));
  assert.ok(waiting !== undefined, 'the queue was not long any more');
  const begin = performance.now();
  await Promise.all([
    client.deleteUser(gone),
    client.patchUser(off, { active: false }),
    client.patchUser(waiting, { active: false }),
  ]);
  const madeBefore = made().length;
  const blocked = (login: string): number => effects().findIndex((e) => e.what === 'blocked' && e.login === login);
  const wasBlocked = await waitFor(() => blocked(gone.userName) >= 0 && blocked(off.userName) >= 0, 10_000);
  const ms = Math.round(performance.now() - begin);
  const madeAfter = made().length;
  assert.ok(wasBlocked, bridge.err().slice(-2_000));
  assert.ok(madeAfter - madeBefore < UNDER_WAY, `${madeAfter - madeBefore} accounts were made before the block`);
  assert.ok(madeAfter < CROWD / 2, `the queue was not long any more: ${madeAfter} of ${CROWD} made`);

  await sim.kill();
  await client.deleteUser(later);
  const journalThen = lifeOf(scene.journal);
  sim = await scene.sim({ port: sim.port });
  expected.set(gone.userName, { active: false, roles: [] });
  expected.set(off.userName, { active: false, roles: ['db'] });
  expected.set(later.userName, { active: false, roles: [] });
  for (const user of crowd) if (user !== waiting) expected.set(user.userName, { active: true, roles: ['db'] });
  const left = async (): Promise<string[]> => {
    const found = await accessAt(sim);
    return few
      .map((user) => user.userName)
      .filter((login) => JSON.stringify(show(found.get(login))) !== JSON.stringify(show(expected.get(login))));
  };
  const reached = performance.now();
  assert.ok(await waitFor(async () => (await left()).length === 0, 15_000), `still wrong: ${await left()}`);
  const backMs = Math.round(performance.now() - reached);
  const all = effectsOf([journalThen, lifeOf(scene.journal)]);
  for (const login of few.map((user) => user.userName)) {
    const at = all.findIndex((e) => e.what === 'blocked' && e.login === login);
    const given = all.slice(at).filter((e) => e.login === login && (e.what === 'gave' || e.what === 'enabled'));
    assert.deepEqual(given, [], `${login} was given something after the block`);
  }
  // A call that was under way when the word came may still have made the account: then it is blocked, with nothing on it.
  if ((await accessAt(sim)).has(waiting.userName)) expected.set(waiting.userName, { active: false, roles: [] });
  assert.deepEqual(await settled(scene, sim, expected, 30_000), [], bridge.err().slice(-2_000));
  assert.ok(!all.some((e) => e.login === waiting.userName && e.what === 'gave'), 'who left while waiting gets nothing');
  assert.deepEqual(await outOfStep(scene, sim), []);
  assert.equal((await bridge.stop()).code, 0);
  t.diagnostic(
    `blocked ${ms} ms after the requests, with ${madeAfter - madeBefore} accounts of a crowd of ${CROWD} made meanwhile ` +
      `and ${CROWD + few.length - madeAfter} still to come; ${backMs} ms after a dead target was back`,
  );
});

const show = (access: Access | undefined) => access && { active: access.active, roles: access.roles };
