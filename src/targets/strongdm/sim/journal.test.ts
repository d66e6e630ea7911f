import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { addRole, callOnce, keyWith, wireTo } from '../../../../test/support/strongdm.ts';
import { AccountAttachments, Accounts } from '../proto/sdm_pb.gen.ts';
import { startSim } from './index.ts';

async function inFolder(act: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-sim-'));
  try {
    await act(join(folder, 'strongdm.ndjson'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const user = (email: string) => ({
  account: { account: { case: 'user' as const, value: { email, firstName: 'F', lastName: 'L' } } },
});

test('users, roles, attachments and keys survive; ids are not used again; the seed is planted once', async () => {
  await inFolder(async (state) => {
    const first = await startSim({ state, seed: 'demo' });
    const roleId = await addRole(first, 'kept');
    const { account } = await callOnce(first, Accounts.method.create, user('ann@t.test'));
    const accountId = account?.account.value?.id ?? '';
    await callOnce(first, AccountAttachments.method.create, { accountAttachment: { accountId, roleId } });
    const { account: gone } = await callOnce(first, Accounts.method.create, user('gone@t.test'));
    await callOnce(first, Accounts.method.delete, { id: gone?.account.value?.id ?? '' });
    const keys = await keyWith(first, ['user:list']);
    const before = { users: first.users(), roles: first.roles() };
    await first.close();

    const second = await startSim({ state, seed: 'demo' });
    assert.deepEqual({ users: second.users(), roles: second.roles() }, before);
    assert.deepEqual([second.accessKey, second.secretKey], [first.accessKey, first.secretKey]);
    assert.equal(second.users().find((one) => one.email === 'ann@t.test')?.roles[0], 'kept');
    const wire = wireTo(second, keys);
    await wire.call(Accounts.method.list, {}, AbortSignal.timeout(5000));
    wire.close();
    await second.close();
    assert.equal(statSync(state).mode & 0o777, 0o600);
  });
});

test('a line that was cut off is dropped, wherever the cut is, and every other change is there', async () => {
  await inFolder(async (state) => {
    const first = await startSim({ state });
    for (const name of ['one', 'two', 'three']) await addRole(first, name);
    await first.close();
    const whole = readFileSync(state);
    const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (const cut of [lastLine, lastLine + 1, whole.length - 20, whole.length - 1]) {
      writeFileSync(state, whole);
      truncateSync(state, cut);
      const again = await startSim({ state });
      assert.deepEqual(again.roles(), ['one', 'two']);
      await addRole(again, 'four');
      await again.close();
      const last = await startSim({ state });
      assert.deepEqual(last.roles(), ['one', 'two', 'four']);
      await last.close();
    }
  });
});

test('a change is in the file before it is answered; a spoilt line is named, not skipped', async () => {
  await inFolder(async (state) => {
    const sim = await startSim({ state });
    const size = statSync(state).size;
    await addRole(sim, 'one');
    assert.ok(statSync(state).size > size);
    await sim.close();
    appendFileSync(state, 'nonsense\n{"ops":[]}\n');
    await assert.rejects(startSim({ state }), /strongdm\.ndjson:3 is not a line/);
  });
});
