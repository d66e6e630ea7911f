import { Failure } from '../../../model/failure.ts';
import { type Address, Connection, type ConnectOptions } from './connection.ts';
import { bindRequest, OP } from './messages.ts';
import { bindFailure } from './results.ts';

/** How to reach any of several servers that have the same content. */
export interface DialOptions extends Omit<ConnectOptions, 'address'> {
  readonly addresses: readonly Address[];
  /** Without it nobody signs in. */
  readonly credentials?: { readonly dn: string; readonly password: string };
}

/**
 * A connection to the first server that takes us, signed in. The next one is tried only where the first could not be
 * reached or is not trusted: a refused password is refused by all of them, and trying on would lock the account.
 * `first`: the address to begin with. Throws Failure.
 */
export async function dial(options: DialOptions, signal: AbortSignal, first?: string): Promise<Connection> {
  const { addresses } = options;
  const order = [...addresses.filter((a) => a.url === first), ...addresses.filter((a) => a.url !== first)];
  const failures: Failure[] = [];
  for (const address of order) {
    let connection: Connection;
    try {
      connection = await Connection.open({ ...options, address }, signal);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
      continue;
    }
    try {
      await bind(connection, options.credentials, signal);
      return connection;
    } catch (error) {
      connection.destroy();
      // One that breaks off, or says it is busy, is like one that is not there.
      if (!(error instanceof Failure) || error.verdict.kind !== 'retry') throw error;
      failures.push(error);
    }
  }
  throw all(failures);
}

async function bind(
  connection: Connection,
  credentials: DialOptions['credentials'],
  signal: AbortSignal,
): Promise<void> {
  if (credentials === undefined) return;
  const { dn, password } = credentials;
  const result = await connection.exchange(bindRequest(dn, password), OP.bindResponse, signal);
  if (result.code !== 0) throw bindFailure(result, connection.at);
}

/** Of several servers: what each of them said. Waiting helps if it may help with one of them. */
function all(failures: readonly Failure[]): Failure {
  const [first] = failures;
  if (first === undefined) throw new RangeError('no address to connect to');
  if (failures.length === 1) return first;
  const later = failures.find((f) => f.verdict.kind === 'retry') ?? first;
  return new Failure(
    later.verdict,
    `none of ${failures.length} servers can be used: ${failures.map((f) => f.message).join('; ')}`,
    {
      remedy: [...new Set(failures.map((f) => f.remedy ?? ''))].join(' '),
      cause: later,
    },
  );
}
