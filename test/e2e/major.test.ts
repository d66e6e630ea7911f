import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { embeddedPid } from '../../src/store/embedded/index.ts';
import { stopPostmaster } from '../../src/store/embedded/postmaster.ts';
import { temporaryFolder } from '../support/embedded.ts';
import { readyUrl, startDrawbridge, type Started } from '../support/service-process.ts';
import { scimClient } from './support/scim.ts';

const DEBIAN = '/usr/lib/postgresql';
const OURS = 18;
const folder = temporaryFolder();
const data = join(folder, 'data');
const old = join(folder, 'old');
const config = join(folder, 'd.yaml');
const running = new Set<Started>();
after(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGKILL');
    await ended;
  }
  const pid = embeddedPid(data, { temp: folder });
  if (pid !== undefined) await stopPostmaster(pid);
  rmSync(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const started = startDrawbridge([...args, '--config', config], { TMPDIR: folder, ...env }, folder);
  running.add(started);
  void started.ended.then(() => running.delete(started));
  return started;
}

async function command(args: readonly string[], env?: Readonly<Record<string, string>>) {
  const started = start(args, env);
  return { ...(await started.ended), out: started.out(), err: started.err() };
}

async function stop({ child, ended }: Started): Promise<void> {
  child.kill('SIGTERM');
  assert.equal((await ended).code, 0);
}

test('a data folder of another major version is refused, and the way that is named leads out of it', async (t) => {
  const [major] = existsSync(DEBIAN) ? readdirSync(DEBIAN).filter((m) => Number(m) >= 15 && Number(m) !== OURS) : [];
  if (major === undefined) return t.skip(`no other PostgreSQL in ${DEBIAN}`);
  const PG_BIN = join(DEBIAN, major, 'bin');
  writeFileSync(
    config,
    'server: { listen: 127.0.0.1:0 }\nstore: { url: embedded:data }\nsources: { okta: { type: scim } }\n',
  );
  const older = start(['serve'], { PG_BIN });
  const at = await readyUrl(older);
  const [token = ''] = /dbr_\S+/.exec(older.out()) ?? [];
  const ann = await scimClient(() => at, token).createUser('ann@example.com');
  await stop(older);

  const refused = await command(['serve']);
  assert.equal(refused.code, 1);
  assert.match(refused.err, new RegExp(`was made by PostgreSQL ${major}; this version runs PostgreSQL ${OURS}`));
  const [, bin = '', words = ''] = /PG_BIN=(\S+) drawbridge (store export -o) FILE/.exec(refused.err) ?? [];
  assert.equal(bin, PG_BIN, refused.err);
  const file = join(folder, 'out.ndjson.gz');
  const exported = await command([...words.split(' '), file], { PG_BIN });
  assert.equal(exported.code, 0, exported.err);
  renameSync(data, old);
  const imported = await command(['store', 'import', file, '--witness', join(old, 'witness.json')]);
  assert.equal(imported.code, 0, imported.err);
  assert.match(imported.out, /Its witness shows that nothing was done since/);
  const newer = start(['serve']);
  const now = await readyUrl(newer);
  assert.equal((await scimClient(() => now, token).send('GET', `/Users/${ann.id}`)).status, 200);
  const { recovery } = (await (await fetch(`${now}/readyz`)).json()) as { recovery: unknown };
  assert.equal(recovery, null);
  await stop(newer);
});
