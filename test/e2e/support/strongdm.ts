import { fromBinary } from '@bufbuild/protobuf';
import { openStore } from '../../../src/store/open.ts';
import { targetKinds } from '../../../src/targets/index.ts';
import { AccountAttachmentSchema, AccountSchema, RoleSchema } from '../../../src/targets/strongdm/proto/sdm_pb.gen.ts';
import { type JournalOp, readJournal } from '../../../src/targets/strongdm/sim/journal.ts';
import type { LedgerRow } from '../../../src/model/accounts.ts';
import { settingsFor } from '../../support/strongdm.ts';
import { type Scene, type SimAddress, waitFor } from './scene.ts';

/** What a person has at StrongDM. */
export interface Access {
  readonly active: boolean;
  readonly roles: readonly string[];
}

interface Found extends Access {
  readonly id: string;
  readonly roleIds: ReadonlySet<string>;
}

/** Everybody at StrongDM by login, read over a connection of its own. */
export async function accessAt({ host, accessKey, secretKey }: SimAddress): Promise<Map<string, Found>> {
  const kind = targetKinds.find((k) => k.type === 'strongdm');
  if (kind === undefined) throw new Error('there is no kind strongdm');
  const at = host.lastIndexOf(':');
  const address = { host: host.slice(0, at), port: Number(host.slice(at + 1)), accessKey, secretKey };
  const target = kind.open(settingsFor(address), { instance: 'read-back' });
  try {
    const signal = AbortSignal.timeout(10_000);
    const names = new Map<string, string>();
    for await (const role of target.roles(signal)) names.set(role.id, role.name);
    const access = new Map<string, Found>();
    for await (const { id, profile, active, roles } of target.observe(signal)) {
      const found = { id, active, roles: [...roles].map((r) => names.get(r) ?? r).toSorted(), roleIds: roles };
      access.set(profile.login, found);
    }
    return access;
  } finally {
    await target.close();
  }
}

/** A line for each login that is not as expected. Logins that begin with `~` in `loose` are not looked at. */
export function differences(
  expected: ReadonlyMap<string, Access>,
  found: ReadonlyMap<string, Access>,
  except: ReadonlySet<string> = new Set(),
): string[] {
  const show = (a: Access | undefined): string =>
    a === undefined ? 'no account' : `${a.active ? 'active' : 'blocked'} [${a.roles.toSorted().join(' ')}]`;
  return [...new Set([...expected.keys(), ...found.keys()])]
    .filter((login) => !except.has(login) && show(expected.get(login)) !== show(found.get(login)))
    .map((login) => `${login}: expected ${show(expected.get(login))}, found ${show(found.get(login))}`)
    .toSorted();
}

interface Rest {
  readonly ledger: ReadonlyArray<Omit<LedgerRow, 'objectId'> & { readonly objectId: string | null }>;
  readonly open: { readonly work: number; readonly dirty: number; readonly steps: number };
}

/** What the store says, read beside the running service. */
async function readStore(scene: Scene): Promise<Rest> {
  const store = await openStore(scene.store, { migrate: false });
  try {
    const ledger = await store.db.rows<Rest['ledger'][number]>({
      text: `select person, item, confirmed, object_id as "objectId", blocked from ledger where target = 'strongdm'`,
    });
    const open = await store.db.row<Rest['open']>({
      text: `select (select count(*) from work where state <> 'done') as work, (select count(*) from dirty) as dirty,
        (select count(*) from step where state in ('pending', 'proposed')) as steps`,
    });
    return { ledger, open: open ?? { work: -1, dirty: -1, steps: -1 } };
  } finally {
    await store.close();
  }
}

/**
 * A line for each way in which ledger and StrongDM are not in step: what is unconfirmed, what only one of them has,
 * work that is not done. Everything at StrongDM is taken to be ours.
 */
