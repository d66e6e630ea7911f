import type { Lane } from '../model/job.ts';
import type { Db } from '../store/db.ts';
import { appendEvents } from '../store/events.ts';
import { notifyWake } from '../store/lease.ts';
import { dropWork, listWork, retryWork, type WorkRow } from '../store/work-list.ts';
import { stepsOfPerson } from '../store/plans.ts';
import { add, group, type Answer, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { matches, parseFilter, type Term } from './filter.ts';
import { readLimit } from './paging.ts';
import { findPerson } from './person.ts';
import { changeText, clip, indent, plural, table, when, wrap } from './text.ts';

const FIELDS = ['state', 'target', 'person', 'error'] as const;

/** `jobs list|show|retry|drop`: a job is what waits for one person at one target. */
export function addJobs(program: Program): void {
  const jobs = group(program, 'jobs', 'what waits to be done at targets, and what went wrong', 'jobs list');
  add<{ filter?: string; limit: string; after?: string; all?: boolean }>(program, jobs, {
    usage: 'list',
    about: 'jobs that wait or are parked',
    examples: ['jobs list', 'jobs list --filter "state:parked target:strongdm"'],
    options: (command) =>
      command
        .option('--filter <terms>', `field:value, blanks AND, * wildcard; fields: ${FIELDS.join(', ')}`)
        .option('--all', 'also those that are done')
        .option('--limit <n>', 'jobs on a page', '100')
        .option('--after <job>', 'go on after this one (TARGET/PERSON)'),
    run: async (context, options) => {
      const terms = parseFilter(options.filter, FIELDS);
      const limit = readLimit(options.limit);
      const all = options.all === true || terms.some((t) => t.field === 'state');
      const after = options.after === undefined ? undefined : readLane(options.after);
      const found = await context.withStore(({ db }) => collect(db, terms, all, after, limit + 1));
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const next = found.length > limit && last !== undefined ? nameOf(last) : undefined;
      return {
        json: { jobs: page.map(asJson), ...(next === undefined ? {} : { next }) },
        text: page.length === 0 ? 'Nothing waits, nothing is parked.' : pageText(page, next),
      };
    },
  });
  add(program, jobs, {
    usage: 'show <job>',
    about: 'one job: what is to be done, and the last failure with its remedy',
    examples: ['jobs show strongdm/p_8jW1cPq0aZx2'],
    run: async (context, _options, name = '') =>
      context.withStore(async ({ db }) => {
        const lane = await laneOf(db, name);
        const row = await workOf(db, lane);
        const steps = await stepsOfPerson(db, lane.person, 200);
        const step = steps.find((s) => s.id === row.step);
        const changes = step?.changes ?? [];
        const lines = [
          `${nameOf(row)}  ${stateOf(row)}`,
          ...(row.block ? ['  block sign-in: the person was disabled or deleted at the source'] : []),
          ...(step === undefined
            ? []
            : [`  plan ${step.plan.slice(0, 12)}`, ...changes.map((c) => `    ${changeText(c)}`)]),
          ...errorText(row),
        ];
        return { json: { ...asJson(row), plan: step?.plan ?? null, changes }, text: lines.join('\n') };
      }),
  });
  add<{ target?: string; all?: boolean }>(program, jobs, {
    usage: 'retry [job]',
    about: 'try parked and waiting jobs again, now',
    examples: ['jobs retry strongdm/ann@example.com', 'jobs retry --target strongdm', 'jobs retry --all'],
    options: (command) =>
      command.option('--target <id>', 'all jobs of this target').option('--all', 'all jobs of all targets'),
    run: async (context, options, name) => {
      if ([name, options.target, options.all].filter((given) => given !== undefined).length !== 1) {
        throw new CommandError(EXIT.usage, 'say which jobs: one job, --target ID, or --all');
      }
      return context.withStore(async ({ db }) => {
        const filter =
          name === undefined
            ? options.target === undefined
              ? {}
              : { target: options.target }
            : await laneOf(db, name);
        const again = await retryWork(db, filter);
        const event = { actor: context.actor, kind: 'work.retried', object: name ?? options.target ?? 'all' };
        await appendEvents(db, [{ ...event, detail: { jobs: again.length } }]);
        await notifyWake(db, false);
        return acted(again, 'tried again');
      });
    },
  });
  add(program, jobs, {
    usage: 'drop <job>',
    about: 'forget a job; it comes back when something about the person changes',
    examples: ['jobs drop strongdm/ann@example.com'],
    run: async (context, _options, name = '') =>
      context.withStore(async ({ db }) => {
        const lane = await laneOf(db, name);
        const dropped = await dropWork(db, lane);
        if (dropped) {
          await appendEvents(db, [
            { actor: context.actor, kind: 'work.dropped', person: lane.person, target: lane.target },
          ]);
        }
        return acted(dropped ? [lane] : [], 'dropped');
      }),
  });
}

function acted(lanes: readonly Lane[], done: string): Answer {
  return {
    json: { jobs: lanes.map(nameOf) },
    text: lanes.length === 0 ? 'No such job waits or is parked.' : `${plural(lanes.length, 'job')} ${done}.`,
    exit: lanes.length === 0 ? EXIT.nothing : EXIT.done,
  };
}

const nameOf = (lane: Lane): string => `${lane.target}/${lane.person}`;

function readLane(name: string): Lane {
  const slash = name.indexOf('/');
  if (slash < 1) throw new CommandError(EXIT.usage, `"${name}" is no job`, { remedy: 'Write it as TARGET/PERSON.' });
  return { target: name.slice(0, slash), person: name.slice(slash + 1) };
}

/** PERSON may be any name that finds one person. */
async function laneOf(db: Db, name: string): Promise<Lane> {
  const lane = readLane(name);
  return { target: lane.target, person: (await findPerson(db, lane.person)).id };
}

async function workOf(db: Db, lane: Lane): Promise<WorkRow> {
  const [row] = await listWork(db, { ...lane, limit: 1 });
  if (row === undefined) throw new CommandError(EXIT.nothing, `there was never a job ${nameOf(lane)}`);
  return row;
}

/** Exact parts of the filter run in the store, wildcards here, page after page. */
async function collect(db: Db, terms: readonly Term[], all: boolean, after: Lane | undefined, limit: number) {
  const exact = (field: string): string | undefined =>
    terms.find((t) => t.field === field && !t.value.includes('*'))?.value;
  const [target, person] = [exact('target'), exact('person')];
  const found: WorkRow[] = [];
  let last = after;
  for (;;) {
    const rows = await listWork(db, {
      ...(target === undefined ? {} : { target }),
      ...(person === undefined ? {} : { person }),
      ...(last === undefined ? {} : { after: last }),
      limit: 1000,
    });
    found.push(...rows.filter((row) => (all || row.state !== 'done') && terms.every((term) => fits(term, row))));
    last = rows.at(-1);
    if (last === undefined || rows.length < 1000 || found.length >= limit) return found.slice(0, limit);
  }
}

function fits(term: Term, row: WorkRow): boolean {
  if (term.field === 'error') return matches(term, row.lastError?.kind);
  return matches(term, row[term.field as 'state' | 'target' | 'person']);
}

const asJson = (row: WorkRow) => ({ job: nameOf(row), ...row });

function stateOf(row: WorkRow): string {
  if (row.running) return 'running';
  if (row.state === 'pending' && row.notBefore.getTime() > Date.now()) return `waits until ${when(row.notBefore)}`;
  return row.state;
}

function errorText(row: WorkRow): string[] {
  const { lastError } = row;
  if (lastError === null) return [];
  const said = `${lastError.kind}: ${lastError.message}`;
  const remedy = lastError.remedy === undefined ? [] : [indent(wrap(lastError.remedy, 94), 4)];
  return [indent(wrap(`last failure ${when(lastError.at)}, attempt ${row.attempts}: ${said}`, 96), 2), ...remedy];
}

function pageText(page: readonly WorkRow[], next: string | undefined): string {
  const rows = page.map((row) => [
    nameOf(row),
    stateOf(row),
    String(row.attempts),
    row.lastError === null ? '' : clip(`${row.lastError.kind}: ${row.lastError.message}`, 44),
  ]);
  const text = table(['JOB', 'STATE', 'ATTEMPTS', 'LAST FAILURE'], rows);
  return next === undefined ? text : `${text}\n\nMore: --after "${next}"`;
}
