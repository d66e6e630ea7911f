import { isExcludedOu, anchorAttributes, anchorOf } from './person.ts';
import type { Setup } from './setup.ts';
import { splitExtendedDn } from './dn.ts';
import { byCode, textOf, ValueError } from './values.ts';
import type { Entry } from './wire/index.ts';

/** A group as it was found, without what its members are to us. */
export type UnderstoodGroup =
  | {
      readonly what: 'group';
      readonly id: string;
      readonly name: string;
      readonly members: readonly Buffer[];
      readonly uids: readonly Buffer[];
      readonly ranged: boolean;
    }
  | { readonly what: 'outside'; readonly id: string }
  | { readonly what: 'unreadable'; readonly id?: string; readonly because: string };

export const groupAttributes = (setup: Setup): string[] => [
  ...new Set([
    ...anchorAttributes(setup),
    ...setup.groupName,
    ...setup.member,
    ...(setup.memberUid ? ['memberUid'] : []),
    ...(setup.flavor === 'ad' ? ['objectSid'] : []),
  ]),
];

/** `member;range=0-1499`: the server gives the list in parts (MS-ADTS 3.1.1.3.1.3.3). */
const RANGE = /^([^;]+);range=(\d+)-(\d+|\*)$/;

export function understandGroup(entry: Entry, key: string | undefined, setup: Setup): UnderstoodGroup {
  let id: string | undefined;
  try {
    id = anchorOf(entry, setup);
    const name = groupNameOf(entry, setup);
    if (isExcludedOu(key, setup) || setup.isExcludedGroup(name, key ?? '')) return { what: 'outside', id };
    const members = setup.member.flatMap((attribute) => entry.values.get(attribute.toLowerCase()) ?? []);
    const uids = setup.memberUid ? (entry.values.get('memberuid') ?? []) : [];
    return {
      what: 'group',
      id,
      name,
      members,
      uids,
      ranged: [...entry.values.keys()].some((attribute) => RANGE.test(attribute)),
    };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return { what: 'unreadable', because: error.message, ...(id === undefined ? {} : { id }) };
  }
}

function groupNameOf(entry: Entry, { groupName }: Setup): string {
  for (const attribute of groupName) {
    const texts = (entry.values.get(attribute.toLowerCase()) ?? [])
      .map((value) => textOf(value, attribute))
      .filter((text) => text !== '');
    const [first] = texts.toSorted(byCode);
    if (first !== undefined) return first;
  }
  throw new ValueError(`it has no ${groupName.join(', and no ')}`);
}

/** The part of a list that an entry holds: the values, where it begins, and whether it is the last. */
export interface Part {
  readonly values: readonly Buffer[];
  readonly from: number;
  readonly last: boolean;
}

/** Undefined: the entry has neither the attribute nor a part of it. An empty `member` beside a part means nothing. */
export function partOf(entry: Entry, attribute: string): Part | undefined {
  const name = attribute.toLowerCase();
  for (const [found, values] of entry.values) {
    const [, of, from, to] = RANGE.exec(found) ?? [];
    if (of === name) return { values, from: Number(from), last: to === '*' };
  }
  const values = entry.values.get(name);
  return values === undefined ? undefined : { values, from: 0, last: true };
}

/** Names of accounts of other forests stand in a container of their own (MS-ADTS 6.1.1.4.10). */
export const isForeign = (dn: string): boolean => /,CN=ForeignSecurityPrincipals,/i.test(dn);

/** With the recycle bin a group goes on naming who was deleted. */
export const isDeleted = (dn: string): boolean => /\\0ADEL:/i.test(dn);

export const memberName = (value: Buffer): ReturnType<typeof splitExtendedDn> =>
  splitExtendedDn(textOf(value, 'a member'));
