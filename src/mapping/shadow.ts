import { itemRole } from '../model/accounts.ts';
import type { ShadowItem, TargetView } from '../model/planning.ts';
import type { Said } from './verdicts.ts';

/** What shadow rules would change: give what no live rule gives and none denies, deny what some live rule gives. */
export function shadowItems(shadow: Said, live: Said, targets: readonly TargetView[]): ShadowItem[] {
  if (shadow.claims.length === 0 && shadow.denials.length === 0) return [];
  const known = new Set(targets.map((target) => target.id));
  const given = live.claims.filter((c) => c.decided && known.has(c.target) && !isDenied(c, live));
  const found: ShadowItem[] = [];
  for (const claim of shadow.claims) {
    const { target, item, decided } = claim;
    const there = given.some((c) => c.target === target && (c.item === item || item === 'account'));
    if (!known.has(target) || there || isDenied(claim, live)) continue;
    found.push({ rule: claim.cause.rule, target, item, would: 'give', decided });
  }
  for (const { rule, target, matches, decided } of shadow.denials) {
    const hit = given.filter((c) => c.target === target && matches(itemRole(c.item) ?? ''));
    for (const item of new Set(hit.map((c) => c.item))) found.push({ rule, target, item, would: 'deny', decided });
  }
  return found.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

const key = (s: ShadowItem): string => `${s.target}\n${s.item}\n${s.rule}\n${s.would}`;

function isDenied({ target, item }: { target: string; item: string }, { denials }: Said): boolean {
  const role = item.startsWith('role:') ? item.slice('role:'.length) : undefined;
  return role !== undefined && denials.some((d) => d.decided && d.target === target && d.matches(role));
}
