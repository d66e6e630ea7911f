import type { Bounds, ExpressionInput } from '../model/rules.ts';

/** Where the clock stands against time bounds. */
export type Within =
  | { readonly state: 'in'; readonly until?: Date }
  /** Not yet. */
  | { readonly state: 'out'; readonly from: Date }
  | { readonly state: 'ended' }
  | Open;

interface Open {
  readonly state: 'open';
  readonly because: string;
}

/**
 * Is it time? One bound that is known to say no decides, whatever the other is. A bound that can't be told, or is
 * none, leaves it open: an empty date is not "for ever".
 */
export function within({ from, until }: Bounds, input: ExpressionInput): Within {
  const now = input.now.getTime();
  const begin = from?.evaluate(input);
  const end = until?.evaluate(input);
  if (begin !== undefined && 'value' in begin && begin.value.getTime() > now)
    return { state: 'out', from: begin.value };
  if (end !== undefined && 'value' in end && end.value.getTime() <= now) return { state: 'ended' };
  if (begin !== undefined && 'indeterminate' in begin)
    return { state: 'open', because: `from: ${begin.indeterminate}` };
  if (end !== undefined && 'indeterminate' in end) return { state: 'open', because: `until: ${end.indeterminate}` };
  return end === undefined ? { state: 'in' } : { state: 'in', until: end.value };
}
