import type { Fact } from '../../model/facts.ts';
import { dnKey } from './dn.ts';
import { Mixer, type StampedCursor } from './cursor.ts';
import { type FullContext, keyOf, outsideFact, unreadableFact } from './full.ts';
import { groupAttributes, understandGroup } from './groups.ts';
import { markOf, sameDigest, stampAttributes } from './marks.ts';
import { memberFacts, Names } from './members.ts';
import { anchorAttributes, anchorOf, personAttributes, understandPeople } from './person.ts';
import { scan } from './scan.ts';
import type { Session } from './session.ts';
import { generalizedTimeOf, toGeneralizedTime, ValueError } from './values.ts';
import { type Entry, filterValue, searchAll } from './wire/index.ts';

/** Times have seconds, and writes may take one: what is that near to the last time is read again. Milliseconds. */
const OVERLAP = 5_000;

/** What is newer than these. */
type Since = Pick<StampedCursor, 'kind'> & { readonly stamps: readonly string[] };

/** A change number: time, counter, server, part of an operation (draft-ietf-ldup-model). */
const CSN = /^(\d{14}\.\d{6}Z)#[0-9a-f]{6}#([0-9a-f]{3})#[0-9a-f]{6}$/;

const serverOf = (csn: string): string => CSN.exec(csn)?.[2] ?? '';

/** Filter, and a finer look at what it gives, for what changed since the cursor. */
export function changedSince(cursor: Since): {
  readonly filter: string;
  readonly attribute: string;
  readonly isNew: (entry: Entry) => boolean;
} {
  if (cursor.kind === 'time') {
    const from = toGeneralizedTime(new Date(generalizedTimeOf(cursor.stamps[0] as string).getTime() - OVERLAP));
    return { filter: `(modifyTimestamp>=${from})`, attribute: 'modifyTimestamp', isNew: () => true };
  }
  const byServer = new Map(cursor.stamps.map((csn) => [serverOf(csn), csn]));
  const oldest = cursor.stamps.toSorted()[0] as string;
  return {
    filter: `(entryCSN>=${oldest})`,
    attribute: 'entryCSN',
    isNew: (entry) => {
      const csn = entry.values.get('entrycsn')?.[0]?.toString() ?? '';
      const known = byServer.get(serverOf(csn));
      return known === undefined || csn > known;
    },
  };
}

/** The ids that are there now, by name, and what they come to. */
export interface Sweep {
  readonly names: Names;
  /**
   * The names of those that were made about when the cursor was, and not seen then: new ones, or some that were there and
   * came in by a change of their own. Of the latter no group says that they are its members.
   */
  readonly entered: ReadonlyMap<string, string>;
}

/** With more of these everything is read. */
const MOST_ENTERED = 100;

/**
 * May the changes since this cursor be told as such? Looks over all ids: these servers keep no tombstones, and tell
 * nothing of who leaves the filter or comes into it by a change of their own. Gives why not, or the ids.
 */
export async function sweepSince(context: FullContext, cursor: StampedCursor): Promise<Sweep | string> {
  const { session, mark, signal, tally } = context;
  if (mark.kind === 'usn' || mark.kind !== cursor.kind) return 'the server keeps other change numbers than it did';
  if (mark.kind === 'csn' && wentBack(cursor.stamps, mark.csns)) return 'the change numbers of the server went back';
  if (await treeChanged(session, cursor, signal)) return 'an organisational unit changed';
  const names = new Names();
  const entered = new Map<string, string>();
  const second = cursor.kind === 'csn' ? cursor.before : (cursor.stamps[0] as string).slice(0, 14);
  const before = { users: new Mixer(), groups: new Mixer() };
  const fresh = new Set(cursor.fresh);
  const { setup } = session;
  const attributes = [...anchorAttributes(setup), ...stampAttributes(session), ...(setup.memberUid ? ['uid'] : [])];
  for (const what of ['groups', 'users'] as const) {
    const filter = what === 'users' ? setup.userFilter : setup.groupFilter;
    for (const base of what === 'users' ? session.userBases : session.groupBases) {
      for await (const entries of scan(session, { base, filter, attributes, what }, tally, signal)) {
        for (const entry of entries) {
          const id = tryAnchor(entry, session);
          if (id === undefined) continue;
          markOf(mark, what, entry, id);
          const created = createdAt(entry);
          if (created < cursor.before) before[what].add(id);
          else if (!fresh.delete(id) && created <= second) entered.set(id, entry.dn);
          names.add(entry.dn, id);
          if (setup.memberUid && what === 'users')
            for (const uid of entry.values.get('uid') ?? []) names.byUid.set(uid.toString(), id);
        }
      }
    }
  }
  const same = sameDigest(before.users.digest(), cursor.users) && sameDigest(before.groups.digest(), cursor.groups);
  if (!same || fresh.size > 0) return 'somebody went, or came in by a change';
  return entered.size > MOST_ENTERED ? 'many came at once' : { names, entered };
}

const createdAt = (entry: Entry): string => entry.values.get('createtimestamp')?.[0]?.toString().slice(0, 14) ?? '';

