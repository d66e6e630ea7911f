import { Agent, request as httpRequest } from 'node:http';
import { type FuzzRequest, requestOf } from './requests.ts';

export interface FuzzOptions {
  /** `http://HOST:PORT/scim/SOURCE/v2` */
  readonly base: string;
  readonly token: string;
  readonly seed: number;
  readonly ms: number;
  readonly parallel: number;
  /** An answer that takes longer is a failure. Milliseconds. */
  readonly slowest: number;
  /** Resident memory of the service, bytes. */
  memory(): number;
  progress?(done: number): void;
}

export interface FuzzResult {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly p99Ms: number;
  /** After a warm-up, the highest, and at the end; bytes. */
  readonly memory: { readonly start: number; readonly peak: number; readonly end: number };
  /** What went wrong, each with the number of the request; at most 20. */
  readonly failures: readonly string[];
}

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const MOST_IDS = 200;
/** Requests after which memory is looked at for the first time. */
const WARM = 2_000;

/**
 * Sends requests by seed and number until the time is over. Whatever is sent, the answer is SCIM, is not 5xx but 501,
 * and comes in time.
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.parallel });
  const ids: string[] = [];
  const statuses = new Map<number, number>();
  const times: number[] = [];
  const failures: string[] = [];
  const memory = { start: options.memory(), peak: 0, end: 0 };
  const end = performance.now() + options.ms;
  let number = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < end && failures.length < 20) {
      const current = number++;
      const wanted = requestOf(options.seed, current, ids);
      const started = performance.now();
      const reply = await exchange(agent, options, wanted);
      const ms = performance.now() - started;
      times.push(ms);
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
      const wrong = ms > options.slowest ? `took ${Math.round(ms)} ms` : complaint(wanted, reply);
      if (wrong !== undefined)
        failures.push(`request ${current} (${wanted.method} ${wanted.path.slice(0, 200)}): ${wrong}`);
      remember(ids, reply, current);
      if (current === WARM) memory.start = options.memory();
      if (current % 500 === 0) {
        memory.peak = Math.max(memory.peak, options.memory());
        options.progress?.(current);
      }
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, worker));
  agent.destroy();
  memory.end = options.memory();
  times.sort((a, b) => a - b);
  return {
    requests: number,
    statuses: Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)),
    slowestMs: Math.round(times.at(-1) ?? 0),
    p99Ms: Math.round(times[Math.floor(times.length * 0.99)] ?? 0),
    memory,
    failures,
  };
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** A connection that breaks is status 0, unless the request is one that Node itself refuses to send. */
function exchange(agent: Agent, { base, token }: FuzzOptions, wanted: FuzzRequest): Promise<Reply> {
  return new Promise((resolve) => {
    const broken = (error: Error): void => resolve({ status: 0, type: '', body: String(error) });
    const url = new URL(base);
    try {
      const request = httpRequest({
        agent,
        host: url.hostname,
        port: url.port,
        method: wanted.method,
        path: `${url.pathname}${wanted.path}`,
        headers: { authorization: `Bearer ${token}`, ...wanted.headers, ...lengthOf(wanted) },
      });
      request.on('error', broken).on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', broken);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            body: Buffer.concat(chunks).toString(),
          }),
        );
      });
      request.setTimeout(30_000, () => request.destroy(new Error('no answer within 30 s')));
      request.end(wanted.body);
    } catch {
      resolve({ status: -1, type: '', body: '' });
    }
  });
}

const lengthOf = ({ body }: FuzzRequest): Record<string, string> =>
  body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };

function complaint({ method, path, headers }: FuzzRequest, { status, type, body }: Reply): string | undefined {
  if (status === -1) return undefined;
  // What the HTTP parser itself turns away: a head that is too long, a Host header that is none, a path not of ASCII.
  const unreadable = headers['host'] !== undefined || /[^\x21-\x7e]/.test(path);
  // It closes then, and who is still sending a body meets a reset instead of the answer.
  if (status === 0 && unreadable && /ECONNRESET|EPIPE/.test(body)) return undefined;
  if (status === 0) return `no answer: ${body}`;
  if (status >= 500 && status !== 501) return `${status} ${body.slice(0, 300)}`;
  if (method === 'HEAD' || status === 204 || status === 304) return body === '' ? undefined : `${status} with a body`;
  if (!/^application\/(scim\+)?json$/.test(type)) return `${status} as ${type}`;
  const read = parse(body);
  if (read === undefined) return `${status} with a body that is no JSON`;
  if (status < 400) return undefined;
  const { schemas, status: said, detail } = read as Record<string, unknown>;
  const right = Array.isArray(schemas) && schemas[0] === ERROR && said === String(status) && typeof detail === 'string';
  return right ? undefined : `${status} is no SCIM error: ${body.slice(0, 300)}`;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function remember(ids: string[], { status, body }: Reply, number: number): void {
  if (status !== 201) return;
  const { id } = (parse(body) ?? {}) as { id?: string };
  if (id === undefined) return;
  if (ids.length < MOST_IDS) ids.push(id);
  else ids[number % MOST_IDS] = id;
}

export function summary({ requests, statuses, slowestMs, p99Ms, memory, failures }: FuzzResult): string {
  const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  return [
    `${requests} requests: ${Object.entries(statuses)
      .map(([status, n]) => `${status} × ${n}`)
      .join(', ')}`,
    `p99 ${p99Ms} ms, slowest ${slowestMs} ms`,
    `memory ${mb(memory.start)} after the warm-up, at most ${mb(memory.peak)}, ${mb(memory.end)} at the end`,
    ...(failures.length === 0 ? ['no failure'] : failures),
  ].join('\n');
}
