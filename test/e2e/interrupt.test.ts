import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { openScene, processesOf, settings, waitFor } from './support/scene.ts';

const scene = openScene();
after(() => scene.clear());
scene.write('drawbridge.yaml', settings('simulator: true'));

/** A command that would go on for a minute, in the middle of a statement. */
const COMMAND = `
import { createContext } from '${new URL('../../src/cli/context.ts', import.meta.url)}';
import { createSecrets } from '${new URL('../../src/log.ts', import.meta.url)}';
const io = { out: () => {}, err: () => {}, stream: async () => {}, env: process.env, cwd: process.cwd(), watched: false };
await createContext(io, { config: process.argv[1] }, createSecrets()).withStore(async ({ db }) => {
  process.stdout.write('open');
  await db.rows({ text: 'select pg_sleep(60)' });
});
`;

test('an interrupted command ends with 128 and the signal, and takes the PostgreSQL that it started with it', async () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const { DATABASE_URL: _, ...env } = process.env;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', COMMAND, scene.config], {
      env: { ...env, TMPDIR: scene.folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(40_000) });
    try {
      await Promise.race([once(child.stdout, 'data'), ended]);
      assert.ok(processesOf(scene.folder).length > 0, 'no PostgreSQL of its own');
      child.kill(signal);
      assert.deepEqual(await ended, [code, null], signal);
      await waitFor(() => processesOf(scene.folder).length === 0, 3_000);
      assert.deepEqual(processesOf(scene.folder), [], signal);
    } finally {
      child.kill('SIGKILL');
    }
  }
});
