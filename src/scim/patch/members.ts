import type { Filter } from '../../model/filter.ts';
import { badRequest } from '../errors.ts';
import { noNote, type Note } from '../irregular.ts';
import { isObject, isStorable } from '../values.ts';
import type { Operation } from './parse.ts';

/**
 * What a request does to a group's members, whatever they were: either ids to add and to remove (each id at most once),
 * or the whole list. Its size is that of the request, never that of the group.
 */
export type MemberChange =
  | { readonly type: 'delta'; readonly add: ReadonlySet<string>; readonly remove: ReadonlySet<string> }
  | { readonly type: 'set'; readonly members: ReadonlySet<string> };

export const isMembersOperation = (operation: Operation): boolean => operation.target.attribute?.name === 'members';

/** Folds operations on members into one change; undefined when they change nothing. */
export function memberChange(operations: readonly Operation[], note: Note = noNote): MemberChange | undefined {
  let whole = false;
  const add = new Set<string>();
  const remove = new Set<string>();
  const clear = (): void => {
    whole = true;
    add.clear();
    remove.clear();
  };
  for (const operation of operations) {
    const ids = idsOf(operation);
    const { op, target } = operation;
    if (op === 'remove' && ids !== 'all' && target.filter === undefined) note('remove-list');
    if (operation.op === 'replace' && operation.target.filter === undefined) clear();
    if (operation.op === 'remove' && ids === 'all') clear();
    else if (ids === 'all') continue;
    else for (const id of ids) move(id, operation.op === 'remove' ? [add, remove] : [remove, add]);
  }
  if (whole) return { type: 'set', members: add };
  return add.size + remove.size === 0 ? undefined : { type: 'delta', add, remove };
}

function move(id: string, [from, to]: readonly [Set<string>, Set<string>]): void {
  from.delete(id);
  to.add(id);
}

/** The members that one operation names; `all` for a remove that names none. */
function idsOf({ op, target, value }: Operation): readonly string[] | 'all' {
  if (target.sub !== undefined) {
    // Everything about a member but its id is filled in by the server: a client that sends it changes nothing.
    if (target.sub.name !== 'value' && op !== 'remove') return [];
    throw badRequest('mutability', `${target.path} can't be changed: add or remove the member.`);
  }
  if (target.filter !== undefined) return idsIn(target.filter, target.path);
  if (op === 'remove' && (value === undefined || value === null)) return 'all';
  return readMembers(value, target.path);
}

/** `members[value eq "a" or value eq "b"]`: other conditions would mean reading the whole group. */
function idsIn(filter: Filter, path: string): string[] {
  if (filter.type === 'compare' && filter.op === 'eq' && filter.attribute.path[0] === 'value') {
    return [String(filter.value)];
  }
  if (filter.type === 'or') return filter.filters.flatMap((f) => idsIn(f, path));
  throw badRequest('invalidFilter', `${path}: members are chosen by value eq "id" (joined by or) only.`);
}

/** Ids in a list of members as POST, PUT and PATCH carry it; null and [] are none. Throws 400 invalidValue. */
export function readMembers(value: unknown, path = 'members'): string[] {
  if (value === null || value === undefined) return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((member, i) => {
    if (member === null) return [];
    const id = isObject(member) ? Object.entries(member).find(([key]) => key.toLowerCase() === 'value')?.[1] : member;
    if (typeof id === 'string' && id !== '' && isStorable(id)) return [id];
    throw badRequest('invalidValue', `${path}[${i}].value has to be the id of a user or group.`);
  });
}
