/** Readings on schedule, down to what people have at a target. */
import assert from 'node:assert/strict';
import { fakeTarget } from '../../test/support/fake-target.ts';
import { dbTest, settled, silent, SOURCE, start, until, groupRule, world } from '../../test/support/jobs.ts';
import { memoryDirectory, opened } from '../../test/support/memory-directory.ts';
import { HOUR, reader, stands } from '../../test/support/readings.ts';
import { settleSources } from '../app/retired.ts';
import { createLog } from '../log.ts';
import type { Settings, SourceSettings } from '../model/settings.ts';
import type { Db } from '../store/db.ts';
import { storeParts } from '../store/parts.ts';
import { removeSource } from '../store/retire.ts';
import { startReadings } from './reading-loop.ts';

function loop(db: Db, directory: ReturnType<typeof memoryDirectory>, more: { now?: () => Date; ttl?: number } = {}) {
  const woken: boolean[] = [];
  const readings = startReadings({
    db,
    store: storeParts,
    log: silent,
    now: more.now ?? (() => new Date()),
    random: () => 0.5,
    directories: () => new Map([[directory.id, opened(directory, { ttl: more.ttl ?? 60_000 })]]),
    wake: (urgent) => void woken.push(urgent),
    poll: 20,
  });
  return { readings, woken };
}

