import { parseDuration } from '../config/duration.ts';
import { type Past, type PastDecision, type PastItem, type PastRecord, pastOfPerson } from '../mapping/past.ts';
import { type Cause, itemRole } from '../model/accounts.ts';
import type { Db } from '../store/db.ts';
import { eventsUntil, groupsGone, groupsStill, historyBegins, plannedFor } from '../store/past.ts';
import { CommandError, EXIT } from './exit.ts';
import { causeText } from './explain-words.ts';
import { indent, rulesText, when, wrap } from './text.ts';

interface GroupAt {
  readonly source: string;
  readonly anchor: string;
  readonly name: string;
  readonly since: Date | null;
  readonly by: string | null;
}

interface ItemAt extends PastItem {
  readonly causes: readonly Cause[];
  readonly rules: { readonly revision: string; readonly commit: string | null } | null;
  readonly decision: PastDecision | null;
}

/** What the history says of a person at one moment. */
export interface ExplainedAt {
  readonly at: Date;
  readonly person: string;
  readonly records: readonly PastRecord[];
  readonly groups: readonly GroupAt[];
  readonly targets: ReadonlyArray<{
    readonly target: string;
    readonly blockedSince: Date | null;
    readonly items: readonly ItemAt[];
  }>;
  /** Of the oldest event that is kept. */
  readonly historySince: Date | null;
}

/**
 * `2026-11-20`, `2026-11-20 10:15` (both UTC), ISO 8601 with a zone, or how long ago, such as `3d`. Throws a CommandError
 * (exit 2) for anything else and for what is to come.
 */
export function readMoment(text: string, now: Date): Date {
  const ago = parseDuration(text);
  const plain = /^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,3})?)?)?$/.test(text.trim());
  const iso = plain ? `${text.trim().replace(' ', 'T')}${text.includes(':') ? 'Z' : 'T00:00:00Z'}` : text.trim();
  const at =
    ago === undefined
      ? /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(iso)
        ? Date.parse(iso)
        : Number.NaN
      : now.getTime() - ago;
  if (Number.isNaN(at)) {
    throw new CommandError(EXIT.usage, `"${text}" is no time`, {
      remedy: 'Write 2026-11-20, "2026-11-20 10:15" (UTC), 2026-11-20T10:15:00+01:00, or how long ago: 3d, 2h.',
    });
  }
  if (at > now.getTime()) throw new CommandError(EXIT.usage, `--at ${text} is still to come`);
  return new Date(at);
}

/** Reads a person's history up to a moment. Costs the person's events, however many people there are. */
export async function explainAt(
  db: Db,
  person: string,
  at: Date,
  only?: { readonly target: string; readonly role?: string | undefined },
): Promise<ExplainedAt> {
  const fold = pastOfPerson();
  for await (const event of eventsUntil(db, person, at)) fold.add(event);
  const past = fold.read();
  const item = only?.role === undefined ? undefined : `role:${only.role}`;
  const items = past.items.filter(
    (i) => (only === undefined || i.target === only.target) && (item === undefined || i.item === item),
  );
  const planned = await plannedFor(db, person, [...new Set(items.map((i) => i.plan))]);
  const targets = [...new Set(items.map((i) => i.target))].map((target) => ({
    target,
    blockedSince: past.blocked.get(target) ?? null,
    items: items.filter((i) => i.target === target).map((i): ItemAt => withCauses(i, planned, past)),
  }));
  const begins = await historyBegins(db);
  return {
    at,
    person,
    records: past.records,
    groups: await groupsAt(db, person, past, at),
    targets,
    historySince: begins,
  };
}

async function groupsAt(db: Db, person: string, past: Past, at: Date): Promise<GroupAt[]> {
  const gone = await groupsGone(db, past.groups, at);
  const found = new Map<string, GroupAt>();
  for (const { source, anchor, name } of await groupsStill(db, person, at)) {
    found.set(`${source}/${anchor}`, { source, anchor, name: name ?? anchor, since: null, by: null });
  }
  for (const group of past.groups) {
    const id = `${group.source}/${group.anchor}`;
    if (!gone.has(id)) found.set(id, group);
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function withCauses(item: PastItem, planned: Awaited<ReturnType<typeof plannedFor>>, { decisions }: Past): ItemAt {
  const plan = planned.find((p) => p.plan === item.plan && p.target === item.target);
  const causes = plan?.changes.find((c) => c.item === item.item && c.op === item.op)?.causes ?? [];
  const decision = decisions.find((d) => d.target === item.target && d.item === item.item) ?? null;
  const rules = plan === undefined ? null : { revision: plan.rulesRevision, commit: plan.rulesCommit };
  return { ...item, causes, rules, decision };
}

const COLUMNS = 100;
const line = (text: string, by: number): string => indent(wrap(text, COLUMNS - by), by);

export function explainedAtText(explained: ExplainedAt, userName: string): string {
  const { at, person, records, groups, targets, historySince } = explained;
  const lines = [`${userName}  ${person}  as of ${when(at)} UTC`];
  if (historySince === null || historySince.getTime() > at.getTime()) {
    lines.push(line(`The history begins ${when(historySince)}: of before nothing is known.`, 2));
    return lines.join('\n');
  }
  if (records.length === 0) lines.push('  no source had told of this person by then');
  for (const record of records) lines.push(...recordText(record));
  if (records.length > 0)
    lines.push(line(groups.length === 0 ? 'in no group' : `groups: ${groups.map(groupText).join('; ')}`, 2));
  for (const { target, blockedSince, items } of targets) {
    lines.push('', `${target}${blockedSince === null ? '' : `: sign-in blocked since ${when(blockedSince)}`}`);
    for (const item of items) lines.push(...itemText(item));
  }
  if (targets.length === 0) lines.push('', 'Nothing was given by us at any target.');
  return lines.join('\n');
}

function recordText({ source, anchor, state, fields, changedAt, changedBy }: PastRecord): string[] {
  const head = `record ${source}/${anchor}: ${state}, last changed ${when(changedAt)} by ${changedBy}`;
  const said = Object.entries(fields)
    .filter(([name]) => name !== 'active' && name !== 'schemas')
    .map(
      ([name, value]) => `${name.replace(/^urn:.*:/, '')} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
  return [line(head, 2), ...(said.length === 0 ? [] : [line(said.join('; '), 4)])];
}

const groupText = ({ name, source, since, by }: GroupAt): string =>
  `${name} of ${source}${since === null ? '' : ` (since ${when(since)}, ${by})`}`;

const DONE: Readonly<Record<string, string>> = {
  create: 'made',
  claim: 'claimed',
  adopt: 'adopted',
  grant: 'given',
  alias: 'given',
};

const decisionText = ({ op, word, at, by, reason }: PastDecision): string =>
  `${op === '' ? '' : `${op} `}${word} ${when(at)} by ${by}: ${reason ?? ''}`;

function itemText({ item, op, since, plan, answer, causes, rules, decision }: ItemAt): string[] {
  const role = itemRole(item as Parameters<typeof itemRole>[0]);
  const by = rules === null ? '' : `, ${rulesText(rules.revision, rules.commit)}`;
  const lines = [
    line(
      `${role === undefined ? item : `role ${role}`}: ${DONE[op] ?? op} ${when(since)} by plan ${plan.slice(0, 12)}${by}`,
      2,
    ),
  ];
  for (const cause of causes) lines.push(line(causeText(cause), 4));
  if (decision !== null) lines.push(line(decisionText(decision), 4));
  if (answer !== null) lines.push(line(`the target answered: ${answer}`, 4));
  return lines;
}
