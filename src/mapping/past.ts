/** One entry of the history, as far as the past of a person needs it. `id` rises with time. */
export interface HistoryEvent {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  readonly kind: string;
  readonly source?: string | null | undefined;
  readonly target?: string | null | undefined;
  readonly object?: string | null | undefined;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export type PastState = 'active' | 'disabled' | 'deleted' | 'missing';

/** A record as its source had told of it by then. */
export interface PastRecord {
  readonly source: string;
  readonly anchor: string;
  readonly state: PastState;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Of the last change. */
  readonly changedAt: Date;
  readonly changedBy: string;
}

/** A group that held one of the person's records directly. */
export interface PastGroup {
  readonly source: string;
  readonly anchor: string;
  readonly name: string;
  /** Null where only what came later shows it. */
  readonly since: Date | null;
  readonly by: string | null;
}

/** Something that was given at a target and not taken yet. */
export interface PastItem {
  readonly target: string;
  readonly item: string;
  readonly op: string;
  readonly since: Date;
  readonly plan: string;
  /** What the target answered. */
  readonly answer: string | null;
}

/** An operator's word on something that the guard held. */
export interface PastDecision {
  readonly target: string;
  readonly item: string;
  readonly word: 'approved' | 'rejected';
  /** What was to be done: `revoke`, `grant`, … */
  readonly op: string;
  readonly at: Date;
  readonly by: string;
  readonly reason: string | null;
}

export interface Past {
  readonly records: readonly PastRecord[];
  readonly groups: readonly PastGroup[];
  readonly items: readonly PastItem[];
  /** The last word on each item, sorted by target and item. */
  readonly decisions: readonly PastDecision[];
  /** Targets where the account was blocked, with the time. */
  readonly blocked: ReadonlyMap<string, Date>;
  /** Of the last event that says anything of the person; undefined where there is none. */
  readonly last?: Date;
}

interface FieldChange {
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What the history says of one person up to a moment. Add the events in their order, and read it at the end. */
export function pastOfPerson(): { add(event: HistoryEvent): void; read(): Past } {
  const records = new Map<string, PastRecord>();
  const groups = new Map<string, PastGroup>();
  const items = new Map<string, PastItem>();
  const decisions = new Map<string, PastDecision>();
  const blocked = new Map<string, Date>();
  let last: Date | undefined;
  return {
    add(event) {
      last = event.at;
      if (event.kind.startsWith('record.')) addRecord(records, event);
      else if (event.kind === 'member.added' || event.kind === 'member.removed') addMembership(groups, event);
      else if (event.kind === 'change.applied') addChange(items, blocked, event);
      else if (event.kind === 'hold.approved' || event.kind === 'hold.rejected') addDecision(decisions, event);
    },
    read: () => ({
      records: [...records.values()],
      groups: [...groups.values()],
      items: inOrder(items),
      decisions: inOrder(decisions),
      blocked,
      ...(last !== undefined && { last }),
    }),
  };
}

const inOrder = <T>(byKey: ReadonlyMap<string, T>): T[] =>
  [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);

function addRecord(records: Map<string, PastRecord>, event: HistoryEvent): void {
  const { source, object, detail = {} } = event;
  if (source == null || object == null || (detail['resource'] ?? 'user') !== 'user') return;
  const id = `${source}/${object}`;
  const before = records.get(id)?.fields ?? {};
  const fields = { ...(isObject(detail['after']) ? detail['after'] : changed(before, detail['changed'])) };
  records.set(id, {
    source,
    anchor: object,
    state: stateAfter(event.kind, fields),
    fields,
    changedAt: event.at,
    changedBy: event.actor,
  });
}

function changed(before: Readonly<Record<string, unknown>>, change: unknown): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(isObject(change) ? change : {})) {
    const { after } = value as FieldChange;
    if (after === undefined) delete fields[name];
    else fields[name] = after;
  }
  return fields;
}

function stateAfter(kind: string, fields: Readonly<Record<string, unknown>>): PastState {
  if (kind === 'record.gone') return 'deleted';
  if (kind === 'record.missing') return 'missing';
  return fields['active'] === false ? 'disabled' : 'active';
}

function addMembership(
  groups: Map<string, PastGroup>,
  { kind, at, actor, source, object, detail }: HistoryEvent,
): void {
  if (source == null || object == null) return;
  const id = `${source}/${object}`;
  if (kind === 'member.removed') groups.delete(id);
  else if (!groups.has(id)) {
    groups.set(id, { source, anchor: object, name: textOf(detail?.['group']) ?? object, since: at, by: actor });
  }
}

const GIVES = new Set(['create', 'claim', 'adopt', 'grant', 'alias']);
const TAKES = new Set(['revoke', 'unalias', 'destroy']);

function addChange(items: Map<string, PastItem>, blocked: Map<string, Date>, event: HistoryEvent): void {
  const { target, object: item, at, detail = {} } = event;
  const op = textOf(detail['op']) ?? '';
  if (target == null || item == null) return;
  if (op === 'block') blocked.set(target, at);
  if (op === 'enable' || op === 'create') blocked.delete(target);
  if (TAKES.has(op)) items.delete(`${target}/${item}`);
  if (!GIVES.has(op)) return;
  const answer = textOf(detail['answer']) ?? null;
  items.set(`${target}/${item}`, { target, item, op, since: at, plan: textOf(detail['plan']) ?? '', answer });
}

function addDecision(decisions: Map<string, PastDecision>, event: HistoryEvent): void {
  const { kind, target, object: item, at, actor: by, detail } = event;
  if (target == null || item == null) return;
  const word = kind === 'hold.approved' ? 'approved' : 'rejected';
  decisions.set(`${target}/${item}`, {
    target,
    item,
    word,
    op: textOf(detail?.['op']) ?? '',
    at,
    by,
    reason: textOf(detail?.['reason']) ?? null,
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
