/** Two sources that know the same people, over the wire: who is who, and what follows from it at the target. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/open.ts';
import { type CorrelationState, correlationState } from '../../src/store/correlation/state.ts';
import { openScene, reachedAt, settings, waitFor } from './support/scene.ts';
import { scimClient } from './support/scim.ts';
import { type Access, settled } from './support/strongdm.ts';

const scene = openScene();
after(() => scene.clear());

const SOURCES = 'sources: { okta: { type: scim }, hr: { type: scim } }\nverifiedDomains: [example.com]\n';
const write = (target: string, keys: string): void => {
  const text = settings(target).replace(/^sources: .*\n/m, `${SOURCES}correlation: { keys: ${keys} }\n`);
  scene.write('drawbridge.yaml', text);
};

async function stateNow(): Promise<CorrelationState> {
  const store = await openStore(scene.store, { migrate: false });
  try {
    return await correlationState(store.db);
  } finally {
    await store.close();
  }
}

interface Case {
  readonly id: string;
  readonly kind: string;
  readonly userName: string;
  readonly persons: readonly string[];
}

test('one account for one human in two sources, a leave in either of them, a return, a case, other keys', async () => {
  const sim = await scene.sim();
  write(reachedAt(sim), '[employeeNumber, email]');
  let bridge = await scene.serve();
  const token = (source: string): string =>
    new RegExp(`token of source ${source}: +(dbr_\\S+)`).exec(bridge.out())?.[1] ?? '';
  const okta = scimClient(() => bridge.url, token('okta'));
  const hr = scimClient(() => bridge.url, token('hr'), 'hr');
  const expected = new Map<string, Access>();
  const so = async (login: string, active: boolean, ...roles: string[]): Promise<void> => {
    expected.set(login, { active, roles });
    assert.deepEqual(await settled(scene, sim, expected, 20_000), []);
  };
  const [ann, bob] = ['ann@example.com', 'bob@example.com'];

  const known = { department: 'SRE', employeeNumber: '1', email: ann };
  let annOkta = await okta.createUser(ann, known);
  const annHr = await hr.createUser('A.Lee', known);
  await so(ann, true, 'staging');
  await hr.patchUser(annHr, { active: false });
  await so(ann, false, 'staging');
  await hr.patchUser(annHr, { active: true });
  await so(ann, true, 'staging');
  await okta.deleteUser(annOkta);
  await so(ann, false);
  annOkta = await okta.createUser(ann, known);
  await so(ann, true, 'staging');

  const bobOkta = await okta.createUser(bob, { department: 'SRE' });
  await so(bob, true, 'staging');
  await okta.deleteUser(bobOkta);
  await so(bob, false);
  await okta.createUser(bob, { department: 'SRE' });
  const cases = async (): Promise<Case[]> =>
    (JSON.parse((await scene.command('cases', 'list', '--json')).out) as { cases: Case[] }).cases;
  const [recycled, ...others] = await cases();
  assert.ok(recycled !== undefined && others.length === 0);
  assert.deepEqual([recycled.kind, recycled.userName], ['recycled', bob]);
  await so(bob, false);
  const resolved = await scene.command('cases', 'resolve', recycled.id, '--same', '--reason', 'it is Bob');
  assert.equal(resolved.code, 0, resolved.err);
  await so(bob, true, 'staging');

  // Other keys while the service runs, and a kill at once: at the next start it goes on.
  const before = await stateNow();
  assert.equal(before.phase, 'done');
  write(reachedAt(sim), '[email]');
  assert.ok(await waitFor(async () => (await stateNow()).signature !== before.signature, 20_000));
  await bridge.kill();
  bridge = await scene.serve();
  assert.ok(await waitFor(async () => (await stateNow()).phase === 'done', 20_000));
  assert.notEqual((await stateNow()).signature, before.signature);
  assert.deepEqual(await cases(), []);
  await so(ann, true, 'staging');
  await hr.deleteUser(annHr);
  await so(ann, false);
  const metrics = await (await fetch(`${bridge.url}/metrics`)).text();
  assert.match(metrics, /^drawbridge_cases 0$/m);
  assert.equal((await bridge.stop()).code, 0);
});
