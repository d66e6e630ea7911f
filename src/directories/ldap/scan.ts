import type { Session } from './session.ts';
import { type Control, type Entry, search } from './wire/index.ts';

/** What is known of a reading beside its facts: why it is not whole, and what was left out. */
export class Tally {
  readonly #reasons: string[] = [];
  readonly #notes = new Map<string, number>();
  readonly #said: string[] = [];
  /** It came to its end. */
  finished = false;

  /** It is not whole. */
  notWhole(because: string): void {
    if (!this.#reasons.includes(because)) this.#reasons.push(because);
  }

  /** Something was left out, once more; `text` is the same for all of its kind. */
  note(text: string): void {
    this.#notes.set(text, (this.#notes.get(text) ?? 0) + 1);
  }

  /** Nothing was found so far that keeps it from being whole. */
  get whole(): boolean {
    return this.#reasons.length === 0;
  }

  get because(): string | undefined {
    if (!this.finished) return 'the reading was not read to its end';
    return this.#reasons.length === 0 ? undefined : this.#reasons.join('; ');
  }

  /** Something that is to be known once, and not counted. */
  say(text: string): void {
    this.#said.push(text);
  }

  get notes(): string[] {
    return [...this.#said, ...[...this.#notes].map(([text, count]) => `${count} ${text}`)];
  }
}

export interface Scan {
  readonly base: string;
  readonly filter: string;
  readonly attributes: readonly string[];
  /** Besides those of the session. */
  readonly controls?: readonly Control[];
  /** A base that is not there, or not shown, is an empty one. */
  readonly missing?: boolean;
  /** What is looked for, for messages: `people`. */
  readonly what: string;
}

/**
 * All entries below a base, in batches; what keeps the reading from being whole is told to the tally. An entry that can't
 * even be taken apart may be anybody's.
 */
export async function* scan(
  session: Session,
  request: Scan,
  tally: Tally,
  signal: AbortSignal,
): AsyncGenerator<readonly Entry[]> {
  const { connection, setup, controls, pageSize } = session;
  const { base, filter, attributes, what, missing = false } = request;
  const found = search(
    connection,
    { base, scope: 'sub', filter, attributes, pageSize, controls: [...controls, ...(request.controls ?? [])] },
    signal,
    { missing },
  );
  for (;;) {
    const step = await found.next();
    if (step.done === true) {
      const { cut, references } = step.value;
      if (cut !== undefined) tally.notWhole(`the server stopped at ${cut} while it gave the ${what} below ${base}`);
      if (references.length > 0 && !setup.ignoreReferrals) {
        tally.notWhole(
          `a part of the tree below ${base} lies on another server (${references[0]}): read it as a source of its own, or set ignoreReferrals: true`,
        );
      }
      return;
    }
    const entries = step.value.filter((one): one is Entry => !('broken' in one));
    for (const one of step.value)
      if ('broken' in one)
        tally.notWhole(`an entry below ${base} can not be understood, not even whose it is: ${one.broken}`);
    if (entries.length > 0) yield entries;
  }
}
