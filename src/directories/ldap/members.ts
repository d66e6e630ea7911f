import type { Fact } from '../../model/facts.ts';
import { dnKey } from './dn.ts';
import { PLACEHOLDER } from './flavors.ts';
import { isDeleted, isForeign, memberName, type UnderstoodGroup } from './groups.ts';
import { wholeList } from './ranges.ts';
import type { Tally } from './scan.ts';
import type { Session } from './session.ts';
import { textOf, ValueError } from './values.ts';

/**
 * Whose name is whose: ids by distinguished names, and by user names where groups have those. Needed only where the server
 * does not tell ids along with names. Mostly a member is spelled as the server spells the entry; only if one is not, all
 * names are brought into their normal form.
 */
export class Names {
  readonly byUid = new Map<string, string>();
  readonly #asSpelled = new Map<string, string>();
  #byKey: Map<string, string> | undefined;

  add(dn: string, id: string): void {
    this.#asSpelled.set(dn, id);
    const key = this.#byKey === undefined ? undefined : dnKey(dn);
    if (key !== undefined) this.#byKey?.set(key, id);
  }

  /** Undefined for a stranger. Throws ValueError for what is no name. */
  idOf(dn: string): string | undefined {
    const known = this.#asSpelled.get(dn);
    if (known !== undefined) return known;
    const key = dnKey(dn);
    if (key === undefined) throw new ValueError('a member with a name that is none');
    this.#byKey ??= new Map([...this.#asSpelled].map(([name, id]) => [dnKey(name) ?? name, id]));
    return this.#byKey.get(key);
  }

  [Symbol.iterator](): IterableIterator<readonly [dn: string, id: string]> {
    return this.#asSpelled.entries();
  }
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
  if (session.setup.flavor !== 'ad') return idByName(textOf(value, 'a member'), names, tally);
  const { guid, dn } = memberName(value);
  if (isDeleted(dn)) return undefined;
  if (isForeign(dn)) {
    tally.note(FOREIGN);
    return undefined;
  }
  // Whoever is not among those that are read waits in the store, and joins when they are.
  return session.namesHaveIds && guid !== undefined ? guid : idByName(dn, names, tally);
}

function idByName(dn: string, names: Names, tally: Tally): string | undefined {
  const id = names.idOf(dn);
  if (id === undefined && !PLACEHOLDER.test(dn)) tally.note(UNKNOWN);
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
): AsyncGenerator<readonly Fact[]> {
  const members: Buffer[] = [];
  for (const attribute of session.setup.member) {
    const values = await wholeList(session, dn, attribute, signal);
    if (values === undefined) {
      tally.notWhole(`the group ${group.name} changed again and again while its members were read in parts`);
      return;
    }
    for (const value of values) members.push(value);
  }
  yield [...memberFacts(session, { ...group, members }, names, tally)];
}