dbTest('a source is read when it is due, by one of the processes, and by hand at any time', async (db) => {
  const directory = memoryDirectory();
  directory.person('u0');
  let now = new Date('2031-01-01T00:00:00Z');
  const [one, two] = [loop(db, directory, { now: () => now }), loop(db, directory, { now: () => now })];
  try {
    await until(async () => (await storeParts.readings.listReadings(db, 'dir', 5)).some((r) => r.state === 'sealed'));
    await until(async () => (await storeParts.sources.sourceState(db, 'dir'))?.nextAt != null);
    assert.equal(directory.asked.length, 1);
    now = new Date(now.getTime() + 30_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(directory.asked.length, 1, 'not before it is due');
    now = new Date(now.getTime() + 31_000);
    await until(() => directory.asked.length === 2);
    directory.person('u0', { active: false });
    await until(async () => {
      const reading = await one.readings.refresh('dir', { actor: 'local:ann' });
      return reading?.changes.left === 1;
    });
    assert.ok(one.woken.includes(true), 'a leave wakes the planner at once');
    await assert.rejects(one.readings.refresh('nobody', { actor: 'local:ann' }), /no directory nobody/);
  } finally {
    await one.readings.close();
    await two.readings.close();
  }
});

dbTest('a reading that is under way when the service stops is stopped, and nothing of it stays', async (db) => {
  const directory = memoryDirectory();
  for (let i = 0; i < 9; i++) directory.person(`u${i}`);
  directory.faults = { stall: true };
  const { readings } = loop(db, directory);
  await until(() => directory.asked.length === 1);
  await readings.close();
  assert.deepEqual(await stands(db), {});
  assert.equal((await storeParts.readings.listReadings(db, 'dir', 1))[0]?.state, 'failed');
});

dbTest('after too long without a sealed reading the people are frozen, until there is one', async (db) => {
  const directory = memoryDirectory();
  directory.person('u0');
  let now = new Date('2031-01-01T00:00:00Z');
  const { readings } = loop(db, directory, { now: () => now });
  const frozen = async () => (await storeParts.sources.sourceState(db, 'dir'))?.frozenBecause;
  try {
    await until(async () => (await storeParts.sources.sourceState(db, 'dir'))?.sealedAt != null);
    directory.faults = { dieBefore: 0 };
    directory.person('u0', { userName: 'moved@example.com' });
    now = new Date(now.getTime() + 25 * HOUR);
    await until(async () => (await frozen()) === 'stale');
    directory.faults = {};
    // A reading that was under way may break off only now, and set the next one a while ahead: time goes on.
    await until(async () => {
      now = new Date(now.getTime() + 60_000);
      return (await frozen()) === null;
    });
  } finally {
    await readings.close();
  }
});

/** One who is in the group that gives the role. */
async function granted(db: Db) {
  const pam = fakeTarget('pam', { roles: ['db', 'ops'] });
  const of = world([pam], groupRule('dba', 'Group g', 'pam', 'db'), groupRule('ops', 'Group o', 'pam', 'ops'));
  const directory = memoryDirectory(SOURCE);
  for (let i = 0; i < 12; i++) directory.person(`u${i}`);
  directory.group('g', 'u0', 'u1');
  directory.group('o');
  const read = reader(db);
  await read.read(directory);
  const jobs = await start(db, of);
  await settled(jobs, db);
  const rolesOf = (user: string) => pam.state()[`${user}@example.com`]?.roles ?? [];
  assert.deepEqual(rolesOf('u0'), ['db']);
  const again = async () => {
    jobs.wake();
    await settled(jobs, db);
  };
  return { pam, of, directory, read, jobs, rolesOf, again };
}

dbTest(
  'who is missing gets nothing and loses nothing; who is gone loses what we gave, and is not blocked',
  async (db) => {
    const { pam, directory, read, jobs, rolesOf, again } = await granted(db);
    try {
      directory.vanish('u0');
      directory.group('o', 'u0', 'u1');
      await read.full(directory);
      await again();
      assert.deepEqual(rolesOf('u0'), ['db'], 'frozen');
      assert.deepEqual(rolesOf('u1'), ['db', 'ops']);
      await read.full(directory);
      await read.pass(24 * HOUR);
      await again();
      assert.deepEqual(rolesOf('u0'), []);
      assert.equal(pam.state()['u0@example.com']?.active, true);
      const step = await db.row<{ changes: Array<{ op: string; evidence: string }> }>({
        text: `select changes from step where person = (select pr.person from person_record pr
        join record r on r.key = pr.record_key where r.anchor = 'u0') order by id desc limit 1`,
      });
      assert.deepEqual(
        step?.changes.map((c) => [c.op, c.evidence]),
        [['revoke', 'absent']],
      );
      directory.person('u0');
      directory.join('g', 'u0');
      await read.full(directory);
      await again();
      assert.deepEqual(rolesOf('u0'), ['db', 'ops'], 'back: the same account gets it again');
    } finally {
      await jobs.close();
    }
  },
);

dbTest('the disabled bit blocks at once, a membership that was taken away goes at once', async (db) => {
  const { pam, directory, read, jobs, rolesOf, again } = await granted(db);
  try {
    directory.person('u0', { active: false });
    directory.part('g', 'u1');
    await read.read(directory);
    await again();
    assert.equal(pam.state()['u0@example.com']?.active, false);
    assert.deepEqual(rolesOf('u1'), []);
  } finally {
    await jobs.close();
  }
});

const settingsOf = (...sources: SourceSettings[]): Settings => ({ sources }) as unknown as Settings;

dbTest(
  'a source that leaves the settings freezes its people; put back, it goes on; let go of, it is planned',
  async (db) => {
    const { directory, read, jobs, rolesOf, again } = await granted(db);
    const log = createLog({ write: () => undefined });
    const here = settingsOf({ id: SOURCE, type: 'memory', options: {} });
    const gone = settingsOf({ id: 'other', type: 'scim', options: {} });
    try {
      assert.deepEqual(await settleSources(db, gone, log, read.now), [SOURCE]);
      directory.part('g', 'u0');
      await db.rows({
        text: `delete from membership where member_key = (select key from record where anchor = 'u0')`,
      });
      await storeParts.dirty.markAll(db);
      await again();
      assert.deepEqual(rolesOf('u0'), ['db'], 'frozen');
      assert.deepEqual(await settleSources(db, here, log, read.now), []);
      assert.equal((await storeParts.sources.sourceState(db, SOURCE))?.cursor, null, 'it is read anew');
      await again();
      assert.deepEqual(rolesOf('u0'), []);
      await settleSources(db, gone, log, read.now);
      await removeSource(db, { source: SOURCE, actor: 'local:ann', reason: 'gone', now: read.now });
      assert.deepEqual(await settleSources(db, gone, log, read.now), [SOURCE]);
      await again();
      assert.deepEqual(rolesOf('u1'), []);
      directory.forgetCursors();
      await settleSources(db, here, log, read.now);
      await read.read(directory);
      await again();
      assert.deepEqual(rolesOf('u1'), ['db'], 'the same source again, the same people');
    } finally {
      await jobs.close();
    }
  },
);

dbTest('was: renames a source with its people, once', async (db) => {
  const { read, jobs } = await granted(db);
  await jobs.close();
  const log = createLog({ write: () => undefined });
  const people = async () => db.rows({ text: 'select record_key, person from person_record order by 1' });
  const before = await people();
  const renamed = settingsOf({ id: 'ad', was: SOURCE, type: 'memory', options: {} });
  assert.deepEqual(await settleSources(db, renamed, log, read.now), []);
  assert.equal((await stands(db, 'ad'))['u0'], 'there');
  assert.deepEqual(await stands(db, SOURCE), {});
  assert.deepEqual(await people(), before);
  const directory = memoryDirectory('ad');
  for (let i = 0; i < 12; i++) directory.person(`u${i}`);
  directory.group('g', 'u0', 'u1');
  directory.group('o');
  const reading = await read.full(directory);
  assert.deepEqual([reading.state, reading.changes.created], ['sealed', 0]);
  assert.deepEqual(await settleSources(db, renamed, log, read.now), []);
  const events = await db.rows({ text: `select 1 from event where kind = 'source.renamed'` });
  assert.equal(events.length, 1);
});
