import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Directory } from '../../src/directories/directory.ts';
import type { Fact, GoneEvidence, Reading, ReadingEnd, ReadingScope } from '../../src/model/facts.ts';
import { Failure } from '../../src/model/failure.ts';

/** What stands behind a directory, past the directory: its people and groups, and ways to break it. */
export interface DirectoryStage {
  /** Reads in pages of three entries, or as near to that as it can. */
  readonly directory: Directory;
  /** The same for another part of the tree, another filter or other attributes. */
  otherScope(): Directory;
  /** The same system by an address where nobody listens, and with a wrong secret. */
  readonly wrong: { unreachable(): Directory; secret(): Directory };
  /** The secret that `directory` uses, which must not be told. */
  readonly secret: string;
  /** Gives the id. */
  addPerson(name: string, more?: { readonly active?: boolean }): Promise<string>;
  disable(id: string): Promise<void>;
  /** Changes the name that people sign in with, and whatever else may stand for them but the id. */
  rename(id: string, name: string): Promise<void>;
  removePerson(id: string): Promise<void>;
  /** Gives the id. */
  addGroup(name: string, members: readonly string[]): Promise<string>;
  join(group: string, member: string): Promise<void>;
  part(group: string, member: string): Promise<void>;
  /**
   * What a reading of changes says of a person who was removed; undefined when it can't see that. `readsAll`: it sees that
   * somebody went, and everything is read instead.
   */
  readonly tellsRemoval: GoneEvidence | 'readsAll' | undefined;
  /** What a reading of changes says of a member who was taken out of a group. */
  readonly tellsParting: 'notMember' | 'wholeGroup';
  /** Cursors that were given so far are of no use any more. */
  loseCursors(): Promise<void>;
  /** From now on: the connection breaks after the first page; the source stops at its own limit after it; it answers
   * nothing; this person's entry can't be understood. */
  readonly breaks: {
    connection(): void;
    limit(): void;
    silence(): void;
    entry(id: string): Promise<void>;
  };
  close(): Promise<void>;
}

const LIMIT_MS = 20_000;
const signal = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);

interface Taken {
  readonly scope: ReadingScope;
  readonly covers: readonly string[];
  readonly facts: readonly Fact[];
  readonly end: ReadingEnd;
}

async function take(reading: Reading): Promise<Taken> {
  const facts: Fact[] = [];
  for await (const fact of reading.facts) facts.push(fact);
  return { scope: reading.scope, covers: reading.covers, facts, end: reading.end() };
}

const read = async (directory: Directory, since?: string): Promise<Taken> =>
  take(await directory.read(since, signal()));

const cursorOf = ({ end }: Taken): string => {
  assert.ok(end.sealed, end.sealed ? '' : end.because);
  assert.ok(end.cursor !== undefined, 'the reading has no cursor');
  return end.cursor;
};

const people = (facts: readonly Fact[]) => facts.flatMap((f) => (f.type === 'person' ? [f.person] : []));
const members = (facts: readonly Fact[]): string[] =>
  facts.flatMap((f) => (f.type === 'member' ? [`${f.group}>${f.member}`] : [])).toSorted();

