import { type AttributeDeclaration, CORE_ATTRIBUTES } from '../model/attributes.ts';
import type { AttributeValue } from '../model/facts.ts';
import { type ItemKey, itemRole } from '../model/accounts.ts';
import type { GroupId, GroupPath, LinkedRecord, Person } from '../model/person.ts';
import type { TargetView, Wanted } from '../model/planning.ts';
import type { Expression, Place, Problem, RuleSet, RuleTest } from '../model/rules.ts';
import type { Views } from '../jobs/deps.ts';
import { desire } from '../mapping/desire.ts';

/** How one test ended. */
export interface RuleTestResult {
  readonly name: string;
  readonly place: Place;
  readonly ok: boolean;
  /** Expected and not given: roles as `target/role`, accounts as `account at target`, aliases as `target/set=username`. */
  readonly lacks: readonly string[];
  /** Given and not expected. */
  readonly gets: readonly string[];
  /** Why something could not be decided. Of a test that fails. */
  readonly findings: readonly string[];
}

type Rules = Pick<Views, 'rules' | 'targets' | 'attributes'>;

/** Runs the `tests:` of the rules files, in their order. `now` is the clock of tests that say none. */
export function ruleTestResults({ rules, targets, attributes = CORE_ATTRIBUTES }: Rules, now: Date): RuleTestResult[] {
  // Tests are about the rules: whom a target is limited to for now is another matter.
  const views = targets.map((target) => {
    const { scope: _, ...rest } = target;
    return { ...rest, profile: ANY_PROFILE };
  });
  return (rules.tests ?? []).map((one) => runTest(one, rules, views, attributes, now));
}

/** The tests that fail, as problems of the rules files. */
export function runRuleTests(rules: Rules, now: Date): Problem[] {
  return ruleTestResults(rules, now).flatMap((result): Problem[] => {
    if (result.ok) return [];
    const { name, place, lacks, gets, findings } = result;
    const wrong = [
      ...(lacks.length > 0 ? [`lacks ${lacks.join(', ')}`] : []),
      ...(gets.length > 0 ? [`gets ${gets.join(', ')} as well`] : []),
      ...findings,
    ];
    return [
      {
        severity: 'error',
        place,
        message: `the test "${name}" fails: the person ${wrong.join('; ')}`,
        remedy: 'Correct the rules, or what the test expects.',
      },
    ];
  });
}

function runTest(
  test: RuleTest,
  rules: RuleSet,
  targets: readonly TargetView[],
  attributes: readonly AttributeDeclaration[],
  now: Date,
): RuleTestResult {
  const wanted = desire(examplePerson(test, rules, attributes), rules, targets, test.now ?? now);
  const compared = [
    compare(test.expect, rolesOf(wanted)),
    compare(test.undecided, undecidedOf(wanted), 'an undecided '),
    compare(test.accounts, [...wanted.desired.keys()], 'an account at '),
    compare(test.aliases, aliasesOf(wanted)),
  ];
  const lacks = compared.flatMap((c) => c.lacks);
  const gets = compared.flatMap((c) => c.gets);
  const ok = lacks.length === 0 && gets.length === 0;
  const findings = ok ? [] : wanted.findings.map((finding) => finding.message);
  return { name: test.name, place: test.place, ok, lacks, gets, findings };
}

/** What a test does not mention is not compared. */
function compare(expected: readonly string[] | undefined, given: readonly string[], what = '') {
  if (expected === undefined) return { lacks: [], gets: [] };
  const missing = [...new Set(expected)].filter((one) => !given.includes(one)).toSorted();
  const extra = given.filter((one) => !expected.includes(one)).toSorted();
  return { lacks: missing.map((one) => what + one), gets: extra.map((one) => what + one) };
}

const roleAt = (target: string, item: ItemKey): string[] => {
  const role = itemRole(item);
  return role === undefined ? [] : [`${target}/${role}`];
};

const rolesOf = ({ desired }: Wanted): string[] =>
  [...desired].flatMap(([target, { items }]) => [...items.keys()].flatMap((item) => roleAt(target, item)));

const undecidedOf = ({ undecided }: Wanted): string[] =>
  [...undecided].flatMap(([target, items]) => [...items].flatMap((item) => roleAt(target, item)));

const aliasesOf = ({ desired }: Wanted): string[] =>
  [...desired].flatMap(([target, { items }]) =>
    [...items].flatMap(([item, { value }]) =>
      item.startsWith('alias:') ? [`${target}/${item.slice('alias:'.length)}=${value ?? ''}`] : [],
    ),
  );

function examplePerson(test: RuleTest, rules: RuleSet, declared: readonly AttributeDeclaration[]): Person {
  const { groups, ...attributes } = test.user as Record<string, AttributeValue> & { groups?: readonly string[] };
  const userName = String(attributes['userName'] ?? 'example');
  return {
    id: 'p_example',
    userName,
    displayName: String(attributes['displayName'] ?? 'Example'),
    life: 'active',
    generation: 0,
    records: Object.entries(test.from).map(([source, said]) => exampleRecord(source, said, userName)),
    groups: groupsNamed(groups ?? [], rules),
    attributes: { active: true, ...attributes },
    covers: new Set(declared.map((attribute) => attribute.name).filter((name) => !test.unknown.includes(name))),
  };
}

const exampleRecord = (source: string, said: Readonly<Record<string, unknown>>, userName: string): LinkedRecord => ({
  source,
  anchor: 'example',
  userName,
  emails: [],
  active: true,
  attributes: said as LinkedRecord['attributes'],
  memberOf: [],
  version: 1,
});

/**
 * A test names groups by name: in each source that the rules look in, by the id that a rule says for that name. Or by
 * `source/id`: then by the name that a rule says for that id.
 */
function groupsNamed(names: readonly string[], rules: RuleSet): Map<GroupId, GroupPath> {
  const groups = new Map<GroupId, GroupPath>();
  const add = (id: GroupId, name: string): void => void groups.set(id, [{ id, name }]);
  const named = rules.groups ?? [];
  for (const name of names) {
    const byId = named.filter((group) => `${group.source}/${group.id}` === name);
    if (byId.length > 0) {
      add(name as GroupId, byId.find((group) => group.name !== undefined)?.name ?? name);
      continue;
    }
    add(`example/${name}`, name);
    for (const { source, id, name: own } of named) if (own === name) add(`${source}/${id ?? name}`, name);
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
