import type { Grant, Problem } from '../../model/rules.ts';
import type { LoadedRule } from '../load/rule.ts';
import type { LintInput } from './input.ts';
import { implies, type Premise, premiseOf } from './premise.ts';

interface Given {
  readonly rule: LoadedRule['rule'];
  readonly grant: Grant;
  readonly premise: Premise;
}

/** Of more grants of one role than this, only the first are compared with each other. */
const MOST = 200;

/** Grants that another rule gives to the same people already. Rules that only try something out are left alone. */
export function overlaps({ rules }: LintInput): Problem[] {
  const given = rules
    .filter(({ rule, condition }) => !rule.shadow && condition?.facts.always?.value !== false)
    .flatMap((one) => one.rule.grant.map((grant): Given => ({ rule: one.rule, grant, premise: premiseOf(one) })));
  const byRole = Map.groupBy(given, ({ grant }) => JSON.stringify([grant.target, grant.role]));
  return [...byRole.values()].flatMap((list) => {
    const some = list.slice(0, MOST);
    return some.flatMap((one, i) => {
      const other = some.find((b, j) => i !== j && covers(b, one) && (!covers(one, b) || j < i));
      return other === undefined ? [] : [problem(one, other, covers(one, other))];
    });
  });
}

/** Whoever gets `b` gets it by `a` too, for at least as long and as well protected. */
function covers(a: Given, b: Given): boolean {
  if (b.rule.protected && !a.rule.protected) return false;
  const [from, until] = [a.grant.from?.text, a.grant.until?.text];
  if (from !== undefined && from !== b.grant.from?.text) return false;
  if (until !== undefined && until !== b.grant.until?.text) return false;
  return implies(b.premise, a.premise);
}

function problem(one: Given, other: Given, same: boolean): Problem {
  const { place, target, role } = one.grant;
  const where = `${other.grant.place.file}:${other.grant.place.line}`;
  const message =
    one.rule.id === other.rule.id
      ? `rule ${one.rule.id} gives ${target}/${role} twice`
      : same
        ? `rule ${one.rule.id} gives ${target}/${role} on the same condition as rule ${other.rule.id}`
        : `rule ${one.rule.id} adds nothing to ${target}/${role}: rule ${other.rule.id} gives it to all of them`;
  return { severity: 'warning', place, message, remedy: `remove one of the two; the other is at ${where}` };
}