export async function outOfStep(scene: Scene, sim: SimAddress): Promise<string[]> {
  const { ledger, open } = await readStore(scene);
  const accounts = new Map([...(await accessAt(sim)).values()].map((account) => [account.id, account]));
  const wrong = Object.entries(open).flatMap(([what, count]) => (count === 0 ? [] : [`${count} open rows: ${what}`]));
  const owners = new Map(ledger.flatMap((r) => (r.item === 'account' ? [[r.person, r.objectId ?? '']] : [])));
  const owned = new Set<string>();
  for (const { person, item, confirmed, objectId, blocked } of ledger) {
    const account = accounts.get(owners.get(person) ?? '');
    const name = `ledger: ${item} of ${person}`;
    if (!confirmed) wrong.push(`${name} is not confirmed`);
    if (account === undefined) wrong.push(`${name} has no account at StrongDM`);
    else if (item !== 'account') {
      owned.add(`${account.id} ${objectId}`);
      if (!account.roleIds.has(objectId ?? '')) wrong.push(`${name} is not at StrongDM`);
    } else if (blocked === account.active) wrong.push(`${name}: blocked ${blocked}, at StrongDM ${!account.active}`);
  }
  const known = new Set(owners.values());
  for (const [id, { roleIds }] of accounts) {
    if (!known.has(id)) wrong.push(`account ${id} is in no ledger row`);
    for (const role of roleIds)
      if (!owned.has(`${id} ${role}`)) wrong.push(`role ${role} of ${id} is in no ledger row`);
  }
  return wrong;
}

/** Waits until StrongDM is as expected and the ledger in step with it; gives what still differs after `ms`. */
export async function settled(
  scene: Scene,
  sim: SimAddress,
  expected: ReadonlyMap<string, Access>,
  ms: number,
  except?: ReadonlySet<string>,
  every?: number,
): Promise<string[]> {
  let wrong: string[] = [];
  await waitFor(
    async () => {
      wrong = differences(expected, await accessAt(sim), except);
      if (wrong.length === 0) wrong = await outOfStep(scene, sim);
      return wrong.length === 0;
    },
    ms,
    every,
  );
  return wrong;
}

/** What took effect at the simulator, in order. */
export interface Effect {
  readonly what: 'made account' | 'made role' | 'gave' | 'took' | 'blocked' | 'enabled' | 'renamed' | 'wrote the same';
  readonly login: string;
  readonly role?: string;
}

/**
 * Every effect out of the simulator's journal. At each start the journal is written anew, with the state at that
 * moment: so there is one for each life, read before the next began.
 */
export function effectsOf(lives: ReadonlyArray<readonly JournalOp[]>): Effect[] {
  const effects: Effect[] = [];
  const users = new Map<string, { login: string; suspended: boolean; name: string; data: string }>();
  const roles = new Map<string, string>();
  const attachments = new Map<string, { login: string; role: string }>();
  for (const [life, ops] of lives.entries()) {
    const seen = new Set<string>();
    for (const op of ops) {
      if ('key' in op) continue;
      const id = 'put' in op ? op.id : op.delete === 'attachment' ? op.id : '';
      const told = life > 0 && !seen.has(id);
      seen.add(id);
      if ('delete' in op) {
        const gone = attachments.get(op.id);
        if (op.delete === 'attachment' && gone !== undefined) effects.push({ what: 'took', ...gone });
        attachments.delete(op.id);
        continue;
      }
      const bytes = Buffer.from(op.data, 'base64');
      if (op.put === 'role') {
        const { name } = fromBinary(RoleSchema, bytes);
        if (!roles.has(id)) effects.push({ what: 'made role', login: '', role: name });
        roles.set(id, name);
      } else if (op.put === 'attachment') {
        const { accountId, roleId } = fromBinary(AccountAttachmentSchema, bytes);
        const pair = { login: users.get(accountId)?.login ?? '', role: roles.get(roleId) ?? '' };
        if (!attachments.has(id)) effects.push({ what: 'gave', ...pair });
        attachments.set(id, pair);
      } else {
        const { account } = fromBinary(AccountSchema, bytes);
        if (account.case !== 'user') continue;
        const { email: login, suspendedRO: suspended, firstName, lastName } = account.value;
        const old = users.get(id);
        const name = `${firstName} ${lastName}`;
        if (old === undefined) effects.push({ what: 'made account', login });
        else if (old.suspended !== suspended) effects.push({ what: suspended ? 'blocked' : 'enabled', login });
        else if (old.name !== name) effects.push({ what: 'renamed', login });
        else if (old.data === op.data && !told) effects.push({ what: 'wrote the same', login });
        users.set(id, { login, suspended, name, data: op.data });
      }
    }
  }
  return effects;
}

/** The journal's content at this moment. */
export const lifeOf = (journal: string): readonly JournalOp[] => readJournal(journal)?.ops ?? [];

/** Effects that happened more than once, and writes that changed nothing: a line for each. */
export function doubled(effects: readonly Effect[]): string[] {
  const counts = new Map<string, number>();
  for (const { what, login, role = '' } of effects) {
    const key = `${what} ${login} ${role}`.trimEnd();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].filter(([key, n]) => n > 1 || key.startsWith('wrote')).map(([key, n]) => `${key}: ${n} times`);
}
