/**
 * `npm run durability`: kill -9 of the service, its PostgreSQL and StrongDM at random moments of an import. Ends with
 * the counts, and with 1 when anything was lost, happened twice, or is not as the rules say.
 */
import { parseArgs } from 'node:util';

const HELP = `npm run durability [-- OPTIONS]

Kills the service, its PostgreSQL server and the StrongDM simulator, apart and together, at random moments while users
and memberships are pushed. Then every acknowledged write must be there, StrongDM as the rules say and in step with the
ledger, nothing given twice, the plan empty. The same seed makes the same requests and the same order of kills.

  --users N      people in all, a fifth of them there before the storm (5000)
  --kills N      moments at which something is killed (40)
  --seed N       (1)
  --clients N    requests under way at a time (8)
  --patience S   seconds that StrongDM may take at the end to become as the rules say (600)
  --postgres     on the PostgreSQL of the system's packages instead of the embedded one

Example: npm run durability -- --users 5000 --kills 40 --seed 7
`;

const options = read();
if (options.postgres) process.env['DRAWBRIDGE_TEST_STORE'] = 'postgres';
// Only now: which server the scene starts is decided when it is loaded.
const { openScene } = await import('../e2e/support/scene.ts');
const { runStorm } = await import('./run.ts');

const { users, kills, seed, clients, patience } = options;
const before = Math.floor(users / 5);
const begin = performance.now();
const seconds = (): string => ((performance.now() - begin) / 1_000).toFixed(0).padStart(5);
const scene = openScene();
const stopped = async (): Promise<void> => {
  await scene.clear();
  process.exit(130);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stopped());
try {
  const result = await runStorm(scene, {
    seed,
    before,
    joining: users - before,
    clients,
    kills,
    patience: patience * 1_000,
    progress: (text) => process.stdout.write(`${seconds()} s  ${text}\n`),
  });
  const total = [...result.kills.values()].reduce((sum, n) => sum + n, 0);
  const lines = [
    `seed ${seed}, ${users} users, ${options.postgres ? 'PostgreSQL of the system' : 'embedded PostgreSQL'}`,
    `killed          ${total} times`,
    ...[...result.kills].toSorted().map(([who, count]) => `                ${String(count).padStart(4)}  ${who}`),
    `acknowledged    ${result.acknowledged} writes; ${result.repeated} requests sent again`,
    `lost            ${result.lost.length}`,
    `effects         ${result.effects} at StrongDM`,
    `doubled         ${result.doubled.length}`,
    `not as ruled    ${result.wrong.length}`,
    `left to plan    ${result.steps} steps`,
    `took            ${seconds().trim()} s`,
  ];
  process.stdout.write(`\n${lines.join('\n')}\n`);
  const bad = [...result.lost, ...result.doubled, ...result.wrong];
  if (bad.length > 0) process.stdout.write(`\n${bad.slice(0, 40).join('\n')}\n\n${result.log}\n`);
  process.exitCode = bad.length === 0 && result.steps === 0 && result.exit === 0 && total === kills ? 0 : 1;
} catch (error) {
  process.stdout.write(`\nthe run broke off: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await scene.clear();
}

function read() {
  try {
    const { values } = parseArgs({
      options: {
        users: { type: 'string', default: '5000' },
        kills: { type: 'string', default: '40' },
        seed: { type: 'string', default: '1' },
        clients: { type: 'string', default: '8' },
        patience: { type: 'string', default: '600' },
        postgres: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const number = (name: 'users' | 'kills' | 'seed' | 'clients' | 'patience', least: number): number => {
      const value = Number(values[name]);
      if (Number.isSafeInteger(value) && value >= least) return value;
      throw new Error(`--${name} is a whole number of ${least} or more, not "${values[name]}"`);
    };
    return {
      users: number('users', 10),
      kills: number('kills', 1),
      seed: number('seed', 0),
      clients: number('clients', 1),
      patience: number('patience', 1),
      postgres: values.postgres,
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
