import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import * as fc from 'fast-check';
import { folderWith } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { silent, until } from '../../test/support/jobs.ts';
import { appendEvents } from '../store/events.ts';
import { instanceId } from '../store/meta.ts';
import { endRecovery, recoveryOf } from '../store/recovery.ts';
import { contradicts, lookBeside, type Witness } from '../store/witness.ts';
import { readWitness } from '../store/witness-file.ts';
import { type Guardian, recoveryNow, watchStore } from './guardian.ts';
import { GUARD_LIMITS } from '../model/guard.ts';

let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
let file: string;
before(() => {
  folder = folderWith({});
});
beforeEach(async () => {
  await database?.close();
  database = await testDatabase();
  await instanceId(database.db);
  rmSync(join(folder.path, 'w'), { recursive: true, force: true });
  file = join(folder.path, 'w/witness.json');
});
after(async () => {
  await database.close();
  folder.remove();
});

const event = (kind = 'test'): Promise<void> => appendEvents(database.db, [{ actor: 'test', kind }]);
const last = async (): Promise<number> => (await lookBeside(database.db, undefined)).now.event;
const witnessed = async (): Promise<Witness> => (await readWitness(file)).witness ?? assert.fail('no witness');

async function watching(work: (guardian: Guardian, changes: () => number) => Promise<void>): Promise<void> {
  let changes = 0;
  const options = { db: database.db, file, log: silent, changed: () => void (changes += 1), everyMs: 20 };
  const guardian = await watchStore(options);
  try {
    await work(guardian, () => changes);
  } finally {
    await guardian.close();
  }
}

/** Goes back to what the store was when there were this many events, as an older copy would. */
async function goBack(to: number): Promise<void> {
  await database.db.rows({ text: 'delete from event where id > $1', values: [to] });
  await database.db.rows({ text: `select setval('event_id', $1)`, values: [to] });
}

const VIEWS = {
  rules: { revision: 'r', rules: [] },
  targets: [],
  guard: { limits: GUARD_LIMITS, rehearsals: new Set<string>() },
};

test('the witness follows the history, survives restarts, and is nobody else’s to read', async () => {
  await event();
  await watching(async (guardian) => {
    assert.equal(guardian.recovery(), undefined);
    assert.equal((await witnessed()).event, 1);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await event();
    await until(async () => (await witnessed()).event === 2);
    await event();
  });
  assert.equal((await witnessed()).event, 3, 'the end writes it a last time');
  // Killed between a commit and the next writing: the store is ahead of the witness, which is no reason for anything.
  for (let i = 0; i < 5; i++) await event();
  await watching(async (guardian) => {
    assert.equal(guardian.recovery(), undefined);
    assert.equal((await witnessed()).event, 8);
    const { mtimeMs } = statSync(file);
    await new Promise((resolve) => setTimeout(resolve, 120));
    assert.equal(statSync(file).mtimeMs, mtimeMs, 'it is not written when nothing happens');
  });
});

test('an older store starts in recovery, which lasts over restarts until an operator ends it', async () => {
  for (let i = 0; i < 5; i++) await event();
  await watching(() => Promise.resolve());
  await goBack(3);
  const before = readFileSync(file, 'utf8');
  const because = /the store is older than its witness, which has seen event 5 of 20.*: its last is 3 of 20/;
  assert.match((await recoveryNow(database.db, file))?.because ?? '', because);
  assert.equal(await last(), 3, 'asking writes nothing');
  await watching(async (guardian, changes) => {
    assert.match(guardian.recovery()?.because ?? '', because);
    assert.ok(guardian.guarded(VIEWS).recovery !== undefined);
    // It goes on, past the number that the witness knows: that makes it no younger.
    for (let i = 0; i < 6; i++) await event();
    assert.equal(changes(), 0, 'it began before anything was started');
  });
  assert.equal(readFileSync(file, 'utf8'), before, 'the witness waits for the store that it knows');
  await watching(async (guardian, changes) => {
    assert.match(guardian.recovery()?.because ?? '', because);
    const ended = await endRecovery(database.db, 'local:ann', 'looked through');
    assert.match(ended?.because ?? '', because);
    await until(() => guardian.recovery() === undefined);
    assert.equal(changes(), 1);
    await until(async () => (await witnessed()).event === (await last()));
  });
  await watching((guardian) => Promise.resolve(assert.equal(guardian.recovery(), undefined)));
  const told = await database.db.rows<{ kind: string; actor: string; reason: string | null }>({
    text: `select kind, actor, detail->>'reason' as reason from event where kind like 'store.%' order by id`,
  });
  assert.deepEqual(told, [
    { kind: 'store.recovery', actor: 'drawbridge', reason: null },
    { kind: 'store.recovered', actor: 'local:ann', reason: 'looked through' },
  ]);
  assert.equal((await database.db.rows({ text: `select 1 from dirty where kind = 'all'` })).length, 1);
});

test('a store that falls back under a running service is noticed there too', async () => {
  for (let i = 0; i < 3; i++) await event();
  await watching(async (guardian, changes) => {
    await goBack(1);
    await event('other');
    await event('other');
    await event('other');
    await until(() => guardian.recovery() !== undefined);
    assert.equal(changes(), 1);
  });
});

