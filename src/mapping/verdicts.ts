import { aliasItem, type Cause, type ItemKey, roleItem } from '../model/accounts.ts';
import type { Person } from '../model/person.ts';
import type { Finding } from '../model/plan.ts';
import type { Bounds, ExpressionInput, Outcome, Rule } from '../model/rules.ts';
import { within } from './bounds.ts';
import type { Candidate } from './index-rules.ts';
import { isReserved } from './reserved.ts';

/** One item that one rule asks for. Not `decided`: the rule, its time bound or its value could not be told. */
export interface Claim {
  readonly target: string;
  readonly item: ItemKey;
  readonly decided: boolean;
  readonly cause: Cause;
  readonly until?: Date;
  readonly value?: string;
  readonly follow?: boolean;
  readonly protected: boolean;
}

/** Roles that one rule forbids. */
export interface Denial {
  readonly rule: string;
  readonly target: string;
  readonly matches: (role: string) => boolean;
  readonly decided: boolean;
}

export interface Said {
  readonly claims: readonly Claim[];
  readonly denials: readonly Denial[];
}

/** An item that a rule would still give, if its time bound had not passed. */
export interface Ended extends Pick<Claim, 'target' | 'item'> {
  readonly rule: string;
}

export interface Verdicts extends Said {
  readonly findings: readonly Finding[];
  readonly ended: readonly Ended[];
  /** When the first of the time bounds passes that are still to come. */
  readonly next?: Date;
  /** What the shadow rules say: it is reported and not acted upon. */
  readonly shadow: Said;
}

/** Evaluates the rules that may concern a person. */
export function verdicts(person: Person, rules: readonly Candidate[], input: ExpressionInput): Verdicts {
  const live = { claims: [] as Claim[], denials: [] as Denial[] };
  const shadow = { claims: [] as Claim[], denials: [] as Denial[] };
  const findings: Finding[] = [];
  const ended: Ended[] = [];
  let next: Date | undefined;
  const comes = (at: Date): void => {
    if (next === undefined || at.getTime() < next.getTime()) next = at;
  };
  for (const candidate of rules) {
    const { rule } = candidate;
    const open = (because: string): void => {
      if (!findings.some((f) => f.object === rule.id)) findings.push(undecidable(person, rule, because));
    };
    const outcome = rule.if?.evaluate(input) ?? { value: true };
    if ('indeterminate' in outcome) open(outcome.indeterminate);
    else if (!outcome.value) continue;
    const holds = 'value' in outcome;
    const said = rule.shadow ? shadow : live;
    said.claims.push(...claimsOf(person, candidate, holds, input, { open, comes }, rule.shadow || !holds ? [] : ended));
    for (const { target, role } of rule.deny) {
      said.denials.push({ rule: rule.id, target, matches: glob(role), decided: holds });
    }
  }
  return { ...live, shadow, findings, ended, ...(next !== undefined && { next }) };
}

function claimsOf(
  person: Person,
  { rule, path }: Candidate,
  holds: boolean,
  input: ExpressionInput,
  { open, comes }: { readonly open: (because: string) => void; readonly comes: (at: Date) => void },
  ended: Ended[],
): Claim[] {
  const cause: Cause = { rule: rule.id, ...recordOf(person, path?.[0]?.id), ...(path !== undefined && { path }) };
  const base = { cause, protected: rule.protected };
  const claims: Claim[] = [];
  const claim = (target: string, item: ItemKey, bounds: Bounds): void => {
    const time = within(bounds, input);
    if (time.state === 'ended') ended.push({ target, item, rule: rule.id });
    if (time.state === 'out') comes(time.from);
    if (time.state === 'out' || time.state === 'ended') return;
    if (time.state === 'open') open(time.because);
    if (time.state === 'in' && time.until !== undefined) comes(time.until);
    const until = time.state === 'in' && time.until !== undefined ? { until: time.until } : {};
    claims.push({ ...base, target, item, decided: holds && time.state === 'in', ...until });
  };
  for (const grant of rule.grant) claim(grant.target, roleItem(grant.role), grant);
  for (const account of rule.account) claim(account.target, 'account', account);
  for (const { target, set, username, follow } of rule.alias) {
    const name = aliasName(username.evaluate(input));
    if ('indeterminate' in name) open(`username: ${name.indeterminate}`);
    const value = 'value' in name ? { value: name.value } : {};
    const decided = holds && 'value' in name;
    claims.push({ ...base, target, item: aliasItem(set), decided, ...value, ...(follow && { follow }) });
  }
  return claims;
}

function aliasName(name: Outcome<string>): Outcome<string> {
  if (!('value' in name)) return name;
  const value = name.value.trim();
  if (value === '') return { indeterminate: 'it gives an empty name' };
  return isReserved(value) ? { indeterminate: 'it gives a reserved name' } : { value };
}

/** The record through which the rule holds: the one in the path's first group, else the person's first. */
function recordOf(person: Person, group: string | undefined): Pick<Cause, 'record'> {
  const record = person.records.find((r) => group === undefined || r.memberOf.some((g) => g === group));
  return record === undefined ? {} : { record: { source: record.source, anchor: record.anchor } };
}

const undecidable = (person: Person, rule: Rule, because: string): Finding => ({
  kind: 'indeterminate',
  person: person.id,
  object: rule.id,
  message: `rule ${rule.id} could not be decided: ${because}; it adds nothing, and what it gave stays`,
  remedy: 'let the source deliver the attribute, or guard it with has()',
});

/** `*` stands for any run of characters, everything else for itself. Linear: each part is looked for once. */
export function glob(pattern: string): (role: string) => boolean {
  const parts = pattern.split('*');
  const head = parts[0] ?? '';
  if (parts.length === 1) return (role) => role === head;
  const tail = parts.at(-1) ?? '';
  const middle = parts.slice(1, -1);
  return (role) => {
    if (role.length < head.length + tail.length || !role.startsWith(head) || !role.endsWith(tail)) return false;
    let at = head.length;
    for (const part of middle) {
      const found = role.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= role.length - tail.length;
  };
}
