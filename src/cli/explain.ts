import { itemRole, itemSet } from '../model/accounts.ts';
import { ENDS_RECOVERY } from '../model/recovery.ts';
import { add, type Program } from './command.ts';
import { CommandError, EXIT, unknownTarget } from './exit.ts';
import { explain, type Explained, type ExplainedItem, type ExplainedTarget } from './explain-data.ts';
import { explainAt, explainedAtText, readMoment } from './explain-at.ts';
import { causeText, pathText } from './explain-words.ts';
import type { Settings } from '../model/settings.ts';
import { findPerson } from './person.ts';
import { planDeps } from './planning.ts';
import { changeText, indent, recordState, rulesText, when, wrap } from './text.ts';
import { explainWhyNot, whyNotText } from './why-not.ts';

/** `explain` */
export function addExplain(program: Program): void {
  add<{ whyNot?: boolean; at?: string }>(program, program.root, {
    usage: 'explain <person> [role]',
    about: "why a person has what they have: record, group, rule, plan, the target's answer",
    examples: [
      'explain ann@example.com',
      'explain ann@example.com strongdm/prod-db',
      'explain ann@example.com strongdm/prod-db --why-not',
      'explain ann@example.com --at 2026-11-20',
    ],
    options: (command) =>
      command
        .option('--why-not', 'which part of which rule keeps them from having the role')
        .option('--at <time>', 'as the history has it: 2026-11-20, "2026-11-20 10:15" (UTC), or 3d for three days ago'),
    run: async (context, options, text = '', role) =>
      context.withStore(async (store) => {
        const only = role === undefined ? undefined : placeOf(role);
        if (options.at !== undefined) {
          if (options.whyNot === true) throw notBoth();
          const at = readMoment(options.at, new Date());
          const { id, userName } = await findPerson(store.db, text);
          const past = await explainAt(store.db, id, at, only);
          return { json: past, text: explainedAtText(past, userName) };
        }
        if (options.whyNot === true) {
          if (only === undefined) throw noRole();
          const ids = context.settings().targets.map(({ id }) => id);
          if (!ids.includes(only.target)) throw unknownTarget(only.target, ids);
          const { id } = await findPerson(store.db, text);
          const answer = await explainWhyNot(await planDeps(context, store), id, only);
          return { json: answer, text: whyNotText(answer, context.io.cwd) };
        }
        const { id } = await findPerson(store.db, text);
        const explained = await explain(await planDeps(context, store), id, only);
        refuseUnknown(only?.target, explained, context.settings());
        return { json: asJson(explained), text: asText(explained) };
      }),
  });
}

/** `TARGET` or `TARGET/ROLE`; a role's name may have slashes. */
function placeOf(text: string): { readonly target: string; readonly role?: string } {
  const slash = text.indexOf('/');
  return slash < 0 ? { target: text } : { target: text.slice(0, slash), role: text.slice(slash + 1) };
}

const noRole = (): CommandError =>
  new CommandError(EXIT.usage, '--why-not needs to know what is missing', {
    remedy: 'Name it: drawbridge explain PERSON TARGET/ROLE --why-not (TARGET alone for an account).',
  });

const notBoth = (): CommandError =>
  new CommandError(EXIT.usage, '--why-not tells of the rules of today, --at of the past: use one of them');

/** A target that left the settings may still be in the ledger; one that is in neither is a slip of the pen. */
function refuseUnknown(target: string | undefined, { targets }: Explained, settings: Settings): void {
  const ids = settings.targets.map(({ id }) => id);
  if (target === undefined || ids.includes(target) || targets.length > 0) return;
  throw unknownTarget(target, ids);
}

const COLUMNS = 100;
const line = (text: string, by: number): string => indent(wrap(text, COLUMNS - by), by);

function asText({ withheld, recovery, person, targets, findings, shadow, rules }: Explained): string {
  const { userName, displayName, id, life, evidence, burst, dormant, frozen } = person;
  const lines = [`${displayName} (${userName})  ${id}  ${life}${evidence === undefined ? '' : `, ${evidence}`}`];
  for (const record of person.records) {
    const state = recordState(record);
    lines.push(`  record ${record.source}/${record.anchor}: ${record.userName}, ${state}, version ${record.version}`);
  }
  if (burst !== undefined) {
    const what = `in a burst: more people of ${burst} left at a time than may. But for protected roles the leave is held`;
    lines.push(line(`${what}: drawbridge holds list --filter "person:${id}"`, 2));
  }
  if (dormant !== undefined) {
    const what = `dormant: disabled already when ${dormant} first told of them; blocked only by somebody's word`;
    lines.push(line(`${what}, nothing is given meanwhile`, 2));
  }
  if (frozen !== undefined) lines.push(line(`frozen: ${frozen}; nothing is given and nothing taken for now`, 2));
  const paths = [...person.groups.values()].map(pathText).toSorted();
  lines.push(line(paths.length === 0 ? 'in no group' : `groups: ${paths.join('; ')}`, 2));
  if (recovery !== null) {
    lines.push(line(`in recovery: nothing is given to this person or taken from them. ${ENDS_RECOVERY}`, 2));
  }
  for (const target of targets) lines.push('', ...targetText(target, withheld));
  if (targets.length === 0) lines.push('', 'No target has or is to have anything of this person.');
  if (shadow.length > 0) lines.push('', 'Rules on trial (shadow), which do nothing');
  for (const { rule, target, item, would, decided } of shadow) {
    const what = itemRole(item) === undefined ? item : `role ${itemRole(item)}`;
    lines.push(line(`rule ${rule} would ${would} ${what} at ${target}${decided ? '' : ', undecided'}`, 2));
  }
  if (findings.length > 0) lines.push('', 'Findings');
  for (const { kind, target, message, remedy, since } of findings) {
    lines.push(line(`${kind}${target === undefined ? '' : ` at ${target}`} since ${when(since)}: ${message}`, 2));
    if (remedy !== undefined && remedy !== null) lines.push(line(remedy, 4));
  }
  lines.push('', rulesText(rules.revision, rules.commit));
  return lines.join('\n');
}

