import type { Fact } from '../../model/facts.ts';
import type { UsnCursor } from './cursor.ts';
import { splitExtendedDn } from './dn.ts';
import { baseOf, type FullContext, keyOf, outsideFact, unreadableFact } from './full.ts';
import { groupAttributes, type UnderstoodGroup, understandGroup } from './groups.ts';
import { memberFacts, Names, partedFacts } from './members.ts';
import {
  anchorAttributes,
  anchorOf,
  isDisabled,
  personAttributes,
  statusAttributes,
  understandPeople,
} from './person.ts';
import { PrimaryMembers } from './primary-members.ts';
import { primarySid } from './primary.ts';
import { scan } from './scan.ts';
import type { Setup } from './setup.ts';
import { toFileTime, ValueError } from './values.ts';
import { type Entry, OID, searchAll } from './wire/index.ts';

const SHOW_DELETED = [{ oid: OID.showDeleted, critical: true }];

/** The container of what was deleted, wherever it lies (MS-ADTS 6.1.1.4.2). */
export const deletedObjects = (context: string): string => `<WKGUID=18e2ea80684f11d2b9aa00c04f79f805,${context}>`;

const since = (cursor: UsnCursor): string => `(uSNChanged>=${BigInt(cursor.usn) + 1n})`;

/** Why changes since this cursor can't be told; undefined when they can. */
export async function whyNotSince(context: FullContext, cursor: UsnCursor): Promise<string | undefined> {
  const { session, mark, signal } = context;
  if (mark.kind !== 'usn' || mark.invocationId !== cursor.invocationId)
    return 'another domain controller answers, or the same after a restore';
  if (mark.usn === '' || BigInt(mark.usn) < BigInt(cursor.usn)) return 'the counter of the domain controller went back';
  // A renamed unit gives everything below it another name, and marks none of it as changed.
  for (const base of domainsOf(context)) {
    const units = await searchAll(
      session.connection,
      {
        base,
        scope: 'sub',
        filter: `(&(objectClass=organizationalUnit)${since(cursor)})`,
        attributes: ['1.1'],
        pageSize: session.pageSize,
        controls: session.controls,
      },
      signal,
    );
    if (units.length > 0) return 'an organisational unit changed';
  }
  return undefined;
}

/** Where everything lies that might have come from inside or gone there. */
function domainsOf({ session }: FullContext): readonly string[] {
  const { dse, userBases, groupBases } = session;
  return dse.defaultNamingContext === undefined
    ? [...new Set([...userBases, ...groupBases])]
    : [dse.defaultNamingContext];
}

/**
 * What changed by Active Directory's own counter: people and groups inside, then what changed and is inside no more,
 * then what was deleted, then whose end date passed by itself.
 */
export async function* usnChanges(context: FullContext, cursor: UsnCursor): AsyncGenerator<Fact> {
  const inside = new Set<string>();
  const people = new PrimaryMembers(context);
  yield* changedPeople(context, `(&${context.session.setup.userFilter}${since(cursor)})`, inside, people);
  yield* changedGroups(context, cursor, inside, people);
  yield* leftScope(context, cursor, inside);
  yield* deleted(context, cursor);
  if (!context.session.setup.disabled.includes('accountExpires')) return;
  const window = `(accountExpires>=${toFileTime(new Date(cursor.at))})(accountExpires<=${toFileTime(context.now)})`;
  yield* changedPeople(context, `(&${context.session.setup.userFilter}${window})`, inside, people);
}

async function* changedPeople(
  context: FullContext,
  filter: string,
  inside: Set<string>,
  primary: PrimaryMembers,
): AsyncGenerator<Fact> {
  const { session, tally, signal, now } = context;
  const understand = understandPeople(session.setup, now);
  const sids = new Map<string, string>();
  for (const base of session.userBases) {
    for await (const entries of scan(
      session,
      { base, filter, attributes: personAttributes(session.setup), what: 'people' },
      tally,
      signal,
    )) {
      for (const entry of entries) {
        const found = understand(entry, keyOf(entry, session));
        if (found.what === 'person') {
          inside.add(found.person.id);
          yield { type: 'person', person: found.person };
          const sid = primarySid(entry);
          if (sid !== undefined) sids.set(found.person.id, sid.toString('hex'));
        } else if (found.what === 'outside') {
          inside.add(found.id);
          yield outsideFact(found);
        } else {
          if (found.id !== undefined) inside.add(found.id);
          yield unreadableFact(found);
        }
      }
    }
  }
  // One operation at a time: the search has to be over.
  for (const [member, sid] of sids) {
    const group = await primary.groupOf(sid);
    if (group !== undefined) yield { type: 'member', group, member };
  }
}

