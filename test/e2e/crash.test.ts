import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runStorm } from '../durability/run.ts';
import { onPostgres } from '../support/server.ts';
import { openScene } from './support/scene.ts';

const SEED = Number(process.env['CRASH_SEED'] ?? 1);
/** An outside database may have other users: what a killed process was working on waits for the end of its lease. */
const LEASE_MS = 45_000;

const scene = openScene();
after(() => scene.clear());

/** The short form of `npm run durability`. */
test('whatever is killed at whatever moment, nothing acknowledged is lost and nothing happens twice', async (t) => {
  // A lane that failed a few times in a row waits for up to a minute; on an idle machine none does.
  const patience = 90_000 + (onPostgres ? LEASE_MS : 0);
  const result = await runStorm(scene, { seed: SEED, before: 60, joining: 90, clients: 6, kills: 7, patience });
  const log = `seed ${SEED}; the last log lines:\n${result.log}`;
  assert.deepEqual(result.wrong, [], log);
  assert.deepEqual(result.lost, [], log);
  assert.deepEqual(result.doubled, [], log);
  assert.equal(result.steps, 0, `a full plan finds nothing to do; ${log}`);
  assert.equal(result.exit, 0, log);
  const kills = [...result.kills].map(([who, count]) => `${who} ${count}`).join(', ');
  t.diagnostic(
    `seed ${SEED}: killed ${kills}; ${result.acknowledged} writes acknowledged (${result.repeated} requests sent ` +
      `again), lost 0; ${result.effects} effects at StrongDM, doubled 0`,
  );
});
