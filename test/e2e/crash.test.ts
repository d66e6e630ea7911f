import assert from 'node:assert/strict';
import { after, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomFrom } from '../../src/targets/strongdm/sim/faults.ts';
import type { JournalOp } from '../../src/targets/strongdm/sim/journal.ts';
import { type Bridge, openScene, reachedAt, type Scene, settings, type SimProcess } from './support/scene.ts';
import { lost, scimClient, type ScimClient, type ToldUser } from './support/scim.ts';
import { type Access, accessAt, doubled, effectsOf, lifeOf, settled } from './support/strongdm.ts';

/** Another seed makes another storm: other requests, in another order, and other moments to kill at. */
const SEED = Number(process.env['CRASH_SEED'] ?? 1);
const OLD = 60;
const NEW = 90;
const CLIENTS = 6;
const FAULTS = `slow=3ms,lost=0.02,max=30,seed=${SEED}`;
/** Who dies together, at moments spread over the storm; the last ones when all is acknowledged and work still runs. */
const KILLS: ReadonlyArray<readonly Victim[]> = [
  ['bridge'],
  ['postmaster'],
  ['sim'],
  ['bridge', 'postmaster', 'sim'],
  ['bridge', 'sim'],
];
type Victim = 'bridge' | 'postmaster' | 'sim';

const scene = openScene();
after(() => scene.clear());

interface World {
  readonly users: ToldUser[];
  readonly groups: Readonly<Record<'dba' | 'ops', { readonly id: string; readonly members: Set<ToldUser> }>>;
}

test('whatever is killed at whatever moment, nothing acknowledged is lost and nothing happens twice', async (t) => {
  const machine = await startMachine(scene);
  const client = scimClient(() => machine.bridge.url, machine.token);
  const world = await joiners(client);
  const log = (): string => `seed ${SEED}; the last log lines:\n${machine.bridge.err().slice(-3_000)}`;
  assert.deepEqual(await settled(scene, machine.sim, expectedOf(world), 20_000), [], `before the storm; ${log()}`);

  const random = randomFrom(SEED);
  const { actions, loose } = storm(client, world, random);
  const killAt = KILLS.slice(0, -1).map((_, i) =>
    Math.floor(((i + 0.2 + 0.6 * random()) / (KILLS.length - 1)) * actions.length),
  );
  const order = KILLS.slice(0, -1).toSorted(() => random() - 0.5);
  let kills = 0;
  // The kills follow each other; the storm waits at the next one until what the last one killed is back.
  let back = Promise.resolve();
  let killing = Promise.resolve();
  const kill = (victims: readonly Victim[]): void => {
    const pause = random() * 60;
    back = killing;
    killing = following(back, async () => {
      await sleep(pause);
      await machine.kill(victims);
      kills += victims.length;
    });
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let mine = next++; mine < actions.length; mine = next++) {
      const at = killAt.indexOf(mine);
      if (at >= 0) kill(order[at] ?? []);
      await back;
      await actions[mine]?.();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, worker));
  kill(KILLS.at(-1) ?? []);
  await killing;

  const expected = expectedOf(world);
  assert.deepEqual(await settled(scene, machine.sim, expected, 30_000, new Set(loose.keys())), [], log());
  assert.deepEqual(await lost(client, world.users, world.groups), [], log());
  await checkLoose(machine.sim, loose);
  const effects = effectsOf([...machine.lives, lifeOf(scene.journal)]);
  assert.deepEqual(doubled(effects), [], log());
  const left = await scene.command('plan', '--full', '--json');
  assert.deepEqual((JSON.parse(left.out) as { steps: unknown[] }).steps, [], 'a full plan finds nothing to do');
  assert.equal((await machine.bridge.stop()).code, 0);
  report(t, client, kills, effects.length);
});

function report(t: TestContext, { counts }: ScimClient, kills: number, effects: number): void {
  t.diagnostic(
    `seed ${SEED}: ${kills} kills, ${counts.acknowledged} writes acknowledged (${counts.repeated} requests sent again), ` +
      `lost 0; ${effects} effects at StrongDM, doubled 0`,
  );
}

interface Machine {
  readonly token: string;
  readonly bridge: Bridge;
  readonly sim: SimProcess;
  /** Journals of the simulator's earlier lives. */
  readonly lives: Array<readonly JournalOp[]>;
  /** Kills at the same moment, and starts again what nobody else would. */
  kill(victims: readonly Victim[]): Promise<void>;
}

async function startMachine(at: Scene): Promise<Machine> {
  let sim = await at.sim({ faults: FAULTS });
  at.write('drawbridge.yaml', settings(reachedAt(sim)));
  let bridge = await at.serve();
  const [token = ''] = /dbr_\S+/.exec(bridge.out()) ?? [];
  const lives: Machine['lives'] = [];
  return {
    token,
    get bridge() {
      return bridge;
    },
    get sim() {
      return sim;
    },
    lives,
    kill: async (victims) => {
      if (victims.includes('postmaster')) at.killPostmaster();
      await Promise.all([
        victims.includes('bridge') ? bridge.kill() : undefined,
        victims.includes('sim') ? sim.kill() : undefined,
      ]);
      if (victims.includes('sim')) {
        lives.push(lifeOf(at.journal));
        sim = await at.sim({ port: sim.port, faults: FAULTS });
      }
      if (victims.includes('bridge')) bridge = await at.serve();
    },
  };
}

