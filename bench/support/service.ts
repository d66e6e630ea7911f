import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Db } from '../../src/store/db.ts';
import { createToken } from '../../src/store/tokens.ts';
import { SOURCE } from './people.ts';
import { type Running, startProcess } from './process.ts';
import type { Ground } from './store.ts';

const BIN = fileURLToPath(new URL('../../bin/drawbridge.js', import.meta.url));
const RULES = fileURLToPath(new URL('../../config/rules', import.meta.url));

export interface Service extends Running {
  /** `…/scim/SOURCE/v2` */
  readonly scim: string;
}

export interface ServiceOptions {
  /** Settings of the targets, as YAML of one line. By default none, so that nothing but SCIM is at work. */
  readonly targets?: string;
}

/** `drawbridge serve` as it is shipped, on the store of `ground`, with the example's rules. */
export async function startServer(ground: Ground, options: ServiceOptions = {}): Promise<Service> {
  const config = join(ground.folder, 'drawbridge.yaml');
  const rules = join(ground.folder, 'rules');
  if (options.targets === undefined) writeFileSync(config, settings(ground, '{}', 'no-rules'));
  else {
    cpSync(RULES, rules, { recursive: true });
    writeFileSync(config, settings(ground, options.targets, 'rules'));
  }
  const running = await startProcess(BIN, ['serve', '--config', config], { PORT: '0', DATABASE_URL: '' });
  return { ...running, scim: `${running.url}/scim/${SOURCE}/v2` };
}

const settings = (ground: Ground, targets: string, rules: string): string => `server: { listen: '127.0.0.1:0' }
store: { url: 'embedded:${ground.data}' }
sources: { ${SOURCE}: { type: scim } }
targets: ${targets}
rules: ${rules}
`;

/** Headers of a client with a new token for the source. */
export async function clientHeaders(db: Db): Promise<Record<string, string>> {
  const { token } = await createToken(db, { source: SOURCE, name: 'bench', createdBy: 'bench' });
  return { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
}

const PLANNED_EVERY_MS = 50;

/**
 * Waits until everybody has been planned, which a service does at its first start and after each change; gives how long
 * that took, ms. Until then the planner takes its share of the core. Throws after `limitMs`.
 */
export async function untilPlanned(db: Db, limitMs: number): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const row = await db.row<{ any: boolean }>({ text: 'select exists (select 1 from dirty) as any' });
    if (row?.any === false) return performance.now() - begun;
    if (performance.now() - begun > limitMs) throw new Error('planning did not end in time');
    await new Promise((resolve) => setTimeout(resolve, PLANNED_EVERY_MS));
  }
}
