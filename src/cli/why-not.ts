import { shorter } from '../config/render.ts';
import type { PlanDeps } from '../jobs/index.ts';
import { type Obstacle, type ReadValue, type RuleAnswer, whyNot } from '../mapping/why-not.ts';
import { readText } from '../mapping/engine/nodes.ts';
import { ENDS_RECOVERY } from '../model/recovery.ts';
import type { GroupRef, Place } from '../model/rules.ts';
import { suggest } from '../model/suggest.ts';
import { targetStates } from '../store/target-state.ts';
import { explain, type Explained } from './explain-data.ts';
import { changeText, indent, when, wrap } from './text.ts';

export interface WhyNot {
  readonly person: { readonly id: string; readonly userName: string; readonly life: string };
  readonly target: string;
  readonly role: string | null;
  /** The target shows it, or confirmed it. */
  readonly has: boolean;
  /** The rules want it for this person. */
  readonly wanted: boolean;
  /** Rules that could give it, each with the first part that does not hold. */
  readonly rules: readonly RuleAnswer[];
  /** What stands between the rules and the target, the weightiest first. */
  readonly stops: readonly string[];
  /** Where no rule gives it: a role that one does give, and that reads alike. */
  readonly similar: string | null;
}

/** Why a person lacks a role at a target; without `role`, an account there. */
export async function explainWhyNot(
  deps: PlanDeps,
  id: string,
  asked: { readonly target: string; readonly role?: string | undefined },
): Promise<WhyNot> {
  const explained = await explain(deps, id, asked);
  const { person } = explained;
  const { rules } = deps.views();
  const answers = whyNot(person, rules, asked, deps.now());
  const at = explained.targets[0];
  const items = asked.role === undefined ? at?.items.filter(({ item }) => item === 'account') : at?.items;
  const item = items?.[0];
  const given = rules.rules.flatMap((rule) => rule.grant.filter((g) => g.target === asked.target).map((g) => g.role));
  const similar = asked.role === undefined || answers.length > 0 ? undefined : suggest(asked.role, given);
  return {
    person: { id: person.id, userName: person.userName, life: person.life },
    target: asked.target,
    role: asked.role ?? null,
    has: item?.present ?? item?.ledger?.confirmed ?? false,
    wanted: item?.wanted ?? false,
    rules: answers,
    stops: [...stopsOfPerson(explained), ...(await stopsAtTarget(deps, explained, asked.target))],
    similar: similar ?? null,
  };
}

function stopsOfPerson({ person, recovery, withheld }: Explained): string[] {
  const stops: string[] = [];
  if (person.life === 'left') stops.push('the person has left: nothing is given to a leaver');
  if (person.life === 'suspended')
    stops.push('the person is suspended at a source: nothing is given until they are back');
  if (person.lapsed?.wholly === true) stops.push('no source tells of the person any more: nothing is wanted for them');
  if (person.frozen !== undefined) stops.push(`the person is frozen: ${person.frozen}`);
  if (recovery !== null) stops.push(`the store is in recovery. ${ENDS_RECOVERY}`);
  if (withheld)
    stops.push('the rules are withheld: the folder lost them, and nobody gets or loses anything until they are back');
  return stops;
}

async function stopsAtTarget(deps: PlanDeps, { targets, findings }: Explained, target: string): Promise<string[]> {
  const at = targets.find((one) => one.target === target);
  const state = (await targetStates(deps.db)).get(target);
  const stops: string[] = [];
  if (at === undefined || at.mode === 'not in the settings')
    return [`${target} is not in the settings: it gets no work`];
  if (at.outside) stops.push(`the person is outside the scope of ${target} (targets.${target}.scope in the settings)`);
  for (const { kind, message, remedy, ...finding } of findings) {
    if (finding.target === target) stops.push(`${kind}: ${message}${remedy == null ? '' : `; ${remedy}`}`);
  }
  for (const hold of at.holds) {
    const word = hold.decidedBy === null ? '' : ` by ${hold.decidedBy}: ${hold.reason ?? ''}`;
    stops.push(
      `${hold.state}${word}, ${hold.id} since ${when(hold.since)}: ${changeText(hold.change)}. ${hold.because}`,
    );
  }
  const paused = state?.pausedBecause;
  if (paused != null)
    stops.push(`${target} is paused: ${paused.message}${paused.remedy === undefined ? '' : `; ${paused.remedy}`}`);
  if (deps.views().needBaseline?.has(target) === true && state?.baselineAt == null) {
    stops.push(`${target} waits for its first plan to be applied: drawbridge plan, then apply HASH`);
  } else if (at.mode === 'observe') stops.push(`${target} is in mode observe: drawbridge plan, then apply HASH`);
  if (at.job !== undefined) {
    const { state: jobState, attempts, lastError } = at.job;
    const why =
      lastError === null
        ? ''
        : `: ${lastError.kind}, ${lastError.message}${lastError.remedy === undefined ? '' : `; ${lastError.remedy}`}`;
    stops.push(`its job is ${jobState} after ${attempts} attempts${why}`);
  }
  return stops;
}

