import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { PoolClient, Submittable } from 'pg';

/** What of pg's connection the COPY protocol needs; pg documents `Submittable` for this and types only its beginning. */
interface Wire {
  readonly stream: Duplex;
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/** Bytes that may wait for the reader before the server is made to wait. */
const AHEAD = 1 << 20;

/**
 * Runs `copy … to stdout` and gives what the server sends, as it comes; a slow reader slows the server down. Returns
 * how many rows the server says that it sent. Throws pg's errors. Whoever stops before the end must throw the connection away: the server would go on sending.
 */
export async function* copyOut(client: PoolClient, text: string): AsyncGenerator<Buffer, number> {
  let waiting: Buffer[] = [];
  let size = 0;
  let end: { readonly error?: unknown } | undefined;
  let wire: Wire | undefined;
  let rows = -1;
  let wake = (): void => undefined;
  const query: Submittable & Record<string, unknown> = {
    submit: (connection) => {
      wire = connection as unknown as Wire;
      wire.query(text);
    },
    handleCopyData: ({ chunk }: { readonly chunk: Buffer }) => {
      // It lies in the buffer of pg's parser, which is used again for what comes next.
      waiting.push(Buffer.from(chunk));
      size += chunk.length;
      if (size > AHEAD) wire?.stream.pause();
      wake();
    },
    handleCommandComplete: ({ text: tag }: { readonly text: string }) => void (rows = Number(tag.replace('COPY ', ''))),
    handleReadyForQuery: () => {
      end ??= {};
      wake();
    },
    handleError: (error: unknown) => {
      end ??= { error };
      wake();
    },
  };
  client.query(query);
  for (;;) {
    if (waiting.length > 0) {
      const chunk = Buffer.concat(waiting);
      [waiting, size] = [[], 0];
      wire?.stream.resume();
      yield chunk;
    } else if (end !== undefined) {
      if ('error' in end) throw end.error;
      return rows;
    } else {
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
}

/**
 * Runs `copy … from stdin` with what `source` gives, no faster than the server takes it. Throws pg's errors, and what
 * `source` throws; then the server has taken nothing.
 */
export async function copyIn(client: PoolClient, text: string, source: AsyncIterable<Buffer>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let over = false;
  let pumping: Promise<void> | undefined;
  const finish = (settle: () => void): void => {
    over = true;
    void Promise.resolve(pumping).then(settle);
  };
  const pump = async (wire: Wire): Promise<void> => {
    try {
      for await (const chunk of source) {
        if (over) return;
        wire.sendCopyFromChunk(chunk);
        if (wire.stream.writableNeedDrain) await drained(wire.stream);
      }
      if (!over) wire.endCopyFrom();
    } catch (error) {
      if (!over) wire.sendCopyFail('the file ended');
      reject(error);
    }
  };
  const query: Submittable & Record<string, unknown> = {
    submit: (connection) => (connection as unknown as Wire).query(text),
    handleCopyInResponse: (connection: Wire) => void (pumping = pump(connection)),
    handleCommandComplete: () => undefined,
    handleReadyForQuery: () => finish(resolve),
    handleError: (error: unknown) => finish(() => reject(error)),
  };
  client.query(query);
  await promise;
}

/** Until the stream takes more, or is gone. */
async function drained(stream: Duplex): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(() => undefined);
  stop.abort();
}
