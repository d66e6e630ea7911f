import { Failure } from '../../model/failure.ts';
import { failureOf } from './errors.ts';
import { AccountAttachments, Accounts, Roles } from './proto/sdm_pb.gen.ts';
import { utcDate } from './signing.ts';
import { CallError, Code } from './wire.ts';
import type { Wire } from './wire.ts';

const DAY_MS = 86_400_000;

export interface CheckOptions {
  readonly wire: Wire;
  readonly host: string;
  readonly now: () => Date;
}

/**
 * Proves address, key, clock and the rights to read, by the smallest lists there are. Rights to write can't be proven
 * without writing. Throws a `Failure` that names the one that is wrong.
 */
export async function checkAccess(options: CheckOptions, signal: AbortSignal): Promise<void> {
  const { wire } = options;
  const meta = { limit: 1 };
  await probe(options, 'user:list', signal, () =>
    wire.call(Accounts.method.list, { meta, filter: 'type:user' }, signal),
  );
  await probe(options, 'role:list', signal, () => wire.call(Roles.method.list, { meta }, signal));
  await probe(options, 'user:list and role:list', signal, () =>
    wire.call(AccountAttachments.method.list, { meta }, signal),
  );
}

async function probe(
  options: CheckOptions,
  permission: string,
  signal: AbortSignal,
  ask: () => Promise<unknown>,
): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (error instanceof CallError && error.code === Code.UNAUTHENTICATED) {
      throw await unauthenticated(options, error, signal);
    }
    throw failureOf(error, { kind: 'read', scope: 'all', host: options.host, permission }, options.now());
  }
}

/** Wrong key or wrong clock: the signature holds the UTC date, so a clock that is a day off looks like a wrong key. */
async function unauthenticated(options: CheckOptions, error: CallError, signal: AbortSignal): Promise<Failure> {
  const here = options.now();
  const accepted = await acceptedDate(options, here, signal);
  if (accepted !== undefined)
    return clockOff(options, here, `accepts the key when the call is signed for ${accepted}`, accepted);
  const there = error.date;
  if (there !== undefined && utcDate(there) !== utcDate(here)) {
    return clockOff(options, here, `says that it is ${there.toISOString()}`, utcDate(there));
  }
  return new Failure(
    { kind: 'broken' },
    `StrongDM at ${options.host} rejected the API key: wrong access or secret key`,
    {
      remedy: 'compare `accessKey` and `secretKey` with the API key at StrongDM; make a new key if it was deleted',
      cause: error,
    },
  );
}

function clockOff(options: CheckOptions, here: Date, what: string, theirs: string): Failure {
  const slow = theirs > utcDate(here);
  const message = `the clock of this machine is ${slow ? 'behind' : 'ahead'}: it is ${here.toISOString()} here, and StrongDM at ${options.host} ${what}`;
  return new Failure({ kind: 'broken' }, message, {
    remedy: `set the clock ${slow ? 'forward' : 'back'} (NTP); signatures hold the UTC date`,
  });
}

/** Of yesterday and tomorrow, the date for which the server takes our signature. */
async function acceptedDate(options: CheckOptions, here: Date, signal: AbortSignal): Promise<string | undefined> {
  for (const days of [1, -1]) {
    const date = utcDate(new Date(here.getTime() + days * DAY_MS));
    try {
      await options.wire.call(Accounts.method.list, { meta: { limit: 1 }, filter: 'type:user' }, signal, date);
      return date;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.code !== Code.UNAUTHENTICATED) return error.code === Code.PERMISSION_DENIED ? date : undefined;
    }
  }
  return undefined;
}