async function* changedGroups(
  context: FullContext,
  cursor: UsnCursor,
  inside: Set<string>,
  primary: PrimaryMembers,
): AsyncGenerator<Fact> {
  const { session, tally, signal } = context;
  const { setup } = session;
  const names = new Names();
  const later: Array<{ readonly group: Extract<UnderstoodGroup, { what: 'group' }>; readonly entry: Entry }> = [];
  for (const base of session.groupBases) {
    const request = {
      base,
      filter: `(&${setup.groupFilter}${since(cursor)})`,
      attributes: groupAttributes(setup),
      what: 'groups',
    };
    for await (const entries of scan(session, request, tally, signal)) {
      for (const entry of entries) {
        const group = understandGroup(entry, keyOf(entry, session), setup);
        if (group.id !== undefined) inside.add(group.id);
        if (group.what === 'unreadable') yield unreadableFact(group);
        else if (group.what === 'outside') yield { type: 'gone', id: group.id, evidence: 'scoped-out' };
        else {
          yield { type: 'group', group: { id: group.id, displayName: group.name } };
          if (!group.ranged) yield* memberFacts(session, group, names, tally);
          later.push({ group, entry });
        }
      }
    }
  }
  for (const { group, entry } of later) {
    if (group.ranged) {
      const dn = baseOf(entry, session, group.id);
      for await (const facts of partedFacts(session, { ...group, members: [] }, dn, names, tally, signal)) yield* facts;
    }
    // The list was said to be whole: those who are in it by their number belong to it.
    yield* primary.membersOf(group.id, entry);
  }
}

/** Computers are users to the schema, and change all the time: they are looked at only where the settings may mean them. */
const peopleAndGroups = ({ userFilter, kind }: Setup): string =>
  userFilter === kind.userFilter
    ? '(|(&(objectClass=user)(!(objectClass=computer)))(objectClass=group))'
    : '(|(objectClass=user)(objectClass=group))';

/**
 * What changed in the whole domain and was not found inside: it left the filter or the base. Only up to where the reading
 * began: what changed since may have come in or gone out meanwhile, and is for the next one.
 */
async function* leftScope(context: FullContext, cursor: UsnCursor, inside: ReadonlySet<string>): AsyncGenerator<Fact> {
  const { session, tally, signal, mark, now } = context;
  const until = mark.kind === 'usn' ? `(uSNChanged<=${mark.usn})` : '';
  const filter = `(&${since(cursor)}${until}${peopleAndGroups(session.setup)})`;
  for (const base of domainsOf(context)) {
    const request = { base, filter, attributes: statusAttributes(session.setup), what: 'changed entries' };
    for await (const entries of scan(session, request, tally, signal)) {
      for (const entry of entries) {
        try {
          const id = anchorOf(entry, session.setup);
          if (inside.has(id)) continue;
          const group =
            entry.values.get('objectclass')?.some((value) => value.toString().toLowerCase() === 'group') === true;
          yield outsideFact({ id, disabled: !group && isDisabled(entry, session.setup, now) });
        } catch (error) {
          // What is not ours anyway may be unreadable.
          if (!(error instanceof ValueError)) throw error;
        }
      }
    }
  }
}

/** Tombstones, and with the recycle bin whole entries: the directory's own word. Ordinary accounts may not see them. */
async function* deleted(context: FullContext, cursor: UsnCursor): AsyncGenerator<Fact> {
  const { session, tally, signal } = context;
  for (const domain of domainsOf(context)) {
    const request = {
      base: deletedObjects(splitExtendedDn(domain).dn),
      filter: `(&(isDeleted=TRUE)${since(cursor)}${peopleAndGroups(session.setup)})`,
      attributes: anchorAttributes(session.setup),
      controls: SHOW_DELETED,
      missing: true,
      what: 'deleted entries',
    };
    for await (const entries of scan(session, request, tally, signal)) {
      for (const entry of entries) yield { type: 'gone', id: anchorOf(entry, session.setup), evidence: 'explicit' };
    }
  }
}
