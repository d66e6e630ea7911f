import { directoryContract } from '../contracts/directory.ts';
import { Failure } from '../../src/model/failure.ts';
import { memoryDirectory, type MemoryDirectory } from './memory-directory.ts';

let last = 0;

directoryContract('memory', async () => {
  const directory = memoryDirectory();
  const refusing = (failure: Failure): MemoryDirectory => {
    const other = memoryDirectory();
    other.faults = { refuse: failure };
    return other;
  };
  const next = (name: string): string => `${name}-${(last += 1)}`;
  return {
    directory,
    otherScope: () => Object.assign(memoryDirectory(), { scope: 'a part' }),
    secret: 'hush',
    wrong: {
      unreachable: () => refusing(new Failure({ kind: 'retry' }, 'nobody answers', { remedy: 'Start it.' })),
      secret: () => refusing(new Failure({ kind: 'broken' }, 'the secret is wrong', { remedy: 'Correct it.' })),
    },
    addPerson: async (name, more) => directory.person(next(name), more).id,
    disable: async (id) => void directory.person(id, { active: false }),
    rename: async (id, name) => void directory.person(id, { userName: `${name}@example.com`, displayName: name }),
    removePerson: async (id) => directory.remove(id),
    addGroup: async (name, members) => {
      const id = next(name);
      directory.group(id, ...members);
      directory.nameGroup(id, name);
      return id;
    },
    join: async (group, member) => directory.join(group, member),
    part: async (group, member) => directory.part(group, member),
    tellsRemoval: 'explicit',
    tellsParting: 'notMember',
    loseCursors: async () => directory.forgetCursors(),
    breaks: {
      connection: () => void (directory.faults = { dieBefore: 1 }),
      limit: () => void (directory.faults = { endAfter: 1 }),
      silence: () => void (directory.faults = { stall: true }),
      entry: async (id) => void (directory.faults = { garbled: [id] }),
    },
    close: () => directory.close(),
  };
});