async function following(before: Promise<void>, next: () => Promise<void>): Promise<void> {
  await before;
  await next();
}

/** Those who are there before the storm, with access that is complete when it begins. */
async function joiners(client: ScimClient): Promise<World> {
  const [dba, ops] = [await client.createGroup('dba'), await client.createGroup('ops')];
  const users = await Promise.all(
    Array.from({ length: OLD }, (_, i) =>
      client.createUser(`old${i}@example.com`, { department: i % 5 === 0 ? 'SRE' : 'Sales' }),
    ),
  );
  const world: World = {
    users,
    groups: { dba: { id: dba, members: new Set() }, ops: { id: ops, members: new Set() } },
  };
  await join(client, world, 'dba', users);
  await join(
    client,
    world,
    'ops',
    users.filter((_, i) => i % 3 === 0),
  );
  return world;
}

async function join(client: ScimClient, world: World, group: 'dba' | 'ops', users: readonly ToldUser[]) {
  await client.patchMembers(world.groups[group].id, 'add', users);
  for (const user of users) world.groups[group].members.add(user);
}

async function part(client: ScimClient, world: World, group: 'dba' | 'ops', users: readonly ToldUser[]) {
  await client.patchMembers(world.groups[group].id, 'remove', users);
  for (const user of users) world.groups[group].members.delete(user);
}

type Action = () => Promise<void>;

/**
 * What is sent in the storm. At most one thing happens to each who was there before; the new ones are made, join a
 * group, and some are taken away again at once. `loose`: the new ones who were deactivated: what they have by then is
 * a matter of time, but they must not be able to sign in, and have no more than they were ever to get.
 */
function storm(client: ScimClient, world: World, random: () => number) {
  const loose = new Map<string, readonly string[]>();
  const olds = world.users.map((user, i): Action[] => {
    switch (i % 10) {
      case 0:
        return [() => client.patchUser(user, { active: false })];
      case 1:
        return [() => client.deleteUser(user)];
      case 2:
      case 3:
        return [() => part(client, world, 'dba', [user])];
      case 4:
        return [() => client.patchUser(user, { givenName: `Renamed${i}` })];
      case 5:
        return [() => client.patchUser(user, { department: i % 20 === 5 ? 'Sales' : 'SRE' })];
      case 6:
        return [() => client.patchUser(user, { active: false }), () => client.patchUser(user, { active: true })];
      case 7:
        return [() => part(client, world, 'dba', [user]), () => client.deleteUser(user)];
      default:
        return [];
    }
  });
  const news = Array.from({ length: NEW }, (_, i): Action[] => {
    const userName = `new${i}@example.com`;
    let user: ToldUser;
    const group = i % 2 === 0 ? 'dba' : 'ops';
    const actions: Action[] = [
      async () => {
        user = await client.createUser(userName, { department: i % 7 === 0 ? 'SRE' : 'Sales' });
        world.users.push(user);
      },
      () => join(client, world, group, [user]),
    ];
    if (i % 9 === 4) actions.push(() => client.patchUser(user, { active: false }));
    if (i % 9 === 4) loose.set(userName, [group === 'dba' ? 'db' : 'prod', 'staging']);
    if (i % 9 === 7) actions.push(() => client.deleteUser(user));
    if (i % 9 === 7) loose.set(userName, []);
    return actions;
  });
  return { actions: shuffled([...olds, ...news], random), loose };
}

/** One line of them all, in a random order that keeps the order within each; each waits for the one before it. */
function shuffled(lists: readonly Action[][], random: () => number): Action[] {
  const open = lists.filter((list) => list.length > 0).map((list) => ({ list, at: 0, last: Promise.resolve() }));
  const line: Action[] = [];
  while (open.length > 0) {
    const index = Math.floor(random() * open.length);
    const one = open[index];
    const action = one?.list[one.at];
    if (one === undefined || action === undefined) {
      open.splice(index, 1);
      continue;
    }
    one.at += 1;
    line.push(() => (one.last = one.last.then(action)));
  }
  return line;
}

/** The rules of the scene, by hand. Who was never given anything has no account. */
function expectedOf({ users, groups }: World): Map<string, Access> {
  const expected = new Map<string, Access>();
  for (const user of users) {
    const roles = [
      ...(groups.dba.members.has(user) ? ['db'] : []),
      ...(groups.ops.members.has(user) ? ['prod'] : []),
      ...(user.department === 'SRE' ? ['staging'] : []),
    ];
    const had = roles.length > 0 || user.userName.startsWith('old');
    if (had) expected.set(user.userName, { active: user.active && !user.deleted, roles: user.deleted ? [] : roles });
  }
  return expected;
}

async function checkLoose(sim: SimProcess, loose: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const access = await accessAt(sim);
  for (const [login, allowed] of loose) {
    const found = access.get(login);
    if (found === undefined) continue;
    assert.equal(found.active, false, `${login} can still sign in`);
    assert.deepEqual(
      found.roles.filter((role) => !allowed.includes(role)),
      [],
      `${login} has too much`,
    );
  }
}
