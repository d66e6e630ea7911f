import { createHash } from 'node:crypto';
import { cutOff, damaged } from './format.ts';

/** The longest line that is taken in, bytes: a row holds one record at most. */
const LONGEST = 64 << 20;

/** Reads a copy line by line, one ahead, with a digest of what was taken. */
export interface CopyLines {
  readonly file: string;
  /** Number of the line that `peek` shows, from 1. */
  readonly at: number;
  /** The next line without its end; undefined when there is none. */
  peek(): Promise<string | undefined>;
  /** The same, and goes on behind it. Throws `StoreRefused` when there is none. */
  take(): Promise<string>;
  /** SHA-256 of all lines taken so far, in hex. The last thing asked before `skip`. */
  digest(): string;
  /** Goes on behind the line that `peek` shows, without the digest. */
  skip(): Promise<void>;
}

/** Throws `StoreRefused` for a file that is cut off or damaged; `chunks` may throw zlib's errors for the same. */
export function copyLines(file: string, chunks: AsyncIterable<Buffer>): CopyLines {
  const source = split(file, chunks)[Symbol.asyncIterator]();
  const hash = createHash('sha256');
  let ahead: { readonly line: Buffer | undefined } | undefined;
  let at = 1;
  const fetch = async (): Promise<Buffer | undefined> => {
    if (ahead !== undefined) return ahead.line;
    const next = await source.next().catch((error: unknown) => Promise.reject(explained(file, at, error)));
    ahead = { line: next.done === true ? undefined : next.value };
    return ahead.line;
  };
  return {
    file,
    get at() {
      return at;
    },
    peek: async () => (await fetch())?.toString('utf8'),
    take: async () => {
      const line = await fetch();
      if (line === undefined) throw cutOff(file);
      ahead = undefined;
      at += 1;
      hash.update(line).update('\n');
      return line.toString('utf8');
    },
    digest: () => hash.digest('hex'),
    skip: async () => {
      await fetch();
      ahead = undefined;
      at += 1;
    },
  };
}

async function* split(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let open: Buffer[] = [];
  let size = 0;
  let at = 1;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const piece = chunk.subarray(from, end);
      yield open.length === 0 ? piece : Buffer.concat([...open, piece]);
      [open, size, from] = [[], 0, end + 1];
      at += 1;
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (size > LONGEST) throw damaged(file, at);
    if (rest.length > 0) open.push(rest);
  }
  // A last line without its end was being written when the file broke off.
  if (open.length > 0) throw cutOff(file);
}

function explained(file: string, at: number, error: unknown): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'Z_BUF_ERROR') return cutOff(file);
  return typeof code === 'string' && code.startsWith('Z_') ? damaged(file, at) : error;
}
