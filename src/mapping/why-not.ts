import type { Person } from '../model/person.ts';
import type {
  AttributeRead,
  Bounds,
  Expression,
  ExpressionInput,
  GroupRef,
  Place,
  Rule,
  RuleSet,
} from '../model/rules.ts';
import { within } from './bounds.ts';
import { candidates } from './index-rules.ts';
import { inputOf } from './input.ts';
import { type Denial, verdicts } from './verdicts.ts';

/** What an attribute was when a condition read it. Neither `value` nor `unknown`: delivered, and empty. */
export interface ReadValue extends AttributeRead {
  readonly value?: unknown;
  /** No source delivered it. */
  readonly unknown?: true;
}

/** The first part of a rule that keeps it from giving what was asked for. */
export type Obstacle =
  | { readonly part: 'group'; readonly group: GroupRef; readonly onlyNested: boolean }
  | { readonly part: 'condition'; readonly text: string; readonly place: Place; readonly reads: readonly ReadValue[] }
  | {
      readonly part: 'undecided';
      readonly text?: string;
      readonly place: Place;
      readonly because: string;
      readonly reads: readonly ReadValue[];
    }
  | { readonly part: 'from' | 'until'; readonly at: Date }
  | { readonly part: 'denied'; readonly by: string; readonly place: Place; readonly decided: boolean }
  | { readonly part: 'shadow' };

/** One rule that could give it. Without an obstacle it does. */
export interface RuleAnswer {
  readonly rule: string;
  readonly place: Place;
  readonly obstacle?: Obstacle;
}

/**
 * Why rules do not give a person a role at a target, rule by rule and sorted by id; without `role`, an account there.
 * Pure. Looks at rules only: life cycle, guard and jobs come after them.
 */
export function whyNot(
  person: Person,
  rules: RuleSet,
  asked: { readonly target: string; readonly role?: string | undefined },
  now: Date,
): RuleAnswer[] {
  const input = inputOf(person, now);
  const met = candidates(person, rules);
  const { denials } = verdicts(person, met, input);
  const inGroup = new Set(met.map(({ rule }) => rule.id));
  return rules.rules
    .flatMap((rule) => {
      const given = givenBy(rule, asked);
      return given.length === 0 ? [] : [{ rule, given }];
    })
    .toSorted((a, b) => (a.rule.id < b.rule.id ? -1 : 1))
    .map(({ rule, given }): RuleAnswer => {
      const obstacle =
        (inGroup.has(rule.id) ? undefined : groupObstacle(person, rule)) ??
        conditionObstacle(rule, input) ??
        boundsObstacle(given, input) ??
        denialOf(rules, denials, asked.target, given) ??
        (rule.shadow ? ({ part: 'shadow' } as const) : undefined);
      return { rule: rule.id, place: rule.place, ...(obstacle !== undefined && { obstacle }) };
    });
}

/** One entry of a rule that gives what is asked for. */
interface Given extends Bounds {
  readonly role?: string;
}

function givenBy(
  rule: Rule,
  { target, role }: { readonly target: string; readonly role?: string | undefined },
): Given[] {
  const grants = rule.grant.filter((g) => g.target === target && (role === undefined || g.role === role));
  if (role !== undefined) return grants;
  const aliases = rule.alias.filter((a) => a.target === target).map(() => ({}));
  return [...grants, ...rule.account.filter((a) => a.target === target), ...aliases];
}

function groupObstacle(person: Person, { when }: Rule): Obstacle | undefined {
  if (when === undefined) return undefined;
  const { group } = when;
  const onlyNested = [...person.groups].some(([id, path]) =>
    group.id === undefined
      ? id.startsWith(`${group.source}/`) && path.at(-1)?.name === group.name
      : id === `${group.source}/${group.id}`,
  );
  return { part: 'group', group, onlyNested };
}

function conditionObstacle(rule: Rule, input: ExpressionInput): Obstacle | undefined {
  const whole = rule.if;
  const outcome = whole?.evaluate(input);
  if (whole === undefined || outcome === undefined || ('value' in outcome && outcome.value)) return undefined;
  const parts = whole.parts?.() ?? [whole];
  // A part that is false decides, also where one before it can't be told.
  const wrong = parts.find((part) => isFalse(part, input));
  if (wrong !== undefined) {
    return { part: 'condition', text: wrong.text, place: wrong.place, reads: valuesOf(wrong, input) };
  }
  const open = parts.find((part) => 'indeterminate' in part.evaluate(input)) ?? whole;
  const told = open.evaluate(input);
  const because = 'indeterminate' in told ? told.indeterminate : '';
  return { part: 'undecided', text: open.text, place: open.place, because, reads: valuesOf(open, input) };
}

function isFalse(part: Expression<boolean>, input: ExpressionInput): boolean {
  const outcome = part.evaluate(input);
  return 'value' in outcome && !outcome.value;
}

function valuesOf({ reads = [] }: Expression<unknown>, input: ExpressionInput): ReadValue[] {
  return reads.map((read) => {
    const said = read.source === undefined ? input : input.from?.(read.source);
    // A source without a record of the person says nothing, and that is none.
    if (said === undefined) return read;
    const value = said.user[read.name];
    if (value === undefined && said.covers?.has(read.name) === false) return { ...read, unknown: true };
    return value === undefined || value === null || value === '' ? read : { ...read, value };
  });
}

/** A rule may give the same twice; the bound that comes nearest to letting it through is told. */
function boundsObstacle(bounds: readonly Bounds[], input: ExpressionInput): Obstacle | undefined {
  const states = bounds.map((bound) => ({ bound, time: within(bound, input) }));
  if (states.some(({ time }) => time.state === 'in')) return undefined;
  for (const { bound, time } of states) {
    if (time.state === 'open') {
      const place = (bound.from ?? bound.until)?.place;
      if (place !== undefined) return { part: 'undecided', place, because: time.because, reads: [] };
    }
    if (time.state === 'out') return { part: 'from', at: time.from };
  }
  const ends = bounds.flatMap(({ until }) => {
    const end = until?.evaluate(input);
    return end !== undefined && 'value' in end ? [end.value] : [];
  });
  const last = ends.toSorted((a, b) => b.getTime() - a.getTime())[0];
  return last === undefined ? undefined : { part: 'until', at: last };
}

/** An obstacle where every role that the rule gives is denied; nothing else can be. */
function denialOf(
  rules: RuleSet,
  denials: readonly Denial[],
  target: string,
  given: readonly Given[],
): Obstacle | undefined {
  const denied = given.map(({ role }) => {
    const matching = denials.filter((d) => role !== undefined && d.target === target && d.matches(role));
    return matching.find((d) => d.decided) ?? matching[0];
  });
  const [first] = denied;
  if (first === undefined || denied.includes(undefined)) return undefined;
  const by = rules.rules.find((rule) => rule.id === first.rule);
  if (by === undefined) return undefined;
  const place = by.deny.find((d) => d.target === target)?.place ?? by.place;
  return { part: 'denied', by: by.id, place, decided: first.decided };
}
