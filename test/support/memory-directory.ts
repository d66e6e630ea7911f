/** A directory in memory: what a kind does, without a wire, with every way to go wrong. */
import * as z from 'zod';
import type { Directory, DirectoryKind, OpenDirectory } from '../../src/directories/directory.ts';
import { directoryKinds } from '../../src/directories/index.ts';
import { readingOptions, readingSettings } from '../../src/directories/options.ts';
import { Failure } from '../../src/model/failure.ts';
import type { Fact, GoneEvidence, PersonRecord, Reading, ReadingEnd } from '../../src/model/facts.ts';
import type { ReadingSettings } from '../../src/model/settings.ts';

/** Ways to go wrong; each holds until it is taken away. Pages count from 0. */
export interface Faults {
  /** This page never comes, and the source does not notice. */
  dropPage?: number | undefined;
  /** The source stops after so many pages, and says so. */
  endAfter?: number | undefined;
  /** This page comes twice. */
  repeatPage?: number | undefined;
  /** Added to the number of users that the source counts. */
  miscount?: number | undefined;
  /** The connection breaks before this page. */
  dieBefore?: number | undefined;
  /** Gives changes where everything was asked for. */
  lieAboutScope?: boolean | undefined;
  /** Ids of entries that can't be understood. '' stands for one more whose id can't be understood either. */
  garbled?: readonly string[] | undefined;
  /** Says nothing until the signal is aborted. */
  stall?: boolean | undefined;
  /** Every call fails like this. */
  refuse?: Failure | undefined;
}

export const COVERS = ['displayName', 'email', 'department', 'title'];

export interface MemoryDirectory extends Directory {
  scope: string;
  readonly people: Map<string, PersonRecord>;
  readonly groups: Map<string, { displayName: string; members: Set<string> }>;
  faults: Faults;
  pageSize: number;
  covers: readonly string[];
  /** Reorders the facts of a full reading. */
  shuffle: ((facts: Fact[]) => Fact[]) | undefined;
  /** Cursors given so far are of no use any more. */
  forgetCursors(): void;
  person(id: string, over?: Partial<PersonRecord>): PersonRecord;
  group(id: string, ...members: string[]): void;
  nameGroup(id: string, displayName: string): void;
  join(group: string, member: string): void;
  part(group: string, member: string): void;
  remove(id: string, evidence?: GoneEvidence): void;
  /** An entry left what is read, and is disabled; or is one that never was inside. */
  outside(id: string): void;
  /** Told at the end of a full reading besides what is there. */
  lateFacts: readonly Fact[];
  /** Takes an entry away so that no reading of changes tells of it. */
  vanish(id: string): void;
  /** Readings begun so far, and the cursors that they were given. */
  readonly asked: Array<string | undefined>;
}

