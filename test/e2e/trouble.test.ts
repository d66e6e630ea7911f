import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { openScene, reachedAt, settings, type SimAddress, waitFor } from './support/scene.ts';
import { scimClient } from './support/scim.ts';
import { accessAt, settled } from './support/strongdm.ts';

const KEYS = { accessKey: 'auth-e2e', secretKey: Buffer.alloc(32, 7).toString('base64') };
const scenes = [openScene(), openScene()] as const;
after(() => Promise.all(scenes.map((scene) => scene.clear())));

/** An address at which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('StrongDM out of reach at the start: SCIM is taken, the service is ready, and all is done once StrongDM is there', async () => {
  const [scene] = scenes;
  const port = await freePort();
  const address: SimAddress = { ...KEYS, host: `127.0.0.1:${port}` };
  scene.write('drawbridge.yaml', settings(reachedAt(address)));
  const bridge = await scene.serve();
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const client = scimClient(() => bridge.url, token);
  const ann = await client.createUser('ann@example.com', { department: 'SRE' });
  const bob = await client.createUser('bob@example.com', { department: 'SRE' });
  await client.deleteUser(bob);
  assert.equal(client.counts.repeated, 0, 'every request was taken at once');
  assert.equal((await fetch(`${bridge.url}/readyz`)).status, 200);
  const checked = await scene.command('check', '--connect');
  assert.equal(checked.code, 1);
  assert.match(checked.out + checked.err, /strongdm: .*(reach|connect|ECONNREFUSED)/i);
  const told = 'a target could not be observed';
  assert.ok(await waitFor(() => bridge.err().includes(told), 15_000), bridge.err());

  const sim = await scene.sim({ port, keys: address });
  const expected = new Map([[ann.userName, { active: true, roles: ['staging'] }]]);
  assert.deepEqual(await settled(scene, sim, expected, 30_000), [], bridge.err().slice(-2_000));
  assert.equal((await bridge.stop()).code, 0);
});

test('a wrong key at the start: SCIM is taken, the target is paused and says why; the right key and a restart mend it', async () => {
  const [, scene] = scenes;
  const sim = await scene.sim();
  const wrong = Buffer.alloc(32, 9).toString('base64');
  scene.write('key', wrong);
  const withKey = { ...sim, secretKey: '${file:key}' };
  scene.write('drawbridge.yaml', settings(reachedAt(withKey)));
  let bridge = await scene.serve();
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const client = scimClient(() => bridge.url, token);
  const ann = await client.createUser('ann@example.com', { department: 'SRE' });
  assert.equal(client.counts.repeated, 0);
  const paused = async (): Promise<boolean> => {
    const response = await fetch(`${bridge.url}/readyz`);
    assert.equal(response.status, 200);
    const { targets } = (await response.json()) as { targets: Array<{ paused: boolean }> };
    return targets[0]?.paused === true;
  };
  assert.ok(await waitFor(paused, 15_000), bridge.err().slice(-2_000));
  assert.match(bridge.err(), /a target is paused: its credentials or settings do not work/);
  assert.ok(!bridge.err().includes(wrong) && !bridge.err().includes(sim.secretKey), 'no key in the log');
  assert.equal((await accessAt(sim)).size, 0);

  scene.write('key', sim.secretKey);
  bridge.child.kill('SIGHUP');
  const told = 'some changed settings take effect only after a restart';
  assert.ok(await waitFor(() => bridge.err().includes(told), 5_000), 'it says that a restart is needed');
  assert.equal((await bridge.stop()).code, 0);
  bridge = await scene.serve();
  const expected = new Map([[ann.userName, { active: true, roles: ['staging'] }]]);
  assert.deepEqual(await settled(scene, sim, expected, 20_000), [], bridge.err().slice(-2_000));
  assert.equal(await paused(), false);
  assert.equal((await bridge.stop()).code, 0);
});
