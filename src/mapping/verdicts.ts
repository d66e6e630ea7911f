import { aliasItem, type Cause, type ItemKey, roleItem } from '../model/accounts.ts';
import type { Person } from '../model/person.ts';
import type { Finding } from '../model/plan.ts';
import type { ExpressionInput, Rule } from '../model/rules.ts';
import type { Candidate } from './index-rules.ts';

/** One item that one rule asks for. Not `decided`: the rule, its time bound or its value could not be told. */
export interface Claim {
  readonly target: string;
  readonly item: ItemKey;
  readonly decided: boolean;
  readonly cause: Cause;
  readonly until?: Date;
  readonly value?: string;
  readonly protected: boolean;
}

/** Roles that one rule forbids. */
export interface Denial {
  readonly target: string;
  readonly matches: (role: string) => boolean;
  readonly decided: boolean;
}

export interface Verdicts {
  readonly claims: readonly Claim[];
  readonly denials: readonly Denial[];
  readonly findings: readonly Finding[];
}

/** Evaluates the rules that may concern a person. A shadow rule is evaluated and reported, and asks for nothing. */
export function verdicts(person: Person, rules: readonly Candidate[], input: ExpressionInput): Verdicts {
  const claims: Claim[] = [];
  const denials: Denial[] = [];
  const findings: Finding[] = [];
  for (const candidate of rules) {
    const { rule } = candidate;
    const open = (because: string): void => {
      if (!findings.some((f) => f.object === rule.id)) findings.push(undecidable(person, rule, because));
    };
    const outcome = rule.if?.evaluate(input) ?? { value: true };
    if ('indeterminate' in outcome) open(outcome.indeterminate);
    else if (!outcome.value) continue;
    const holds = 'value' in outcome;
    const asked = claimsOf(person, candidate, holds, input, open);
    if (rule.shadow) continue;
    claims.push(...asked);
    for (const { target, role } of rule.deny) denials.push({ target, matches: glob(role), decided: holds });
  }
  return { claims, denials, findings };
}

function claimsOf(
  person: Person,
  { rule, path }: Candidate,
  holds: boolean,
  input: ExpressionInput,
  open: (because: string) => void,
): Claim[] {
  const cause: Cause = { rule: rule.id, ...recordOf(person, path?.[0]?.id), ...(path !== undefined && { path }) };
  const base = { cause, protected: rule.protected };
  const claims: Claim[] = [];
  for (const { target, role, until } of rule.grant) {
    const item = roleItem(role);
    if (until === undefined) {
      claims.push({ ...base, target, item, decided: holds });
      continue;
    }
    const end = until.evaluate(input);
    if ('indeterminate' in end) {
      open(`until: ${end.indeterminate}`);
      claims.push({ ...base, target, item, decided: false });
    } else if (end.value.getTime() > input.now.getTime()) {
      claims.push({ ...base, target, item, decided: holds, until: end.value });
    }
  }
  for (const { target, set, username } of rule.alias) {
    const name = username.evaluate(input);
    if ('indeterminate' in name) open(`username: ${name.indeterminate}`);
    const value = 'value' in name ? { value: name.value } : {};
    claims.push({ ...base, target, item: aliasItem(set), decided: holds && 'value' in name, ...value });
  }
  return claims;
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