export function memoryDirectory(id = 'dir'): MemoryDirectory {
  let epoch = 1;
  const log: Fact[] = [];
  const people = new Map<string, PersonRecord>();
  const groups = new Map<string, { displayName: string; members: Set<string> }>();

  const directory: MemoryDirectory = {
    id,
    scope: 'everything',
    people,
    groups,
    faults: {},
    pageSize: 3,
    covers: COVERS,
    shuffle: undefined,
    asked: [],
    forgetCursors: () => void (epoch += 1),
    person: (id, over = {}) => {
      const before = people.get(id);
      const person: PersonRecord = {
        userName: `${id}@example.com`,
        active: true,
        displayName: `The ${id}`,
        emails: [`${id}@example.com`],
        attributes: { department: 'SRE' },
        ...before,
        ...over,
        id,
      };
      people.set(id, person);
      log.push({ type: 'person', person });
      return person;
    },
    group: (id, ...members) => {
      const displayName = `Group ${id}`;
      groups.set(id, { displayName, members: new Set(members) });
      log.push({ type: 'group', group: { id, displayName } });
      for (const member of members) log.push({ type: 'member', group: id, member });
    },
    nameGroup: (id, displayName) => {
      const group = groups.get(id);
      if (group === undefined) throw new Error(`there is no group ${id}`);
      group.displayName = displayName;
      log.push({ type: 'group', group: { id, displayName } });
    },
    join: (group, member) => {
      groups.get(group)?.members.add(member);
      log.push({ type: 'member', group, member });
    },
    part: (group, member) => {
      groups.get(group)?.members.delete(member);
      log.push({ type: 'notMember', group, member });
    },
    remove: (id, evidence = 'explicit') => {
      directory.vanish(id);
      log.push({ type: 'gone', id, evidence });
    },
    outside: (id) => {
      directory.vanish(id);
      log.push({ type: 'disabled', id });
    },
    lateFacts: [],
    vanish: (id) => {
      people.delete(id);
      groups.delete(id);
      for (const group of groups.values()) group.members.delete(id);
    },
    check: async () => {
      if (directory.faults.refuse !== undefined) throw directory.faults.refuse;
      return [];
    },
    close: async () => undefined,
    read: async (since, signal) => {
      directory.asked.push(since);
      if (directory.faults.refuse !== undefined) throw directory.faults.refuse;
      const from = since === undefined ? undefined : position(since);
      const facts = from === undefined && directory.faults.lieAboutScope !== true ? everything() : log.slice(from ?? 0);
      return reading(facts, from === undefined && directory.faults.lieAboutScope !== true ? 'full' : 'changes', signal);
    },
  };

  const position = (cursor: string): number | undefined => {
    const [of, at] = cursor.split(':');
    return Number(of) === epoch ? Number(at) : undefined;
  };

  const everything = (): Fact[] => {
    const facts: Fact[] = [...people.values()].map((person) => ({ type: 'person', person }));
    for (const [id, { displayName, members }] of groups) {
      facts.push({ type: 'group', group: { id, displayName } });
      for (const member of members) facts.push({ type: 'member', group: id, member });
      facts.push({ type: 'wholeGroup', group: id });
    }
    facts.push(...directory.lateFacts);
    return directory.shuffle?.(facts) ?? facts;
  };

  const reading = (facts: readonly Fact[], scope: Reading['scope'], signal: AbortSignal): Reading => {
    const { faults } = directory;
    const cursor = `${epoch}:${log.length}`;
    const counts = { users: people.size + (faults.miscount ?? 0), groups: groups.size };
    let end: ReadingEnd = { sealed: false, because: 'the reading was not read to its end' };
    async function* pages(): AsyncGenerator<Fact> {
      const size = directory.pageSize;
      for (let page = 0; page * size < facts.length; page++) {
        if (faults.stall === true) await aborted(signal);
        signal.throwIfAborted();
        if (page === faults.dieBefore)
          throw new Failure({ kind: 'retry' }, 'the connection was closed by the directory');
        if (page === faults.endAfter) {
          end = { sealed: false, because: 'the directory stopped at its size limit' };
          return;
        }
        if (page === faults.dropPage) continue;
        const times = page === faults.repeatPage ? 2 : 1;
        for (let i = 0; i < times; i++) yield* facts.slice(page * size, (page + 1) * size).map(garble);
      }
      if (faults.garbled?.includes('') === true) yield { type: 'unreadable', because: 'no id' };
      end = { sealed: true, cursor, ...(scope === 'full' && { counts }) };
    }
    return { scope, covers: directory.covers, facts: pages(), end: () => end };
  };

  const garble = (fact: Fact): Fact =>
    fact.type === 'person' && directory.faults.garbled?.includes(fact.person.id) === true
      ? { type: 'unreadable', id: fact.person.id, because: 'garbled' }
      : fact;

  return directory;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

const MINUTE = 60_000;

export const READING: ReadingSettings = {
  ttl: 5 * MINUTE,
  fullEvery: 360 * MINUTE,
  shrinkLimit: 0.1,
  canaries: [],
  maxStale: 24 * 60 * MINUTE,
};

export const opened = (directory: Directory, reading: Partial<ReadingSettings> = {}): OpenDirectory => ({
  directory,
  reading: { ...READING, ...reading },
});

const options = z.strictObject({ ...readingOptions, wrong: z.boolean().default(false) });

/** Makes `type: memory` known to settings, with these directories by id, until it is told to forget them. */
export function registerMemory(...directories: MemoryDirectory[]): () => void {
  const kind: DirectoryKind = {
    type: 'memory',
    about: 'a directory in memory',
    optionsSchema: z.toJSONSchema(options, { io: 'input' }),
    open: (settings) => {
      const directory = directories.find((d) => d.id === settings.id) ?? memoryDirectory(settings.id);
      return { directory, reading: readingSettings(options.parse(settings.options)) };
    },
  };
  directoryKinds.push(kind);
  return () => void directoryKinds.splice(directoryKinds.indexOf(kind), 1);
}
