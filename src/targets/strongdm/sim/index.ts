import { randomBytes } from 'node:crypto';
import { isSecretKey } from '../signing.ts';
import type { Account } from '../proto/sdm_pb.gen.ts';
import { accountMethods } from './accounts.ts';
import { attachmentMethods } from './attachments.ts';
import { verifier } from './auth.ts';
import type { Faults } from './faults.ts';
import { mischief, NO_FAULTS, parseFaults } from './faults.ts';
import type { Handle } from './grpc.ts';
import { serveGrpc } from './grpc.ts';
import type { Journal } from './journal.ts';
import { readJournal, startJournal } from './journal.ts';
import type { Limits } from './limits.ts';
import { GENEROUS, meter } from './limits.ts';
import { Refusal, unimplemented } from './refusal.ts';
import { roleMethods } from './roles.ts';
import type { Seed } from './seeds.ts';
import { parseSeed, plant } from './seeds.ts';
import type { ChangeRecord, State } from './state.ts';
import { accountId, openState } from './state.ts';
import type { SimUser } from './view.ts';
import { usersOf } from './view.ts';
import { Code } from '../wire.ts';

export interface SimOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Default 127.0.0.1: the protocol is plain text, so keep it on this machine. */
  readonly host?: string;
  /** `empty`, `demo` or a number of users. A state file that holds something wins. */
  readonly seed?: string | number;
  /** Such as `rate=0.1,lost=0.02,slow=20ms,skew=-1d,seed=7`; see faults.ts. */
  readonly faults?: string;
  /** File of the journal; without it the state is in memory only. */
  readonly state?: string;
  /** Default: those of the state file, else generated. Give both or none. */
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly now?: () => Date;
  /** Is told of each call: its method and the name of its status, no content. */
  readonly log?: (call: { readonly method: string; readonly code: number }) => void;
  readonly limits?: Limits;
}

/** How often a method was called, and how often that succeeded. */
export interface CallCount {
  readonly calls: number;
  readonly ok: number;
}

export interface Sim {
  readonly host: string;
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
  /** By method, such as `Accounts.Create`. */
  calls(): ReadonlyMap<string, CallCount>;
  /** Every change since the start, oldest first: proves what took effect, and that nothing did so twice. */
  changes(): readonly ChangeRecord[];
  /** All users as plain data. */
  users(): SimUser[];
  /** Names of all roles, in order of creation. */
  roles(): string[];
  /** One account as it is kept. */
  account(id: string): Account | undefined;
  /** Adds or replaces an account as it stands, past every check: what only the service or another hand could do. */
  putAccount(account: Account): void;
  /** Another set of faults from now on. */
  setFaults(spec: string): void;
  setLimits(limits: Limits): void;
  close(): Promise<void>;
}

const METHODS = new Map([...accountMethods, ...attachmentMethods, ...roleMethods].map((one) => [one.path, one]));

/** Starts the simulator: StrongDM's API in plain text. Throws when the port, the seed, the faults or the state file can't be used. */
export async function startSim(options: SimOptions = {}): Promise<Sim> {
  const seed: Seed = parseSeed(String(options.seed ?? 'empty'));
  let faults: Faults = options.faults === undefined ? NO_FAULTS : parseFaults(options.faults);
  const now = (): Date => new Date((options.now?.() ?? new Date()).getTime() + faults.skew);
  const { state, journal, accessKey, secretKey } = openOrganisation(options, seed, now());
  let trouble = mischief(faults);
  const closing = new AbortController();
  const verify = verifier(state, now);
  const rates = meter(options.limits ?? GENEROUS, now);
  const counts = new Map<string, { calls: number; ok: number }>();

  const handle: Handle = async ({ path, headers, body }) => {
    const method = METHODS.get(path);
    if (method === undefined) throw unimplemented(`unknown method ${path}`);
    const count = counts.get(method.name) ?? { calls: 0, ok: 0 };
    counts.set(method.name, count);
    count.calls += 1;
    await trouble.delay(closing.signal);
    const caller = verify(headers, method.name, body);
    if (trouble.strikes('drop')) return 'drop';
    if (trouble.strikes('unavailable')) throw new Refusal(Code.UNAVAILABLE, 'the service is not available');
    if (trouble.strikes('internal')) throw new Refusal(Code.INTERNAL, 'internal error');
    if (trouble.strikes('rate')) throw rates.refuse(method.kind);
    const rate = rates.count(caller.accessKey, method.kind);
    const { shorten } = trouble;
    const world = { state, now, may: caller.may, shorten, cursorSecret: secretKey };
    const answer = method.run(body, world, rate);
    count.ok += 1;
    return method.kind === 'write' && trouble.strikes('lost') ? 'drop' : answer;
  };
  const logged: Handle = async (call) => {
    const method = METHODS.get(call.path)?.name ?? call.path;
    try {
      const answer = await handle(call);
      options.log?.({ method, code: answer === 'drop' ? Code.UNAVAILABLE : 0 });
      return answer;
    } catch (error) {
      options.log?.({ method, code: error instanceof Refusal ? error.code : Code.INTERNAL });
      throw error;
    }
  };

  const host = options.host ?? '127.0.0.1';
  const server = await serveGrpc({ host, port: options.port ?? 0, handle: logged, date: now }).catch(
    (error: unknown) => {
      journal?.close();
      throw error;
    },
  );
  return {
    host,
    port: server.port,
    accessKey,
    secretKey,
    calls: () => new Map([...counts].map(([name, count]) => [name, { ...count }])),
    changes: () => [...state.changes],
    users: () => usersOf(state),
    roles: () => [...state.roles.after(0)].map((row) => row.item.name),
    account: (id) => state.accounts.get(id),
    putAccount: (item) => state.commit([{ put: 'account', id: accountId(item), item }], []),
    setFaults(spec) {
      faults = parseFaults(spec);
      trouble = mischief(faults);
    },
    setLimits: (limits) => rates.set(limits),
    async close() {
      closing.abort();
      await server.close();
      journal?.close();
    },
  };
}

interface Organisation {
  readonly state: State;
  readonly journal: Journal | undefined;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** From the journal if there is one, else from the seed; with the keys that it is to be reached by. */
function openOrganisation(options: SimOptions, seed: Seed, now: Date): Organisation {
  const kept = options.state === undefined ? undefined : readJournal(options.state);
  const accessKey = options.accessKey ?? kept?.header.accessKey ?? `auth-${randomBytes(8).toString('hex')}`;
  const secretKey = options.secretKey ?? kept?.header.secretKey ?? randomBytes(32).toString('base64');
  if (!isSecretKey(secretKey)) throw new Error('the secret key must be base64 text');
  let journal: Journal | undefined;
  const state = openState(kept?.ops ?? [], kept?.header.seq ?? 1, (ops) => journal?.append(ops));
  state.keys.set(accessKey, { secret: secretKey, account: '' });
  if (kept === undefined) plant(state, seed, now);
  if (options.state !== undefined) {
    journal = startJournal(options.state, { accessKey, secretKey, seq: state.seq }, state.dump());
  }
  return { state, journal, accessKey, secretKey };
}

export type { ChangeRecord, SimUser };
