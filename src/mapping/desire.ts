import type { Cause, Desired, DesiredItem, ItemKey } from '../model/accounts.ts';
import type { Person } from '../model/person.ts';
import type { Finding } from '../model/plan.ts';
import type { EndedItems, TargetView, Wanted } from '../model/planning.ts';
import type { RuleSet } from '../model/rules.ts';
import { candidates } from './index-rules.ts';
import { inputOf } from './input.ts';
import { evaluateProfile } from './profile.ts';
import { shadowItems } from './shadow.ts';
import { type Claim, type Denial, type Ended, verdicts } from './verdicts.ts';

/**
 * What the rules want for one person, by target. Pure: person, rules and clock in, items with their causes out.
 * Who has left, or is told of by no source any more, wants nothing; who is suspended still does, so that everything can be kept until they return.
 */
export function desire(person: Person, rules: RuleSet, targets: readonly TargetView[], now: Date): Wanted {
  const desired = new Map<string, Desired>();
  const undecided = new Map<string, ReadonlySet<ItemKey>>();
  if (person.life === 'left' || person.lapsed?.wholly === true) {
    return { desired, undecided, ended: new Map(), findings: [], shadow: [] };
  }
  const input = inputOf(person, now);
  const { claims, denials, findings: open, ended, next, shadow } = verdicts(person, candidates(person, rules), input);
  const findings: Finding[] = [...open];
  const outside = new Set<string>();
  for (const target of inOrder(targets)) {
    const scope = target.scope?.evaluate(input) ?? { value: true };
    if ('indeterminate' in scope) findings.push(openScope(person, target.id, scope.indeterminate));
    if (!('value' in scope && scope.value)) {
      outside.add(target.id);
      continue;
    }
    const at = settle(claims, denials, target.id);
    for (const item of at.clashes) findings.push(clash(person, target.id, item));
    if (at.items.size > 0) {
      const made = evaluateProfile(target.profile, input, target.can.requires);
      if ('profile' in made) {
        desired.set(target.id, { person: person.id, target: target.id, profile: made.profile, items: at.items });
      } else {
        for (const item of at.items.keys()) at.undecided.add(item);
        const lacking = made.lacks.map((l) => `${l.field} (${l.because})`).join(', ');
        findings.push({
          kind: 'profile-incomplete',
          person: person.id,
          target: target.id,
          object: 'account',
          message: `the account's profile lacks ${lacking}`,
          remedy: 'fill it at the source, or change the profile templates of the target',
        });
      }
    }
    if (at.undecided.size > 0) undecided.set(target.id, at.undecided);
  }
  return {
    desired,
    undecided,
    ended: byTarget(ended),
    ...(outside.size > 0 && { outside }),
    findings,
    shadow: shadowItems(shadow, { claims, denials }, targets),
    ...(next !== undefined && { next }),
  };
}

const openScope = (person: Person, target: string, because: string): Finding => ({
  kind: 'indeterminate',
  person: person.id,
  target,
  object: 'scope',
  message: `the scope of ${target} could not be decided: ${because}; nothing is given or taken there`,
  remedy: 'let the source deliver the attribute, or guard it with has()',
});

const byTarget = (ended: readonly Ended[]): Wanted['ended'] =>
  new Map([...Map.groupBy(ended, (e) => e.target)].map(([target, of]) => [target, byItem(of)]));

const byItem = (ended: readonly Ended[]): EndedItems =>
  new Map([...Map.groupBy(ended, (e) => e.item)].map(([item, of]) => [item, new Set(of.map((e) => e.rule))]));

interface Settled {
  readonly items: Map<ItemKey, DesiredItem>;
  readonly undecided: Set<ItemKey>;
  readonly clashes: readonly ItemKey[];
}

/** Puts together what the rules said for one target. Deny wins; what is open is neither given nor taken. */
function settle(claims: readonly Claim[], denials: readonly Denial[], target: string): Settled {
  const items = new Map<ItemKey, DesiredItem>();
  const undecided = new Set<ItemKey>();
  const clashes = new Set<ItemKey>();
  const mine = claims.filter((c) => c.target === target);
  for (const claim of mine) {
    const denial = denialOf(claim, denials);
    if (denial?.decided === true) continue;
    if (!claim.decided || denial !== undefined) {
      undecided.add(claim.item);
      continue;
    }
    const before = items.get(claim.item);
    if (before !== undefined && before.value !== claim.value) clashes.add(claim.item);
    items.set(claim.item, before === undefined ? first(claim) : joined(before, claim));
  }
  for (const item of clashes) {
    items.delete(item);
    undecided.add(item);
  }
  for (const item of items.keys()) undecided.delete(item);
  if (items.size > 0) {
    items.set('account', account(items));
    undecided.delete('account');
  } else if (undecided.size > 0) undecided.add('account');
  return { items: new Map([...items].toSorted(([a], [b]) => (a < b ? -1 : 1))), undecided, clashes: [...clashes] };
}

/** The strongest denial: a decided one before an open one. */
function denialOf(claim: Claim, denials: readonly Denial[]): Denial | undefined {
  const role = claim.item.startsWith('role:') ? claim.item.slice('role:'.length) : undefined;
  if (role === undefined) return undefined;
  const matching = denials.filter((d) => d.target === claim.target && d.matches(role));
  return matching.find((d) => d.decided) ?? matching[0];
}

const first = (claim: Claim): DesiredItem => ({
  causes: [claim.cause],
  ...(claim.until !== undefined && { until: claim.until }),
  ...(claim.protected && { protected: true }),
  ...(claim.value !== undefined && { value: claim.value }),
  ...(claim.follow === true && { follow: true }),
});

/** Two causes of one item: it lasts as long as the longer of them. */
function joined(item: DesiredItem, claim: Claim): DesiredItem {
  const until = item.until === undefined || claim.until === undefined ? undefined : later(item.until, claim.until);
  const { until: _, ...rest } = item;
  return {
    ...rest,
    causes: [...item.causes, claim.cause],
    ...(until !== undefined && { until }),
    ...((item.protected === true || claim.protected) && { protected: true }),
    ...((item.follow === true || claim.follow === true) && { follow: true }),
  };
}

const later = (a: Date, b: Date): Date => (a.getTime() >= b.getTime() ? a : b);

/** The account is wanted for whatever needs it. Nothing ends it by itself but the end of all that. */
function account(items: ReadonlyMap<ItemKey, DesiredItem>): DesiredItem {
  const byRule = new Map<string, Cause>();
  for (const item of items.values()) for (const cause of item.causes) byRule.set(cause.rule, cause);
  return { causes: [...byRule.values()].toSorted((a, b) => (a.rule < b.rule ? -1 : 1)) };
}

const clash = (person: Person, target: string, item: ItemKey): Finding => ({
  kind: 'indeterminate',
  person: person.id,
  target,
  object: item,
  message: 'rules want different user names for one alias set',
  remedy: 'let one rule give the alias',
});

const inOrder = (targets: readonly TargetView[]): TargetView[] => targets.toSorted((a, b) => (a.id < b.id ? -1 : 1));
