import type { Fact } from '../../model/facts.ts';
import { dnKey } from './dn.ts';
import { PLACEHOLDER } from './flavors.ts';
import { isDeleted, isForeign, memberName, type UnderstoodGroup } from './groups.ts';
import { wholeList } from './ranges.ts';
import type { Tally } from './scan.ts';
import type { Session } from './session.ts';
import { ValueError } from './values.ts';

/**
 * Whose name is whose: ids by distinguished names in normal form, and by user names where groups have those. Needed only
 * where the server does not tell ids along with names.
 */
export class Names {
  readonly byKey = new Map<string, string>();
  readonly byUid = new Map<string, string>();
}

export const FOREIGN =
  'members of groups come from another forest (foreignSecurityPrincipals) and are left out: read that forest as a source of its own';
const UNKNOWN = 'members of groups are not among the people and groups that are read';

type Group = Extract<UnderstoodGroup, { what: 'group' }>;

/** A group's members as facts, and that the list is whole. `list` without its parts: see `partedFacts`. */
export function* memberFacts(session: Session, group: Group, names: Names, tally: Tally): Generator<Fact> {
  let whole = true;
  for (const value of group.members) {
    try {
      const id = memberId(session, value, names, tally);
      if (id !== undefined) yield { type: 'member', group: group.id, member: id };
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      whole = false;
    }
  }
  for (const value of group.uids) {
    const id = names.byUid.get(value.toString());
    if (id === undefined) tally.note(UNKNOWN);
    else yield { type: 'member', group: group.id, member: id };
  }
  if (whole) yield { type: 'wholeGroup', group: group.id };
  else tally.note('groups have members whose names can not be read: nobody is taken out of these');
}

function memberId(session: Session, value: Buffer, names: Names, tally: Tally): string | undefined {
  const { guid, dn } = memberName(value);
  if (session.setup.flavor === 'ad' && isDeleted(dn)) return undefined;
  if (session.namesHaveIds) {
    if (isForeign(dn)) {
      tally.note(FOREIGN);
      return undefined;
    }
    // Whoever is not among those that are read waits in the store, and joins when they are.
    if (guid !== undefined) return guid;
  }
  const key = dnKey(dn);
  if (key === undefined) throw new ValueError('a member with a name that is none');
  const id = names.byKey.get(key);
  if (id === undefined && !PLACEHOLDER.test(key)) tally.note(isForeign(dn) ? FOREIGN : UNKNOWN);
  return id;
}

/** Of a group whose list comes in parts. `dn` is its name now. */
export async function* partedFacts(
  session: Session,
  group: Group,
  dn: string,
  names: Names,
  tally: Tally,
  signal: AbortSignal,
): AsyncGenerator<Fact> {
  const members: Buffer[] = [];
  for (const attribute of session.setup.member) {
    const values = await wholeList(session, dn, attribute, signal);
    if (values === undefined) {
      tally.notWhole(`the group ${group.name} changed again and again while its members were read in parts`);
      return;
    }
    members.push(...values);
  }
  yield* memberFacts(session, { ...group, members }, names, tally);
}