test('another store than the witness knows, and a witness that cannot be read, are no proof that all is well', async () => {
  await event();
  await watching(() => Promise.resolve());
  await database.db.rows({ text: `update meta set value = '"db_other"' where key = 'instance'` });
  await watching(async (guardian) => {
    assert.match(guardian.recovery()?.because ?? '', /the witness knows the store db_\S+, and this is db_other/);
    await endRecovery(database.db, 'test', 'moved');
    await until(() => guardian.recovery() === undefined);
  });
  assert.equal((await witnessed()).store, 'db_other');
  writeFileSync(file, '{"store":"db_ot');
  await watching(async (guardian) => {
    assert.match(guardian.recovery()?.because ?? '', /the witness .*witness\.json is not one of ours/);
  });
  // Ended while no service runs.
  await endRecovery(database.db, 'test', 'it was an editor');
  await watching((guardian) => Promise.resolve(assert.equal(guardian.recovery(), undefined)));
  assert.equal((await witnessed()).store, 'db_other');
});

test('a place that cannot be written to does not stop anything', async () => {
  file = '/proc/witness.json';
  let told = 0;
  const log = { ...silent, warn: () => void (told += 1) };
  const guardian = await watchStore({ db: database.db, file, log, changed: () => undefined, everyMs: 10 });
  await event();
  await new Promise((resolve) => setTimeout(resolve, 80));
  await event();
  await guardian.close();
  assert.equal(guardian.recovery(), undefined);
  assert.equal(told, 1, 'it is told once');
});

test('numbers that were never committed, or later than higher ones, mean nothing; what is lacking shows', async () => {
  const { db } = database;
  await event();
  await db.tx(async (tx) => {
    await appendEvents(tx, [{ actor: 'test', kind: 'slow' }]);
    await event();
    await event();
    await watching(async (guardian) => {
      const before = await witnessed();
      assert.deepEqual([before.event, before.count], [4, 3]);
      assert.equal(guardian.recovery(), undefined);
    });
  });
  await watching(async () => assert.equal((await witnessed()).count, 4));
  // A rolled back one leaves a gap.
  await assert.rejects(
    db.tx(async (tx) => {
      await appendEvents(tx, [{ actor: 'test', kind: 'never' }]);
      throw new Error('no');
    }),
  );
  await event();
  await watching((guardian) => Promise.resolve(assert.equal(guardian.recovery(), undefined)));
  // A point in time at which the higher numbers were committed and the lower one not yet.
  await db.rows({ text: `delete from event where kind = 'slow'` });
  await watching((guardian) =>
    Promise.resolve(assert.match(guardian.recovery()?.because ?? '', /lacks 1 of the last 5 events/)),
  );
});

test('an old month that was dropped is not taken for an older store', async () => {
  for (let i = 0; i < 6; i++) await event();
  await watching(() => Promise.resolve());
  await database.db.rows({ text: 'delete from event where id < 4' });
  await watching((guardian) => Promise.resolve(assert.equal(guardian.recovery(), undefined)));
  for (let i = 0; i < 3; i++) await event();
  await database.db.rows({ text: 'delete from event where id < 8' });
  await watching((guardian) => Promise.resolve(assert.equal(guardian.recovery(), undefined)));
});

test('whatever was witnessed and is not in the store is a contradiction, and nothing else is', async () => {
  interface Event {
    readonly id: number;
    readonly at: string;
  }
  const history = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 30 }).map((steps) => {
    let id = 0;
    return steps.map((step, i): Event => ({ id: (id += step), at: String(1_000 + i) }));
  });
  const seenBy = (events: readonly Event[], asked?: Witness) => {
    const newest = events.at(-1);
    const now: Witness = {
      store: 'db_1',
      event: newest?.id ?? 0,
      at: newest?.at ?? null,
      from: events[0]?.id ?? 0,
      count: events.length,
      seen: '2026-01-01T00:00:00.000000Z',
    };
    return {
      now,
      recovery: null,
      confirmed: null,
      found: events.some((e) => e.id === asked?.event && e.at === asked.at),
      count: events.filter((e) => asked !== undefined && e.id >= asked.from && e.id <= asked.event).length,
      oldest: events[0]?.id ?? null,
    };
  };
  fc.assert(
    fc.property(
      history,
      fc.nat(),
      fc.nat(),
      fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
      (events, a, b, late) => {
        // What the witness saw of the first `a`: some were not committed yet. The store is what it was after `b`.
        const upTo = events.slice(0, events.length === 0 ? 0 : a % (events.length + 1));
        const witnessedEvents = upTo.filter((_, i) => late[i] !== true);
        const { now: witness } = seenBy(witnessedEvents);
        const store = events.slice(0, events.length === 0 ? 0 : b % (events.length + 1));
        const lacks = witnessedEvents.some((e) => !store.includes(e));
        assert.equal(contradicts(witness, seenBy(store, witness)) !== undefined, lacks);
      },
    ),
    { numRuns: 500 },
  );
  assert.equal(await recoveryOf(database.db), undefined);
});