/** A server was set up anew from an older copy. */
function wentBack(before: readonly string[], now: readonly string[]): boolean {
  const byServer = new Map(now.map((csn) => [serverOf(csn), csn]));
  return before.some((csn) => (byServer.get(serverOf(csn)) ?? '') < csn);
}

/** A renamed unit gives everything below it another name, and marks none of it as changed. */
async function treeChanged(session: Session, cursor: Since, signal: AbortSignal): Promise<boolean> {
  const { filter, attribute, isNew } = changedSince(cursor);
  for (const base of new Set([...session.userBases, ...session.groupBases])) {
    const units = await searchAll(
      session.connection,
      {
        base,
        scope: 'sub',
        filter: `(&(objectClass=organizationalUnit)${filter})`,
        attributes: [attribute],
        pageSize: session.pageSize,
        controls: session.controls,
      },
      signal,
    );
    // In the seconds that are read again a unit may well be one that was seen already.
    if (cursor.kind === 'csn' && units.some(isNew)) return true;
    if (
      cursor.kind === 'time' &&
      units.some((unit) => (unit.values.get('modifytimestamp')?.[0]?.toString() ?? '') > (cursor.stamps[0] as string))
    )
      return true;
  }
  return false;
}

function tryAnchor(entry: Entry, session: Session): string | undefined {
  try {
    return anchorOf(entry, session.setup);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}

/** What changed, by the change numbers or times of the server. */
export async function* stampedChanges(
  context: FullContext,
  cursor: StampedCursor,
  { names, entered }: Sweep,
): AsyncGenerator<Fact> {
  const { session, tally, signal, now } = context;
  const { setup } = session;
  const { filter, attribute, isNew } = changedSince(cursor);
  const understand = understandPeople(setup, now);
  const changed = async function* (what: 'people' | 'groups'): AsyncGenerator<Entry> {
    const people = what === 'people';
    const request = {
      filter: `(&${people ? setup.userFilter : setup.groupFilter}${filter})`,
      attributes: [...(people ? personAttributes(setup) : groupAttributes(setup)), attribute],
      what,
    };
    for (const base of people ? session.userBases : session.groupBases) {
      for await (const entries of scan(session, { base, ...request }, tally, signal)) yield* entries.filter(isNew);
    }
  };
  for await (const entry of changed('people')) {
    const found = understand(entry, keyOf(entry, session));
    if (found.what === 'person') yield { type: 'person', person: found.person };
    else if (found.what === 'outside') yield outsideFact(found);
    else yield unreadableFact(found);
  }
  for await (const entry of changed('groups')) {
    const group = understandGroup(entry, keyOf(entry, session), setup);
    if (group.what === 'unreadable') yield unreadableFact(group);
    else if (group.what === 'outside') yield { type: 'gone', id: group.id, evidence: 'scoped-out' };
    else {
      yield { type: 'group', group: { id: group.id, displayName: group.name } };
      yield* memberFacts(session, group, names, tally);
    }
  }
  for (const [member, dn] of entered) yield* membershipsOf(context, member, dn);
}

/** The groups that name an entry as a member. */
async function* membershipsOf(
  { session, tally, signal }: FullContext,
  member: string,
  dn: string,
): AsyncGenerator<Fact> {
  const { setup } = session;
  const names = setup.member.map((attribute) => `(${attribute}=${filterValue(dn)})`).join('');
  const filter = `(&${setup.groupFilter}(|${names}))`;
  for (const base of session.groupBases) {
    for await (const entries of scan(
      session,
      { base, filter, attributes: groupAttributes(setup).filter((a) => !setup.member.includes(a)), what: 'groups' },
      tally,
      signal,
    )) {
      for (const entry of entries) {
        const group = understandGroup(entry, keyOf(entry, session), setup);
        if (group.what === 'group') yield { type: 'member', group: group.id, member };
      }
    }
  }
}

/**
 * While everything was read, was anything renamed? Then members that were told by the old name were not found. Only for
 * servers that tell no ids along with names.
 */
export async function renamedMeanwhile(context: FullContext, names: Names): Promise<boolean> {
  const { session, mark, tally, signal } = context;
  if (mark.kind !== 'csn') return false;
  const since = { kind: 'csn', stamps: mark.csns } as const;
  if (await treeChanged(session, since, signal)) return true;
  const { filter, attribute, isNew } = changedSince(since);
  const moved = new Map<string, string>();
  for (const base of new Set([...session.userBases, ...session.groupBases])) {
    const request = {
      base,
      filter,
      attributes: [...anchorAttributes(session.setup), attribute],
      what: 'latest changes',
    };
    for await (const entries of scan(session, request, tally, signal)) {
      for (const entry of entries.filter(isNew)) {
        const [id, key] = [tryAnchor(entry, session), keyOf(entry, session)];
        if (id !== undefined && key !== undefined) moved.set(id, key);
      }
    }
  }
  if (moved.size === 0) return false;
  for (const [dn, id] of names) {
    const now = moved.get(id);
    if (now !== undefined && now !== dnKey(dn)) return true;
  }
  return false;
}
