import type { Fact } from '../../model/facts.ts';
import { dnKey, splitExtendedDn } from './dn.ts';
import { type Mark, markOf, stampAttributes } from './marks.ts';
import { groupAttributes, type UnderstoodGroup, understandGroup } from './groups.ts';
import { memberFacts, type Names, partedFacts } from './members.ts';
import { anchorAttributes, anchorOf, personAttributes, understandPeople } from './person.ts';
import { PrimaryGroups } from './primary.ts';
import { scan, type Tally } from './scan.ts';
import type { Session } from './session.ts';
import { ValueError } from './values.ts';
import type { Entry } from './wire/index.ts';

export interface FullContext {
  readonly session: Session;
  readonly tally: Tally;
  readonly now: Date;
  readonly signal: AbortSignal;
  /** Notes what the next reading of changes starts from. */
  readonly mark: Mark;
}

type Group = Extract<UnderstoodGroup, { what: 'group' }>;

/** The name of an entry in normal form, without what the extended DN control puts before it. */
export const keyOf = (entry: Entry, session: Session): string | undefined =>
  dnKey(session.namesHaveIds ? splitExtendedDn(entry.dn).dn : entry.dn);

/**
 * Everything: first which groups there are, then people, then groups with their members. Of the directory no more is
 * held than a batch, and where members come by name alone, names and ids.
 */
export async function* fullFacts(context: FullContext, names: Names): AsyncGenerator<Fact> {
  const { session, tally } = context;
  const primary = new PrimaryGroups();
  const expected = new Set<string>();
  for await (const entry of groupsOf(context, [...anchorAttributes(session.setup), 'objectSid'])) {
    const id = idOf(entry, session);
    // It comes again with everything, and is told of then.
    if (id === undefined) continue;
    expected.add(id);
    primary.add(entry, session);
    addName(names, entry, id, session);
  }
  yield* peopleFacts(context, names, primary);
  const parted: Array<{ readonly group: Group; readonly dn: string }> = [];
  for await (const entry of groupsOf(context, [...groupAttributes(session.setup), ...stampAttributes(session)])) {
    const key = keyOf(entry, session);
    const group = understandGroup(entry, key, session.setup);
    if (group.id !== undefined) {
      markOf(context.mark, 'groups', entry, group.id);
      expected.delete(group.id);
    }
    if (group.what === 'unreadable')
      yield { type: 'unreadable', because: group.because, ...(group.id === undefined ? {} : { id: group.id }) };
    else if (group.what === 'outside') yield { type: 'gone', id: group.id, evidence: 'scoped-out' };
    else {
      yield { type: 'group', group: { id: group.id, displayName: group.name } };
      if (group.ranged) parted.push({ group: { ...group, members: [] }, dn: baseOf(entry, session, group.id) });
      else yield* memberFacts(session, group, names, tally);
    }
  }
  if (expected.size > 0) tally.notWhole(`${expected.size} groups were there when the reading began and not at its end`);
  for (const { group, dn } of parted) yield* partedFacts(session, group, dn, names, tally, context.signal);
}

async function* peopleFacts(context: FullContext, names: Names, primary: PrimaryGroups): AsyncGenerator<Fact> {
  const { session, tally, signal, now, mark } = context;
  const { setup, userBases } = session;
  const understand = understandPeople(setup, now);
  const attributes = [...personAttributes(setup), ...stampAttributes(session)];
  for (const base of userBases) {
    for await (const entries of scan(
      session,
      { base, filter: setup.userFilter, attributes, what: 'people' },
      tally,
      signal,
    )) {
      for (const entry of entries) {
        const key = keyOf(entry, session);
        const found = understand(entry, key);
        if (found.what === 'person') {
          const { person } = found;
          markOf(mark, 'users', entry, person.id);
          if (!session.namesHaveIds && key !== undefined) names.byKey.set(key, person.id);
          if (setup.memberUid)
            for (const uid of entry.values.get('uid') ?? []) names.byUid.set(uid.toString(), person.id);
          yield { type: 'person', person };
          const group = primary.of(entry);
          if (group !== undefined) yield { type: 'member', group, member: person.id };
        } else if (found.what === 'outside') {
          markOf(mark, 'users', entry, found.id);
          yield outsideFact(found);
        } else {
          if (found.id !== undefined) {
            markOf(mark, 'users', entry, found.id);
            if (key !== undefined && !session.namesHaveIds) names.byKey.set(key, found.id);
          }
          yield { type: 'unreadable', because: found.because, ...(found.id === undefined ? {} : { id: found.id }) };
        }
      }
    }
  }
}

/** Whoever is disabled besides is disabled: that counts at once, and leaving the filter has its grace. */
export const outsideFact = ({ id, disabled }: { readonly id: string; readonly disabled: boolean }): Fact =>
  disabled ? { type: 'disabled', id } : { type: 'gone', id, evidence: 'scoped-out' };

async function* groupsOf(
  { session, tally, signal }: FullContext,
  attributes: readonly string[],
): AsyncGenerator<Entry> {
  for (const base of session.groupBases) {
    const request = { base, filter: session.setup.groupFilter, attributes, what: 'groups' };
    for await (const entries of scan(session, request, tally, signal)) yield* entries;
  }
}

function idOf(entry: Entry, session: Session): string | undefined {
  try {
    return anchorOf(entry, session.setup);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}

function addName(names: Names, entry: Entry, id: string, session: Session): void {
  const key = session.namesHaveIds ? undefined : keyOf(entry, session);
  if (key !== undefined) names.byKey.set(key, id);
}

/** What names the entry in a search for itself: in Active Directory its id, which a rename does not change. */
export const baseOf = (entry: Entry, session: Session, id: string): string =>
  session.setup.flavor === 'ad' ? `<GUID=${id}>` : splitExtendedDn(entry.dn).dn;