/** What every kind of directory keeps to. `open` makes a new, empty stage each time. */
export function directoryContract(kind: string, open: () => Promise<DirectoryStage>): void {
  const on = (name: string, body: (stage: DirectoryStage) => Promise<void>): void =>
    void test(name, async () => {
      const stage = await open();
      try {
        await body(stage);
      } finally {
        await stage.close();
      }
    });
  const staff = async (stage: DirectoryStage, count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) ids.push(await stage.addPerson(`p${i}`));
    return ids;
  };

  describe(`${kind}: directory contract`, () => {
    on('a full reading says everything that is there, once, and that it is whole', async (stage) => {
      const ids = await staff(stage, 8);
      const inner = await stage.addGroup('inner', ids.slice(0, 5));
      const outer = await stage.addGroup('outer', [inner, ids[7] ?? '']);
      const { scope, facts, end, covers } = await read(stage.directory);
      assert.equal(scope, 'full');
      assert.ok(end.sealed, end.sealed ? '' : end.because);
      assert.deepEqual(
        people(facts)
          .map((p) => p.id)
          .toSorted(),
        ids.toSorted(),
      );
      const groups = facts.flatMap((f) => (f.type === 'group' ? [f.group.displayName] : []));
      assert.deepEqual(groups.toSorted(), ['inner', 'outer']);
      const wanted = [...ids.slice(0, 5).map((id) => `${inner}>${id}`), `${outer}>${inner}`, `${outer}>${ids[7]}`];
      assert.deepEqual(members(facts), wanted.toSorted());
      const whole = facts.flatMap((f) => (f.type === 'wholeGroup' ? [f.group] : []));
      assert.deepEqual(whole.toSorted(), [inner, outer].toSorted());
      for (const person of people(facts)) {
        for (const name of Object.keys(person.attributes)) assert.ok(covers.includes(name), `${name} is not covered`);
      }
      if (end.counts?.users !== undefined) assert.equal(end.counts.users, 8);
    });

    on('an empty directory is whole', async (stage) => {
      const { facts, end } = await read(stage.directory);
      assert.deepEqual(facts, []);
      assert.ok(end.sealed);
    });

    on('a disabled person is told of as disabled', async (stage) => {
      const gone = await stage.addPerson('gone', { active: false });
      const here = await stage.addPerson('here');
      const found = people((await read(stage.directory)).facts);
      assert.deepEqual(
        new Map(found.map((p) => [p.id, p.active])),
        new Map([
          [gone, false],
          [here, true],
        ]),
      );
    });

    on('a rename changes everything but the id', async (stage) => {
      const id = await stage.addPerson('before');
      await stage.rename(id, 'after');
      const [person, ...more] = people((await read(stage.directory)).facts);
      assert.equal(person?.id, id);
      assert.ok(person.userName.includes('after'), person.userName);
      assert.deepEqual(more, []);
    });

    on('from a cursor only what moved is told', async (stage) => {
      const ids = await staff(stage, 8);
      const group = await stage.addGroup('team', ids.slice(0, 4));
      const cursor = cursorOf(await read(stage.directory));
      const nothing = await read(stage.directory, cursor);
      assert.equal(nothing.scope, 'changes');
      assert.deepEqual(people(nothing.facts), []);
      await stage.disable(ids[1] ?? '');
      const added = await stage.addPerson('added');
      await stage.join(group, ids[6] ?? '');
      await stage.part(group, ids[0] ?? '');
      const readsAll = stage.tellsRemoval === 'readsAll';
      if (!readsAll) await stage.removePerson(ids[7] ?? '');
      const changes = await read(stage.directory, cursorOf(nothing));
      const { scope, facts, end } = changes;
      assert.equal(scope, 'changes');
      assert.ok(end.sealed);
      const moved = new Map(people(facts).map((p) => [p.id, p.active]));
      assert.equal(moved.get(ids[1] ?? ''), false);
      assert.equal(moved.get(added), true);
      assert.ok(!moved.has(ids[3] ?? ''), 'somebody is told of who did not move');
      assert.ok(members(facts).includes(`${group}>${ids[6]}`));
      if (stage.tellsParting === 'notMember') {
        assert.ok(facts.some((f) => f.type === 'notMember' && f.group === group && f.member === ids[0]));
      } else {
        assert.ok(facts.some((f) => f.type === 'wholeGroup' && f.group === group));
        assert.ok(!members(facts).includes(`${group}>${ids[0]}`));
      }
      const gone = facts.find((f) => f.type === 'gone' && f.id === ids[7]);
      if (!readsAll) return assert.equal(gone?.type === 'gone' ? gone.evidence : undefined, stage.tellsRemoval);
      await stage.removePerson(ids[7] ?? '');
      const all = await read(stage.directory, cursorOf(changes));
      assert.equal(all.scope, 'full');
      assert.ok(all.end.sealed, all.end.sealed ? '' : all.end.because);
      assert.equal(people(all.facts).length, 8);
      assert.ok(!people(all.facts).some((p) => p.id === ids[7]));
    });

    on('a cursor that is of no use any more, or never was, gets a full reading', async (stage) => {
      const ids = await staff(stage, 4);
      const cursor = cursorOf(await read(stage.directory));
      await stage.loseCursors();
      for (const since of [cursor, 'no cursor of ours']) {
        const { scope, facts, end } = await read(stage.directory, since);
        assert.equal(scope, 'full');
        assert.equal(people(facts).length, ids.length);
        assert.ok(end.sealed);
      }
    });

    on('another scope has another sign, and the same one the same', async (stage) => {
      assert.notEqual(stage.otherScope().scope, stage.directory.scope);
      assert.ok(!stage.directory.scope.includes(stage.secret));
    });

    on('a reading that breaks off throws a Failure, and the next one is right', async (stage) => {
      await staff(stage, 8);
      stage.breaks.connection();
      await assert.rejects(read(stage.directory), (error) => {
        assert.ok(error instanceof Failure, String(error));
        assert.equal(error.verdict.kind, 'retry');
        return true;
      });
    });

    on('a reading that the source cuts short is not sealed, and says why', async (stage) => {
      await staff(stage, 8);
      stage.breaks.limit();
      const { end, facts } = await read(stage.directory);
      assert.ok(!end.sealed && end.because.length > 0);
      assert.ok(people(facts).length < 8);
    });

    on('a reading that is not read to its end is not sealed', async (stage) => {
      await staff(stage, 8);
      const reading = await stage.directory.read(undefined, signal());
      for await (const _ of reading.facts) break;
      assert.equal(reading.end().sealed, false);
      assert.equal(people((await read(stage.directory)).facts).length, 8, 'the next reading is whole');
    });

    on('a reading that is stopped ends at once, with the reason', async (stage) => {
      await staff(stage, 8);
      stage.breaks.silence();
      const stop = new AbortController();
      const reason = new Error('stop');
      setTimeout(() => stop.abort(reason), 100);
      const reading = stage.directory.read(undefined, stop.signal).then(take);
      await assert.rejects(reading, (error) => error === reason || (error instanceof Error && error.cause === reason));
    });

    on('an entry that can not be understood is told of, and the others come', async (stage) => {
      const ids = await staff(stage, 5);
      await stage.breaks.entry(ids[2] ?? '');
      const { facts, end } = await read(stage.directory);
      const bad = facts.filter((f) => f.type === 'unreadable');
      assert.deepEqual(
        bad.map((f) => f.id),
        [ids[2]],
      );
      assert.equal(people(facts).length, 4);
      assert.ok(end.sealed, 'whose entry it is, is known: the reading is whole');
    });

    on('check says what is wrong, and tells no secret', async (stage) => {
      await stage.directory.check(signal());
      for (const [directory, kinds] of [
        [stage.wrong.unreachable(), ['retry', 'broken']],
        [stage.wrong.secret(), ['broken']],
      ] as const) {
        for (const attempt of [() => directory.check(signal()), () => read(directory)]) {
          await assert.rejects(attempt, (error) => {
            assert.ok(error instanceof Failure, String(error));
            assert.ok((kinds as readonly string[]).includes(error.verdict.kind), error.verdict.kind);
            assert.ok(error.remedy !== undefined && error.remedy !== '', 'no remedy');
            assert.ok(!`${error.message} ${error.remedy}`.includes(stage.secret), 'the secret is told');
            return true;
          });
        }
        await directory.close();
      }
    });
  });
}
