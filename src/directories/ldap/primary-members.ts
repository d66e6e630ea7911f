import type { Fact } from '../../model/facts.ts';
import { type FullContext, keyOf } from './full.ts';
import { groupAttributes, understandGroup } from './groups.ts';
import { personAttributes, understandPeople } from './person.ts';
import { primarySid } from './primary.ts';
import { scan } from './scan.ts';
import { type Entry, filterValue, searchAll } from './wire/index.ts';

/** Primary groups are looked up one by one: among changes there are few. */
export class PrimaryMembers {
  readonly #context: FullContext;
  readonly #bySid = new Map<string, string | undefined>();

  constructor(context: FullContext) {
    this.#context = context;
  }

  /** Of the group with this identifier, in hexadecimal. */
  async groupOf(sid: string): Promise<string | undefined> {
    if (!this.#bySid.has(sid)) this.#bySid.set(sid, await this.#find(Buffer.from(sid, 'hex')));
    return this.#bySid.get(sid);
  }

  async #find(sid: Buffer): Promise<string | undefined> {
    const { session, signal } = this.#context;
    const { setup, connection, groupBases, controls } = session;
    for (const base of groupBases) {
      const filter = `(&${setup.groupFilter}(objectSid=${filterValue(sid)}))`;
      const [entry] = await searchAll(
        connection,
        {
          base,
          scope: 'sub',
          filter,
          attributes: [...groupAttributes(setup)].filter((a) => !setup.member.includes(a)),
          controls,
        },
        signal,
      );
      const group = entry === undefined ? undefined : understandGroup(entry, keyOf(entry, session), setup);
      if (group?.what === 'group') return group.id;
    }
    return undefined;
  }

  async *membersOf(group: string, entry: Entry): AsyncGenerator<Fact> {
    const { session, tally, signal, now } = this.#context;
    const [sid] = entry.values.get('objectsid') ?? [];
    if (sid === undefined) return;
    const filter = `(&${session.setup.userFilter}(primaryGroupID=${sid.readUInt32LE(sid.length - 4)}))`;
    const understand = understandPeople(session.setup, now);
    for (const base of session.userBases) {
      for await (const entries of scan(
        session,
        { base, filter, attributes: personAttributes(session.setup), what: 'members by primary group' },
        tally,
        signal,
      )) {
        for (const one of entries) {
          const found = understand(one, keyOf(one, session));
          if (found.what === 'person' && primarySid(one)?.equals(sid) === true)
            yield { type: 'member', group, member: found.person.id };
        }
      }
    }
  }
}