const COLUMNS = 100;

/** For a terminal. `cwd`: the folder that files are named from. */
export function whyNotText(answer: WhyNot, cwd: string): string {
  const { person, target, role, has, wanted, rules, stops, similar } = answer;
  const what = role === null ? `an account at ${target}` : `${target}/${role}`;
  const state = has ? 'has it' : wanted ? 'is to have it, and does not have it yet' : 'does not have it';
  const lines = [`${person.userName} and ${what}: ${state}`];
  for (const one of rules) lines.push(...ruleText(one, cwd));
  if (rules.length === 0) {
    const near = similar === null ? '' : ` Did you mean ${target}/${similar}?`;
    lines.push(line(`No rule gives ${what}.${near}`, 2));
  }
  if (stops.length > 0) lines.push('', has ? 'Besides' : wanted ? 'What stands between' : 'And if a rule gave it');
  for (const stop of stops) lines.push(line(stop, 2));
  if (wanted && !has && stops.length === 0)
    lines.push(line('Nothing is in the way: it is given with the next plan.', 2));
  return lines.join('\n');
}

const line = (text: string, by: number): string => indent(wrap(text, COLUMNS - by), by);

function ruleText({ rule, place, obstacle }: RuleAnswer, cwd: string): string[] {
  const head = `rule ${rule} (${placeText(place, cwd)})`;
  if (obstacle === undefined) return [line(`${head} gives it`, 2)];
  return [line(`${head} ${wordOf(obstacle)}`, 2), ...obstacleText(obstacle, cwd).map((text) => line(text, 4))];
}

function wordOf({ part }: Obstacle): string {
  switch (part) {
    case 'shadow':
      return 'would give it, and is on trial (shadow: true): it does nothing';
    case 'denied':
      return 'would give it';
    case 'undecided':
      return "can't be decided";
    default:
      return 'does not hold';
  }
}

function obstacleText(obstacle: Obstacle, cwd: string): string[] {
  switch (obstacle.part) {
    case 'group':
      return [groupText(obstacle.group, obstacle.onlyNested)];
    case 'condition':
      return [
        `${oneLine(obstacle.text)} is false (${placeText(obstacle.place, cwd)})`,
        ...obstacle.reads.map(valueRead),
      ];
    case 'undecided': {
      const text = obstacle.text === undefined ? '' : `${oneLine(obstacle.text)}: `;
      return [`${text}${obstacle.because} (${placeText(obstacle.place, cwd)})`, ...obstacle.reads.map(valueRead)];
    }
    case 'from':
      return [`not before ${when(obstacle.at)} UTC`];
    case 'until':
      return [`it ended ${when(obstacle.at)} UTC`];
    case 'denied': {
      const word = obstacle.decided ? 'denies it' : "may deny it, which can't be decided";
      return [`rule ${obstacle.by} ${word} (${placeText(obstacle.place, cwd)})`];
    }
    case 'shadow':
      return [];
  }
}

function groupText({ source, id, name, nested }: GroupRef, onlyNested: boolean): string {
  const group = `group ${name ?? ''}${id === undefined ? '' : `${name === undefined ? '' : ' '}(${id})`} of ${source}`;
  return onlyNested && !nested
    ? `in ${group} only through other groups, and the rule says nested: false`
    : `not in ${group}`;
}

function valueRead({ value, unknown, ...of }: ReadValue): string {
  const read = readText(of);
  if (unknown === true) return `${read} is unknown: no source delivered it`;
  return value === undefined ? `${read} is empty` : `${read} is ${valueText(value)}`;
}

const valueText = (value: unknown): string =>
  value instanceof Date ? value.toISOString() : typeof value === 'bigint' ? String(value) : JSON.stringify(value);

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const placeText = ({ file, line: at }: Place, cwd: string): string => `${shorter(file, cwd)}:${at}`;
