import { Failure } from '../../model/failure.ts';
import type { Fact, Reading, ReadingEnd, ReadingScope } from '../../model/facts.ts';
import { parseCursor, type StampedCursor, type UsnCursor } from './cursor.ts';
import { type FullContext, fullFacts } from './full.ts';
import { beginMark, cursorOf, type Mark } from './marks.ts';
import { Names } from './members.ts';
import { Tally } from './scan.ts';
import { openSession, type Session } from './session.ts';
import type { Setup } from './setup.ts';
import { renamedMeanwhile, stampedChanges, sweepSince } from './stamped.ts';
import { usnChanges, whyNotSince } from './usn.ts';
import { ValueError } from './values.ts';

/** How it is read: fixed before the first fact is told. */
interface Plan {
  readonly scope: ReadingScope;
  /** In batches. */
  readonly facts: AsyncGenerator<readonly Fact[]>;
  /** After the facts: what may keep it from being whole. */
  readonly after?: () => Promise<void>;
  /** Of the cursor that it began with. */
  readonly before?: StampedCursor;
  /** The next one, where it is not to be made of what was seen. */
  readonly cursor?: string;
}

async function* nothing(): AsyncGenerator<readonly Fact[]> {}

/** Changes are few: one by one is quick enough. */
async function* oneByOne(facts: AsyncGenerator<Fact>): AsyncGenerator<readonly Fact[]> {
  for await (const fact of facts) yield [fact];
}

/** OpenLDAP numbers every change, deletions too: with the same numbers nothing at all happened. */
const isUnchanged = (mark: Mark, cursor: StampedCursor): boolean =>
  mark.kind === 'csn' && cursor.kind === 'csn' && mark.csns.join() === cursor.stamps.join();

/** Begins a reading. Throws Failure. `opened` is told of the session, so that whoever closes the directory can end it. */
export async function beginReading(
  setup: Setup,
  since: string | undefined,
  signal: AbortSignal,
  opened: (session: Session) => void,
): Promise<Reading> {
  const cursor = since === undefined ? undefined : parseCursor(since);
  const now = new Date();
  const session = await openSession(setup, signal, cursor?.url);
  opened(session);
  try {
    const context = { session, tally: new Tally(), now, signal, mark: await beginMark(session, now, signal) };
    const plan = await planOf(context, cursor);
    return readingOf(context, plan);
  } catch (error) {
    session.connection.destroy();
    throw asFailure(error, session);
  }
}

async function planOf(context: FullContext, cursor: StampedCursor | UsnCursor | undefined): Promise<Plan> {
  if (cursor?.kind === 'usn') {
    const why = await whyNotSince(context, cursor);
    if (why === undefined) return { scope: 'changes', facts: oneByOne(usnChanges(context, cursor)) };
    return full(await again(context), why);
  }
  if (cursor !== undefined) {
    if (isUnchanged(context.mark, cursor))
      return { scope: 'changes', facts: nothing(), cursor: JSON.stringify(cursor) };
    const sweep = await sweepSince(context, cursor);
    if (typeof sweep !== 'string')
      return { scope: 'changes', facts: oneByOne(stampedChanges(context, cursor, sweep)), before: cursor };
    return full(await again(context), sweep);
  }
  return full(context);
}

/** What was gathered to look whether changes can be told is not of this reading. */
const again = async (context: FullContext): Promise<FullContext> =>
  Object.assign(context, { tally: new Tally(), mark: await beginMark(context.session, context.now, context.signal) });

function full(context: FullContext, why?: string): Plan {
  const { tally } = context;
  const names = new Names();
  if (why !== undefined) tally.say(`everything was read: ${why}`);
  return {
    scope: 'full',
    facts: fullFacts(context, names),
    after: async () => {
      if (tally.whole && (await renamedMeanwhile(context, names)))
        tally.notWhole('entries were renamed while they were read');
    },
  };
}

/** So many entries that can't be understood are no exception any more. */
const FEW = { entries: 10, part: 0.05 };

/**
 * An entry that can't be understood keeps its record as it is. Where many are so, an attribute is not to be read any more,
 * such as the one with the disabled bit: then nobody would be seen to leave, and the reading must not count as whole.
 */
class Legible {
  #all = 0;
  #bad = 0;
  #why = '';

  look(batch: readonly Fact[]): void {
    for (const fact of batch) {
      if (fact.type === 'unreadable') {
        this.#bad += 1;
        this.#why = fact.because;
      } else if (fact.type === 'person' || fact.type === 'group') this.#all += 1;
    }
  }

  get because(): string | undefined {
    const most = Math.max(FEW.entries, FEW.part * (this.#all + this.#bad));
    return this.#bad > most
      ? `${this.#bad} entries can not be understood, such as one because ${this.#why}`
      : undefined;
  }
}

function readingOf(context: FullContext, plan: Plan): Reading {
  const { session, setup } = { session: context.session, setup: context.session.setup };
  const legible = new Legible();
  async function* facts(): AsyncGenerator<Fact> {
    try {
      for await (const batch of plan.facts) {
        legible.look(batch);
        for (const fact of batch) yield fact;
      }
      if (legible.because !== undefined) context.tally.notWhole(legible.because);
      await plan.after?.();
      context.tally.finished = true;
      session.connection.close();
    } catch (error) {
      throw asFailure(error, session);
    } finally {
      session.connection.destroy();
    }
  }
  return { scope: plan.scope, covers: [...setup.attributes.keys()], facts: facts(), end: () => endOf(context, plan) };
}

function endOf({ tally, mark, session, now }: FullContext, plan: Plan): ReadingEnd {
  const { because, notes } = tally;
  const told = notes.length === 0 ? {} : { notes };
  if (because !== undefined) return { sealed: false, because, ...told };
  const cursor = plan.cursor ?? cursorOf(mark, session, now, plan.before);
  return { sealed: true, ...(cursor === undefined ? {} : { cursor }), ...told };
}

/** What is wrong with a value where nothing may be left out ends the reading. */
const asFailure = (error: unknown, { connection }: Session): unknown =>
  error instanceof ValueError
    ? new Failure({ kind: 'broken' }, `${connection.at} gave an entry that can not be read: ${error.message}`, {
        remedy: 'Let the account read the attribute, or correct the entry.',
        cause: error,
      })
    : error;