function targetText(at: ExplainedTarget, withheld: boolean): string[] {
  const { target, mode, account, items, unmanaged, steps, job, answers, decisions, holds, others, outside } = at;
  const shown =
    account === undefined
      ? 'no account seen'
      : `account ${account.id} "${account.profile.login}", ${account.active ? 'active' : 'blocked'}`;
  const lines = [`${target} (${mode}): ${shown}`];
  if (outside) lines.push("  outside the target's scope: nothing is given, and nothing is taken but when they leave");
  const want = withheld ? `${WITHHELD}; nothing was given` : 'nothing is wanted here, nothing was given';
  if (items.length === 0) lines.push(`  ${want}`);
  for (const item of items) lines.push(...itemText(item, withheld));
  for (const rule of others)
    lines.push(line(`rule ${rule.id} would give it, and does not hold (--why-not says which part of it)`, 4));
  if (unmanaged.length > 0) lines.push(line(`unmanaged (given by others, left alone): ${unmanaged.join(', ')}`, 2));
  const [step] = steps;
  if (step !== undefined) {
    lines.push(
      `  last step, plan ${step.plan.slice(0, 12)}: ${step.state}${step.settledAt === null ? '' : ` ${when(step.settledAt)}`}`,
      line(`by ${rulesText(step.rulesRevision, step.rulesCommit)}`, 4),
    );
    lines.push(...step.changes.map((change) => line(changeText(change), 4)));
  }
  for (const hold of holds) {
    const word = hold.decidedBy === null ? '' : ` by ${hold.decidedBy}: ${hold.reason ?? ''}`;
    lines.push(line(`${hold.state}${word}, ${hold.id} since ${when(hold.since)}: ${changeText(hold.change)}`, 2));
    lines.push(line(hold.because, 4));
  }
  if (job !== undefined) {
    lines.push(`  job ${job.state}, ${job.attempts} attempts`);
    if (job.lastError !== null) lines.push(line(`${job.lastError.kind}: ${job.lastError.message}`, 4));
    if (job.lastError?.remedy !== undefined) lines.push(line(job.lastError.remedy, 4));
  }
  if (decisions.length > 0) lines.push('  what was decided, newest first');
  for (const { at: time, actor, kind, object, detail } of decisions.slice(0, 8)) {
    const word = `${String(detail?.['op'] ?? '')} ${object ?? ''} ${kind.slice('hold.'.length)}`;
    lines.push(line(`${when(time)} ${word} by ${actor}: ${String(detail?.['reason'] ?? '')}`, 4));
  }
  if (answers.length > 0) lines.push('  what the target answered, newest first');
  for (const { at: time, object, detail } of answers.slice(0, 8)) {
    const said = detail?.['answer'] ?? detail?.['message'] ?? '';
    lines.push(line(`${when(time)} ${String(detail?.['op'] ?? '')} ${object ?? ''}: ${String(said)}`, 4));
  }
  return lines;
}

const WITHHELD = 'undecided: the rules are withheld';

function itemText({ item, wanted, undecided, causes, ledger, present }: ExplainedItem, withheld: boolean): string[] {
  const role = itemRole(item);
  const set = itemSet(item);
  const username = ledger?.objectId === undefined ? '' : `, ${ledger.objectId}`;
  const name = role !== undefined ? `role ${role}` : set !== undefined ? `alias in set ${set}${username}` : item;
  const given =
    ledger === undefined
      ? 'not given by us'
      : `${ledger.created ? 'given' : 'claimed'} by plan ${ledger.plan.slice(0, 12)}${ledger.confirmed ? '' : ', not confirmed yet'}`;
  const seen = present === undefined ? '' : present ? '; the target shows it' : '; the target does not show it';
  const want = withheld ? WITHHELD : undecided ? 'undecided' : wanted ? 'wanted' : 'not wanted';
  return [`  ${name}: ${want}, ${given}${seen}`, ...causes.map((cause) => line(causeText(cause), 4))];
}

function asJson({ withheld, recovery, person, targets, findings, shadow, rules }: Explained): unknown {
  const { id, userName, displayName, email, life, generation, evidence, burst, dormant, frozen, records } = person;
  return {
    withheld,
    recovery,
    person: {
      id,
      userName,
      displayName,
      email: email ?? null,
      life,
      generation,
      evidence: evidence ?? null,
      burst: burst ?? null,
      dormant: dormant ?? null,
      frozen: frozen ?? null,
    },
    records: records.map(({ source, anchor, active, gone, missing, version }) => ({
      source,
      anchor,
      active,
      gone: gone ?? null,
      missing: missing ?? null,
      version,
    })),
    groups: [...person.groups].map(([group, path]) => ({ id: group, path })),
    targets: targets.map(({ account, others, ...rest }) => ({
      ...rest,
      account: account === undefined ? null : { ...account, roles: [...account.roles], aliases: [...account.aliases] },
      otherRules: others.map((rule) => ({ id: rule.id, place: rule.place })),
    })),
    findings,
    shadow,
    rules,
  };
}
