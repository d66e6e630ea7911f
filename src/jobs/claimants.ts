import type { WantedLogin } from '../store/logins.ts';
import type { RivalsOf } from './rivals.ts';

/**
 * Who wants which login or alias, as far as everybody was looked at: for a plan of all in one pass. Whoever was planned before
 * a rival came along is in `contested` and has to be planned again, when all are known.
 */
export interface Claimants {
  /** Everybody so far. */
  readonly of: RivalsOf;
  readonly contested: ReadonlySet<string>;
  add(logins: readonly WantedLogin[]): void;
}

export function createClaimants(): Claimants {
  // Nearly every login is wanted by one person alone: a list for each would take twice the memory.
  const byKind = new Map<string, Map<string, string | string[]>>();
  const contested = new Set<string>();
  return {
    contested,
    of: ({ target, item, key }) => {
      const found = byKind.get(`${target}\n${item}`)?.get(key);
      return found === undefined ? [] : typeof found === 'string' ? [found] : found;
    },
    add: (logins) => {
      for (const { target, item, key, person } of logins) {
        const kind = `${target}\n${item}`;
        const keys = byKind.get(kind) ?? new Map<string, string | string[]>();
        byKind.set(kind, keys);
        const found = keys.get(key);
        if (found === undefined) {
          keys.set(key, person);
          continue;
        }
        const all = typeof found === 'string' ? [found, person] : [...found, person];
        keys.set(key, all);
        for (const one of all) contested.add(one);
      }
    },
  };
}
