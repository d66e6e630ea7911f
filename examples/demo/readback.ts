import { setTimeout as wait } from 'node:timers/promises';
import { targetKinds } from '../../src/targets/index.ts';
import type { Target } from '../../src/targets/target.ts';
import type { Expected } from './story.ts';

export type Access = Readonly<Record<string, Expected>>;

/** A second, independent connection to the simulator, to look at what really is there. */
export function reader(host: string, accessKey: string, secretKey: string): Target {
  const kind = targetKinds.find((k) => k.type === 'strongdm');
  if (kind === undefined) throw new Error('this version has no target kind strongdm');
  const options = { host, accessKey, secretKey };
  const common = {
    mode: 'observe',
    simulator: false,
    baseline: 'auto',
    adopt: 'ask',
    createRoles: false,
    profile: {},
  } as const;
  return kind.open({ id: 'readback', type: 'strongdm', ...common, options }, { instance: 'readback' });
}

/** Login → may sign in, and roles by name. */
export async function accessAt(target: Target): Promise<Access> {
  const signal = AbortSignal.timeout(10_000);
  const names = new Map<string, string>();
  for await (const role of target.roles(signal)) names.set(role.id, role.name);
  const access: Record<string, Expected> = {};
  for await (const account of target.observe(signal)) {
    const roles = [...account.roles].map((id) => names.get(id) ?? id).toSorted();
    access[account.profile.login] = { active: account.active, roles };
  }
  return access;
}

/** What differs, one line each; empty when all is as it must be. */
export function differences(expected: Access, found: Access): string[] {
  const show = (e: Expected | undefined): string =>
    e ? `${e.active ? 'active' : 'blocked'} [${e.roles.join(', ')}]` : 'no account';
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])]
    .toSorted()
    .filter((login) => show(expected[login]) !== show(found[login]))
    .map((login) => `${login}: expected ${show(expected[login])}, found ${show(found[login])}`);
}

/** Reads until all is as expected, 15 s at most. Gives how long it took, in ms. */
export async function converge(
  target: Target,
  expected: Access,
): Promise<{ ms: number; found: Access; wrong: string[] }> {
  const begin = performance.now();
  for (;;) {
    const found = await accessAt(target);
    const wrong = differences(expected, found);
    const ms = performance.now() - begin;
    if (wrong.length === 0 || ms > 15_000) return { ms, found, wrong };
    await wait(50);
  }
}
