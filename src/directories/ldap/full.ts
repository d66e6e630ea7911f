import type { Fact } from '../../model/facts.ts';
import { dnKey, splitExtendedDn } from './dn.ts';
import { type Mark, markOf, stampAttributes } from './marks.ts';
import { groupAttributes, type UnderstoodGroup, understandGroup } from './groups.ts';
import { memberFacts, type Names, partedFacts } from './members.ts';
import { anchorAttributes, anchorOf, personAttributes, understandPeople } from './person.ts';
import { PrimaryGroups } from './primary.ts';
import { scan, type Tally } from './scan.ts';
import type { Session } from './session.ts';
import type { Setup } from './setup.ts';
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

/** Facts that are handed on at a time, at least, where there are more. */
const BATCH = 1_000;

/**
 * Everything: first which groups there are, then people, then groups with their members. Of the directory no more is
 * held than a batch, and where members come by name alone, names and ids. Facts come in batches: one by one through
 * several generators would cost more than all else.
 */
export async function* fullFacts(context: FullContext, names: Names): AsyncGenerator<readonly Fact[]> {
  const { session, tally } = context;
  const primary = new PrimaryGroups();
  const expected = new Set<string>();
  const byName = excludesByName(session.setup);
  const few = [...anchorAttributes(session.setup), 'objectSid', ...(byName ? session.setup.groupName : [])];
  for await (const entries of groupsOf(context, few)) {
    for (const entry of entries) {
      const id = idOf(entry, session);
      // It comes again with everything, and is told of then.
      if (id === undefined) continue;
      expected.add(id);
      if (byName && understandGroup(entry, keyOf(entry, session), session.setup).what === 'outside') continue;
      primary.add(entry, session);
      if (!session.namesHaveIds) names.add(entry.dn, id);
    }
  }
  yield* peopleFacts(context, names, primary);
  const parted: Array<{ readonly group: Group; readonly dn: string }> = [];
  for await (const entries of groupsOf(context, [...groupAttributes(session.setup), ...stampAttributes(session)])) {
    let facts: Fact[] = [];
    for (const entry of entries) {
      const group = understandGroup(entry, byName ? keyOf(entry, session) : undefined, session.setup);
      if (group.id !== undefined) {
        markOf(context.mark, 'groups', entry, group.id);
        expected.delete(group.id);
      }
      if (group.what === 'unreadable') facts.push(unreadableFact(group));
      else if (group.what === 'outside') facts.push({ type: 'gone', id: group.id, evidence: 'scoped-out' });
      else {
        facts.push({ type: 'group', group: { id: group.id, displayName: group.name } });
        if (group.ranged) parted.push({ group: { ...group, members: [] }, dn: baseOf(entry, session, group.id) });
        else {
          for (const fact of memberFacts(session, group, names, tally)) {
            facts.push(fact);
            if (facts.length < BATCH) continue;
            yield facts;
            facts = [];
          }
        }
      }
    }
    yield facts;
  }
  if (expected.size > 0) tally.notWhole(`${expected.size} groups were there when the reading began and not at its end`);
  for (const { group, dn } of parted) yield* partedFacts(session, group, dn, names, tally, context.signal);
}

async function* peopleFacts(
  context: FullContext,
  names: Names,
  primary: PrimaryGroups,
): AsyncGenerator<readonly Fact[]> {
  const { session, tally, signal, now, mark } = context;
  const { setup, userBases, namesHaveIds } = session;
  const understand = understandPeople(setup, now);
  const byName = excludesByName(setup);
  const attributes = [...personAttributes(setup), ...stampAttributes(session)];
  for (const base of userBases) {
    const request = { base, filter: setup.userFilter, attributes, what: 'people' };
    for await (const entries of scan(session, request, tally, signal)) {
      const facts: Fact[] = [];
      for (const entry of entries) {
        const found = understand(entry, byName ? keyOf(entry, session) : undefined);
        const id = found.what === 'person' ? found.person.id : found.id;
        if (id !== undefined) {
          markOf(mark, 'users', entry, id);
          if (!namesHaveIds && found.what !== 'outside') names.add(entry.dn, id);
        }
        if (found.what === 'person') {
          const { person } = found;
          if (setup.memberUid)
            for (const uid of entry.values.get('uid') ?? []) names.byUid.set(uid.toString(), person.id);
          facts.push({ type: 'person', person });
          const group = primary.of(entry);
          if (group !== undefined) facts.push({ type: 'member', group, member: person.id });
        } else facts.push(found.what === 'outside' ? outsideFact(found) : unreadableFact(found));
      }
      yield facts;
    }
  }
}

/** The normal form of a name costs: it is made only where something is excluded by it. */
const excludesByName = ({ excludeOus, excludesGroups }: Setup): boolean => excludeOus.length > 0 || excludesGroups;

export const unreadableFact = ({ id, because }: { readonly id?: string; readonly because: string }): Fact => ({
  type: 'unreadable',
  because,
  ...(id === undefined ? {} : { id }),
});

/** Whoever is disabled besides is disabled: that counts at once, and leaving the filter has its grace. */
export const outsideFact = ({ id, disabled }: { readonly id: string; readonly disabled: boolean }): Fact =>
  disabled ? { type: 'disabled', id } : { type: 'gone', id, evidence: 'scoped-out' };

async function* groupsOf(
  { session, tally, signal }: FullContext,
  attributes: readonly string[],
): AsyncGenerator<readonly Entry[]> {
  for (const base of session.groupBases) {
    yield* scan(session, { base, filter: session.setup.groupFilter, attributes, what: 'groups' }, tally, signal);
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

/** What names the entry in a search for itself: in Active Directory its id, which a rename does not change. */
export const baseOf = (entry: Entry, session: Session, id: string): string =>
  session.setup.flavor === 'ad' ? `<GUID=${id}>` : splitExtendedDn(entry.dn).dn;
