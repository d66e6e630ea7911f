import { type AttributeDeclaration, CORE_ATTRIBUTES } from '../model/attributes.ts';
import type { AttributeValue } from '../model/facts.ts';
import { itemRole } from '../model/accounts.ts';
import type { GroupId, GroupPath, Person } from '../model/person.ts';
import type { TargetView } from '../model/planning.ts';
import type { Expression, Problem, RuleSet, RuleTest } from '../model/rules.ts';
import type { Views } from '../jobs/deps.ts';
import { desire } from '../mapping/desire.ts';

/** Runs the `tests:` of the rules files: each example person gets exactly the roles that are expected. */
export function runRuleTests(
  { rules, targets, attributes }: Pick<Views, 'rules' | 'targets' | 'attributes'>,
  now: Date,
): Problem[] {
  const views = targets.map((target) => ({ ...target, profile: ANY_PROFILE }));
  return (rules.tests ?? []).flatMap(
    (one) => runTest(one, { rules, attributes: attributes ?? CORE_ATTRIBUTES }, views, now) ?? [],
  );
}

/** What a test is run against. */
interface Known {
  readonly rules: RuleSet;
  readonly attributes: readonly AttributeDeclaration[];
}

function runTest(test: RuleTest, known: Known, targets: readonly TargetView[], now: Date): Problem | undefined {
  const { desired, findings } = desire(examplePerson(test, known), known.rules, targets, now);
  const given = new Set(
    [...desired].flatMap(([target, { items }]) =>
      [...items.keys()].flatMap((item) => {
        const role = itemRole(item);
        return role === undefined ? [] : [`${target}/${role}`];
      }),
    ),
  );
  const expected = new Set(test.expect);
  const missing = [...expected].filter((role) => !given.has(role)).toSorted();
  const extra = [...given].filter((role) => !expected.has(role)).toSorted();
  if (missing.length === 0 && extra.length === 0) return undefined;
  const wrong = [
    ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
    ...(extra.length > 0 ? [`gets ${extra.join(', ')} as well`] : []),
    ...findings.map((finding) => finding.message),
  ];
  return {
    severity: 'error',
    place: test.place,
    message: `the test "${test.name}" fails: the person ${wrong.join('; ')}`,
    remedy: 'Correct the rules, or what the test expects.',
  };
}

function examplePerson({ user }: RuleTest, { rules, attributes: declared }: Known): Person {
  const { groups, ...attributes } = user as Record<string, AttributeValue> & { groups?: readonly string[] };
  return {
    id: 'p_example',
    userName: String(attributes['userName'] ?? 'example'),
    displayName: String(attributes['displayName'] ?? 'Example'),
    life: 'active',
    generation: 0,
    records: [],
    groups: groupsNamed(groups ?? [], rules),
    attributes: { active: true, ...attributes },
    covers: new Set(declared.map((attribute) => attribute.name)),
  };
}

/** A test names groups by name: in each source that the rules look in, by the id that a rule says for that name. */
function groupsNamed(names: readonly string[], rules: RuleSet): Map<GroupId, GroupPath> {
  const groups = new Map<GroupId, GroupPath>();
  const add = (id: GroupId, name: string): void => void groups.set(id, [{ id, name }]);
  for (const name of names) {
    add(`example/${name}`, name);
    for (const { when } of rules.rules) {
      if (when?.group.name === name) add(`${when.group.source}/${when.group.id ?? name}`, name);
    }
  }
  return groups;
}

/** Roles are what tests are about: how the account would look must not stand in the way. */
const constant: Expression<string> = {
  text: '""',
  place: { file: '', line: 1, column: 1 },
  evaluate: () => ({ value: 'example' }),
};
const ANY_PROFILE = {
  login: constant,
  displayName: constant,
  firstName: constant,
  lastName: constant,
  email: constant,
};
