/**
 * The load generator. It speaks HTTP over sockets by itself: Node's own client costs as much CPU time for a request as
 * the servers that are measured, on the same two cores.
 */
import { connect, type Socket } from 'node:net';
import type { Load, LoadResult } from './load.ts';
import { quantile } from './stats.ts';

process.once('message', (job: Load) => {
  run(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});

async function run(job: Load): Promise<LoadResult> {
  const { hostname, port, host } = new URL(job.url);
  const from = job.from ?? 0;
  const message = (n: number): string => {
    const path = numbered(job.paths[n % job.paths.length] ?? '/', n);
    const body = job.body === undefined ? undefined : numbered(job.body, n);
    const headers = {
      host,
      ...job.headers,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${job.method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
  };
  const sockets = await Promise.all(Array.from({ length: job.clients }, () => open(hostname, Number(port))));
  const send = async (first: number, count: number): Promise<{ times: number[]; ends: number[]; bytes: number }> => {
    const limit = performance.now() + job.limitMs;
    let next = first;
    let bytes = 0;
    const times: number[] = [];
    const ends: number[] = [];
    const client = async (socket: Socket): Promise<void> => {
      while (next < first + count && performance.now() < limit) {
        const text = message(next++);
        const begun = performance.now();
        const answer = await exchange(socket, text);
        const end = performance.now();
        if (answer.status !== job.expect)
          throw new Error(`${text.split('\r\n')[0]} → ${answer.status}, not ${job.expect}: ${answer.start}`);
        times.push(end - begun);
        ends.push(end);
        bytes += answer.bytes;
      }
    };
    await Promise.all(sockets.map(client));
    return { times, ends, bytes };
  };
  await send(from, job.warmUp);
  process.send?.({ warm: true });
  const begun = performance.now();
  const { times, ends, bytes } = await send(from + job.warmUp, job.count);
  const ms = performance.now() - begun;
  for (const socket of sockets) socket.destroy();
  if (times.length === 0) throw new Error('not one request was answered in time');
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const end of ends) {
    const tenth = Math.min(9, Math.floor(((end - begun) / ms) * 10));
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  return {
    count: times.length,
    seconds: ms / 1000,
    perSecond: (times.length / ms) * 1000,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    max: quantile(times, 1),
    bytes,
    tenths,
  };
}

const numbered = (text: string, n: number): string =>
  text.replaceAll('{n}', String(n)).replaceAll('{n:12}', String(n).padStart(12, '0'));

const open = (host: string, port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });

interface Answer {
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  /** How the body begins. */
  readonly start: string;
}

/** One request, one answer. The answer ends with its length, or with the last chunk. */
function exchange(socket: Socket, text: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let head: Buffer | undefined;
    let status = 0;
    let expected = 0;
    let chunked = false;
    let bytes = 0;
    let start = '';
    let tail = '';
    const settle = (act: () => void): void => {
      socket.off('data', onData).off('error', onError).off('close', onClose);
      act();
    };
    const onError = (error: Error): void => settle(() => reject(error));
    const onClose = (): void => settle(() => reject(new Error('the server closed the connection')));
    const onData = (data: Buffer): void => {
      let body = data;
      if (status === 0) {
        const all: Buffer = head === undefined ? data : Buffer.concat([head, data]);
        const end = all.indexOf('\r\n\r\n');
        if (end < 0) {
          head = all;
          return;
        }
        const headers = all.toString('latin1', 0, end).toLowerCase();
        status = Number(headers.slice(9, 12));
        expected = Number(/\ncontent-length: *(\d+)/.exec(headers)?.[1] ?? 0);
        chunked = headers.includes('\ntransfer-encoding: chunked');
        body = all.subarray(end + 4);
        start = body.toString('latin1', 0, 300);
      }
      bytes += body.length;
      if (chunked) tail = (tail + body.toString('latin1', Math.max(0, body.length - 5))).slice(-5);
      const ended = chunked ? tail === '0\r\n\r\n' : bytes >= expected;
      if (ended) settle(() => resolve({ status, bytes, start }));
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.write(text);
  });
}
