import { closeSync, existsSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import * as z from 'zod';

/**
 * Keeps the simulator's state in a file: one JSON document a line, appended and handed to the operating system before
 * a call is answered. That outlives a killed process, not a power cut. A line that was cut off at the end is dropped:
 * its call was never answered. The file is rewritten without history at each start.
 */

const op = z.union([
  z.strictObject({ put: z.enum(['account', 'role', 'attachment']), id: z.string(), seq: z.int(), data: z.string() }),
  z.strictObject({ delete: z.enum(['account', 'role', 'attachment']), id: z.string() }),
  z.strictObject({ key: z.string(), secret: z.string(), account: z.string() }),
]);
/** One effect on the state; `data` is the message in base64, so unknown fields are kept. */
export type JournalOp = z.output<typeof op>;

const line = z.union([
  z.strictObject({ format: z.literal('strongdm-sim/1'), accessKey: z.string(), secretKey: z.string(), seq: z.int() }),
  z.strictObject({ ops: z.array(op) }),
]);
type Header = { readonly accessKey: string; readonly secretKey: string; readonly seq: number };

export interface JournalContent {
  readonly header: Header;
  readonly ops: readonly JournalOp[];
}

export interface Journal {
  /** All effects of one call, as one line: all of them or none. */
  append(ops: readonly JournalOp[]): void;
  close(): void;
}

/** What a journal holds; undefined when there is none. Throws when a line other than the last can't be read. */
export function readJournal(file: string): JournalContent | undefined {
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  // The text after the last newline is empty, or a line that was cut off.
  lines.pop();
  let header: Header | undefined;
  const ops: JournalOp[] = [];
  for (const [index, text] of lines.entries()) {
    const parsed = line.safeParse(parseJson(text));
    if (!parsed.success || 'format' in parsed.data !== (index === 0)) {
      throw new Error(`${file}:${index + 1} is not a line of a simulator's journal; move the file away to begin anew`);
    }
    if ('format' in parsed.data) header = parsed.data;
    else ops.push(...parsed.data.ops);
  }
  return header === undefined ? undefined : { header, ops };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes the present state as a new file in place of the old one, and goes on appending to it. */
export function startJournal(file: string, header: Header, ops: Iterable<JournalOp>): Journal {
  const next = `${file}.new`;
  // The file holds the keys: for its owner only.
  const fresh = openSync(next, 'w', 0o600);
  writeSync(fresh, `${JSON.stringify({ format: 'strongdm-sim/1', ...header })}\n`);
  for (const one of ops) writeSync(fresh, `${JSON.stringify({ ops: [one] })}\n`);
  closeSync(fresh);
  renameSync(next, file);
  const fd = openSync(file, 'a', 0o600);
  let open = true;
  return {
    append: (effects) => {
      if (open) writeSync(fd, `${JSON.stringify({ ops: effects })}\n`);
    },
    close: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}
