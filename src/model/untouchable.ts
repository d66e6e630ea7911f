/** What no operation may touch at a target, leavers included: break-glass accounts and roles. */
export interface Untouchable {
  /** The target's own ids of accounts and roles. */
  readonly ids: readonly string[];
  /** `key`, or `key=value`: accounts that have such a tag. */
  readonly tags: readonly string[];
}

/** Is an account, or a role, one of these? */
export function isUntouchable(
  list: Untouchable | undefined,
  one: { readonly id: string; readonly tags?: readonly string[] | undefined },
): boolean {
  if (list === undefined) return false;
  if (list.ids.includes(one.id)) return true;
  return (one.tags ?? []).some((tag) => list.tags.includes(tag) || list.tags.includes(keyOf(tag)));
}

const keyOf = (tag: string): string => tag.split('=', 1)[0] ?? tag;
