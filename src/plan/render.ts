import type { ItemKey } from '../model/accounts.ts';
import type { Finding, Hold, Op, Plan, Step } from '../model/plan.ts';
import { compare } from './order.ts';
import { clean, MARKS, type PlanLookup, reason, saying } from './words.ts';

export type { PlanLookup } from './words.ts';

/** What a plan comes to as a whole, where only some of its people are shown. */
export interface Whole {
  readonly persons: number;
  /** How often each change, most frequent first. */
  readonly tally: ReadonlyArray<{
    readonly target: string;
    readonly op: Op;
    readonly item: ItemKey;
    readonly n: number;
  }>;
}

const WIDTH = 100;

/** A plan as text for a terminal, grouped by person, one line a change; lines are at most 100 characters wide. */
export function renderPlan(plan: Plan, lookup: PlanLookup = {}, whole?: Whole): string {
  const lines = [...wrapped(summary(plan, whole), ''), ''];
  if (whole !== undefined) lines.push('In all', ...tallied(whole).map(([mark, text]) => `  ${mark} ${text}`), '');
  for (const [person, steps] of byPerson(plan, lookup)) {
    lines.push(...wrapped(named(person, lookup), '  '));
    for (const step of steps) {
      lines.push(...wrapped(`  at ${step.target}`, '    '));
      for (const change of step.changes)
        lines.push(...changeLines(`${MARKS[change.op]} ${saying(change)}`, reason(change)));
    }
    lines.push('');
  }
  if (whole !== undefined) lines.push(...wrapped(beyond(plan, whole), ''), '');
  if (plan.holds.length > 0) {
    lines.push('Held for approval');
    for (const [because, holds] of Map.groupBy(plan.holds, (h) => h.because)) {
      lines.push(...wrapped(`  ${holds.length}: ${clean(because)}`, '    '));
      lines.push(...holds.map((h) => heldText(h, lookup)).flatMap((text) => wrapped(`    ${text}`, '      ')));
    }
    lines.push('');
  }
  if (plan.findings.length > 0) {
    lines.push(
      'Could not be planned',
      ...plan.findings
        .map((f) => foundText(f, lookup))
        .toSorted(compare)
        .flatMap((text) => wrapped(`  ${text}`, '    ')),
      '',
    );
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** The same as Markdown, for a review or a ticket. */
export function renderMarkdown(plan: Plan, lookup: PlanLookup = {}, whole?: Whole): string {
  const all = escaped(counts(plan, whole));
  const lines = [`# Plan \`${plan.hash.slice(0, 12)}\``, '', `${all}. Hash: \`${plan.hash}\``, ''];
  if (whole !== undefined)
    lines.push('## In all', '', ...tallied(whole).map(([mark, text]) => `- **\`${mark}\`** ${escaped(text)}`), '');
  for (const [person, steps] of byPerson(plan, lookup)) {
    lines.push(`## ${escaped(named(person, lookup))}`, '');
    for (const step of steps) {
      lines.push(`At ${escaped(step.target)}:`, '');
      for (const change of step.changes) {
        const why = reason(change);
        lines.push(`- **\`${MARKS[change.op]}\`** ${escaped(saying(change))}${why === '' ? '' : ` _${escaped(why)}_`}`);
      }
      lines.push('');
    }
  }
  if (whole !== undefined) lines.push(escaped(beyond(plan, whole)), '');
  if (plan.holds.length > 0) {
    lines.push('## Held for approval', '');
    for (const [because, holds] of Map.groupBy(plan.holds, (h) => h.because)) {
      lines.push(`${holds.length}: ${escaped(clean(because))}`, '');
      lines.push(...holds.map((h) => `- ${escaped(heldText(h, lookup))}`), '');
    }
  }
  if (plan.findings.length > 0) {
    lines.push('## Could not be planned', '', ...plan.findings.map((f) => `- ${escaped(foundText(f, lookup))}`), '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

const summary = (plan: Plan, whole: Whole | undefined): string =>
  `Plan ${plan.hash.slice(0, 12)}: ${counts(plan, whole)}`;

const tallied = ({ tally }: Whole): Array<readonly [mark: string, text: string]> =>
  tally.map(({ target, op, item, n }) => [MARKS[op], `${n} × ${op} ${clean(item)} at ${target}`]);

function beyond(plan: Plan, { persons }: Whole): string {
  const more = persons - new Set(plan.steps.map((step) => step.person)).size;
  return `… and ${more} more people. With --limit ${persons} they are shown, with --json all of the plan is printed.`;
}

/** `3 people, 7 changes: 2 create, 4 grant, 1 block` */
export function counts(plan: Plan, whole?: Whole): string {
  const ops = new Map<string, number>();
  const count = (op: string, n: number): void => void ops.set(op, (ops.get(op) ?? 0) + n);
  if (whole === undefined) for (const { changes } of plan.steps) for (const { op } of changes) count(op, 1);
  for (const { op, n } of whole?.tally ?? []) count(op, n);
  const total = [...ops.values()].reduce((sum, n) => sum + n, 0);
  const held = plan.holds.length === 0 ? '' : `${plan.holds.length} held for approval`;
  if (total === 0) return held === '' ? 'nothing to do' : held;
  const people = whole?.persons ?? new Set(plan.steps.map((s) => s.person)).size;
  const each = [...ops].toSorted(([a], [b]) => compare(a, b)).map(([op, n]) => `${n} ${op}`);
  return `${people} ${people === 1 ? 'person' : 'people'}, ${total} ${total === 1 ? 'change' : 'changes'}: ${each.join(', ')}${held === '' ? '' : `; ${held}`}`;
}

/** In the order of the names that are shown: ids are random, and nobody reads in their order. */
function byPerson(plan: Plan, lookup: PlanLookup): ReadonlyArray<readonly [string, readonly Step[]]> {
  const groups = Map.groupBy(plan.steps, (step) => step.person);
  return [...groups].toSorted(([a], [b]) => compare(named(a, lookup), named(b, lookup)));
}

function named(person: string, lookup: PlanLookup): string {
  const name = lookup.person?.(person);
  return name === undefined ? person : `${clean(name)} (${person})`;
}

function heldText({ id, person, target, change, rejected }: Hold, lookup: PlanLookup): string {
  const no = rejected === true ? ', rejected' : '';
  return `${MARKS[change.op]} ${saying(change)} of ${named(person, lookup)} at ${target}  ${id}${no}`;
}

function foundText(finding: Finding, lookup: PlanLookup): string {
  const who = finding.person === undefined ? '' : ` for ${named(finding.person, lookup)}`;
  const at = finding.target === undefined ? '' : ` at ${finding.target}`;
  const remedy = finding.remedy === undefined ? '' : ` — ${clean(finding.remedy)}`;
  return `? ${finding.kind}${who}${at}: ${clean(finding.message)}${remedy}`;
}

/** The reason stands on the same line where it fits, else below. */
function changeLines(what: string, why: string): string[] {
  const whole = why === '' ? `    ${what}` : `    ${what}  (${why})`;
  if (whole.length <= WIDTH) return [whole];
  return [...wrapped(`    ${what}`, '      '), ...(why === '' ? [] : wrapped(`      (${why})`, '       '))];
}

/** Breaks at blanks, and inside a word only where that alone is too long. */
function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > WIDTH) {
    const blank = rest.lastIndexOf(' ', WIDTH);
    const cut = blank > indent.length ? blank : WIDTH;
    lines.push(rest.slice(0, cut).trimEnd());
    rest = indent + rest.slice(cut).trimStart();
  }
  return [...lines, rest];
}

/** Names may hold what Markdown or HTML would read as markup. */
const escaped = (text: string): string => text.replace(/[\\`*_{}[\]<>()#|!&~]/g, (c) => `\\${c}`);
