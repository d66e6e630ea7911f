/**
 * Invariants 1 and 8 of the readings, on a real store: what a source says decides, not how it is cut into pages; and
 * nothing is taken away without a sealed reading or an explicit word.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { dbTest } from '../../test/support/jobs.ts';
import { type Faults, memoryDirectory, type MemoryDirectory } from '../../test/support/memory-directory.ts';
import { HOUR, reader, seen, stands } from '../../test/support/readings.ts';

const RUNS = 12;

/** A source with people, groups and groups in groups, from plain numbers. */
interface Shape {
  readonly people: readonly number[];
  readonly groups: ReadonlyArray<readonly number[]>;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  people: fc.uniqueArray(fc.nat(12), { maxLength: 10 }),
  groups: fc.array(fc.uniqueArray(fc.nat(14), { maxLength: 6 }), { maxLength: 4 }),
});

function fill(directory: MemoryDirectory, { people, groups }: Shape): void {
  for (const n of people) directory.person(`u${n}`, { attributes: { department: `d${n % 3}` } });
  groups.forEach((members, i) => {
    // Numbers above 12 are groups, which may be this one itself or none.
    directory.group(`g${i}`, ...new Set(members.map((n) => (n > 12 ? `g${n - 13}` : `u${n}`))));
  });
}

dbTest('cutting a reading into pages of any size, in any order, gives the same records', async (db) => {
  let source = 0;
  await fc.assert(
    fc.asyncProperty(shape, fc.integer({ min: 1, max: 50 }), fc.integer(), async (world, pageSize, salt) => {
      const results = [];
      for (const cut of [false, true]) {
        const id = `s${(source += 1)}`;
        const directory = memoryDirectory(id);
        fill(directory, world);
        if (cut) {
          directory.pageSize = pageSize;
          directory.faults = { repeatPage: Math.abs(salt) % 3 };
          directory.shuffle = (facts) => facts.toSorted((a, b) => mix(a, salt) - mix(b, salt));
        } else directory.pageSize = 1_000;
        assert.equal((await reader(db).read(directory)).state, 'sealed');
        results.push(await seen(db, id));
      }
      assert.deepEqual(results[1], results[0]);
    }),
    { numRuns: RUNS },
  );
});

/** An order that a number decides. */
function mix(value: unknown, salt: number): number {
  let hash = salt | 0;
  for (const char of JSON.stringify(value)) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) | 0;
  return hash;
}

const fault: fc.Arbitrary<Faults> = fc.constantFrom<Faults>(
  {},
  {},
  { dropPage: 0 },
  { dropPage: 1 },
  { endAfter: 0 },
  { endAfter: 1 },
  { dieBefore: 1 },
  { miscount: 2 },
  { garbled: [''] },
  { garbled: ['u1'] },
  { repeatPage: 0 },
  { lieAboutScope: true },
);

type Act =
  | { readonly do: 'read'; readonly full: boolean; readonly faults: Faults; readonly size: number }
  | { readonly do: 'vanish'; readonly who: number }
  | { readonly do: 'back'; readonly who: number }
  | { readonly do: 'pass'; readonly hours: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      full: fc.boolean(),
      faults: fault,
      size: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('vanish' as const), who: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('back' as const), who: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), hours: fc.integer({ min: 1, max: 40 }) }) },
);

dbTest('whatever readings come in whatever order, nobody goes without sealed readings that lack them', async (db) => {
  let source = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 12 }), async (acts) => {
      const directory = memoryDirectory(`t${(source += 1)}`);
      const read = reader(db, { shrinkLimit: 0.5 });
      const names = [0, 1, 2, 3, 4, 5].map((n) => `u${n}`);
      for (const name of names) directory.person(name);
      directory.group('g', ...names);
      await read.read(directory);
      /** For each person the times of the sealed full readings in a row that lack them: our own book-keeping. */
      const lacking = new Map<string, Date[]>();
      let sealedMembers = (await seen(db, directory.id)).members;
      for (const step of acts) {
        if (step.do === 'vanish') directory.vanish(`u${step.who}`);
        else if (step.do === 'back') directory.person(`u${step.who}`);
        else if (step.do === 'pass') await read.pass(step.hours * HOUR);
        else {
          directory.faults = step.faults;
          directory.pageSize = step.size;
          const reading = await read.read(directory, { full: step.full });
          directory.faults = {};
          if (reading.state === 'sealed' && reading.scope === 'full') {
            for (const name of names) {
              lacking.set(name, directory.people.has(name) ? [] : [...(lacking.get(name) ?? []), reading.startedAt]);
            }
          } else if (reading.state !== 'failed') {
            // Seen again, be it in a reading that is not whole: the count may start anew.
            const found = await stands(db, directory.id);
            for (const name of names) if (found[name] === 'there') lacking.set(name, []);
          }
          const members = (await seen(db, directory.id)).members;
          if (reading.state !== 'sealed') {
            for (const member of sealedMembers) assert.ok(members.includes(member), `${member} went without a seal`);
          }
          sealedMembers = members;
        }
        const now = await stands(db, directory.id);
        for (const name of names) {
          const since = lacking.get(name) ?? [];
          if (now[name] === 'gone absent') {
            assert.ok(since.length >= 2, `${name} is gone after ${since.length} readings`);
            assert.ok(read.now.getTime() - (since[0]?.getTime() ?? 0) >= 24 * HOUR, `${name} is gone too soon`);
          } else if (now[name] === 'missing absent') assert.ok(since.length >= 1, `${name} is missing from no reading`);
          else assert.equal(now[name], 'there');
        }
      }
    }),
    { numRuns: RUNS },
  );
});
