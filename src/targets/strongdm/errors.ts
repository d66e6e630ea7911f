import { anyUnpack, timestampMs } from '@bufbuild/protobuf/wkt';
import { Failure } from '../../model/failure.ts';
import type { CallKind } from './pace.ts';
import { RateLimitMetadataSchema } from './proto/sdm_pb.gen.ts';
import { CallError, Code } from './wire.ts';

const DEFAULT_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 120_000;
const SAME_CLOCK_MS = 5_000;

/** What a call was about, for the words of a Failure. */
export interface Doing {
  readonly kind: CallKind;
  /** `one`: a single object was asked for or changed; `all`: a list, or a proof of the connection. */
  readonly scope: 'one' | 'all';
  /** `host:port` of the target. */
  readonly host: string;
  /** Permission that an API key needs for it. */
  readonly permission: string;
}

/** How long to wait after a refusal for the rate: until the server's own reset time, within bounds. */
export function waitOf(error: CallError, now: Date): number {
  for (const detail of error.status?.details ?? []) {
    if (detail.typeUrl !== 'type.googleapis.com/v1.RateLimitMetadata') continue;
    const reset = anyUnpack(detail, RateLimitMetadataSchema)?.resetAt;
    if (reset === undefined) continue;
    return Math.min(LONGEST_WAIT_MS, Math.max(250, Math.ceil(timestampMs(reset) - serverTime(error, now))));
  }
  return DEFAULT_WAIT_MS;
}

/** The server's clock, where it is plainly not ours: its dates are to the second only. */
function serverTime(error: CallError, now: Date): number {
  const theirs = error.date?.getTime() ?? now.getTime();
  return Math.abs(theirs - now.getTime()) > SAME_CLOCK_MS ? theirs : now.getTime();
}

const said = (error: CallError): string => error.status?.message || error.message || `gRPC status ${error.code}`;

/** Turns what the wire showed into what to do about it; anything that is not a `CallError` is passed on as it is. */
export function failureOf(error: unknown, doing: Doing, now: Date): unknown {
  if (!(error instanceof CallError)) return error;
  const about = `StrongDM ${error.method}: ${said(error)}`;
  const options = { cause: error };
  switch (error.code) {
    case Code.INVALID_ARGUMENT:
      return new Failure({ kind: 'refused' }, about, {
        ...options,
        remedy: 'correct the value at the source or in the profile templates of this target',
      });
    case Code.NOT_FOUND:
      return new Failure({ kind: 'moved' }, about, options);
    case Code.ALREADY_EXISTS:
      return new Failure({ kind: 'refused' }, about, {
        ...options,
        remedy: 'another object at StrongDM holds this value: rename or remove it there, or change it at the source',
      });
    case Code.PERMISSION_DENIED:
      return new Failure({ kind: doing.scope === 'one' ? 'refused' : 'broken' }, about, {
        ...options,
        remedy: `give the API key the permission ${doing.permission}; accounts of administrators are closed to API keys`,
      });
    case Code.RESOURCE_EXHAUSTED:
      return new Failure({ kind: 'retry', afterMs: waitOf(error, now) }, about, options);
    case Code.UNAUTHENTICATED:
      return new Failure({ kind: 'broken' }, `StrongDM ${error.method}: the API key or its signature was rejected`, {
        ...options,
        remedy: 'run `drawbridge check --connect`: it tells a wrong key from a wrong clock',
      });
    case Code.UNIMPLEMENTED:
      return new Failure({ kind: 'broken' }, `StrongDM ${error.method} is unknown at ${doing.host}`, {
        ...options,
        remedy: 'check that `host` names a StrongDM API (default app.strongdm.com:443)',
      });
    default:
      return unanswered(error, doing);
  }
}

/** UNAVAILABLE, INTERNAL, a deadline, a broken connection: harmless for reads, and for writes that never left. */
function unanswered(error: CallError, doing: Doing): Failure {
  if (!error.sent) {
    return new Failure({ kind: 'retry' }, `cannot reach StrongDM at ${doing.host}: ${reason(error.message)}`, {
      cause: error,
      remedy: 'check `host`, the network, proxies and TLS (`caFile` for a private authority)',
    });
  }
  if (doing.kind === 'read')
    return new Failure({ kind: 'retry' }, `StrongDM ${error.method}: ${said(error)}`, { cause: error });
  return new Failure({ kind: 'doubtful' }, `StrongDM ${error.method} was sent but not answered: ${said(error)}`, {
    cause: error,
  });
}

/** The heart of the library's long text about a failed connection. */
function reason(details: string): string {
  const last = /Last error: (?:Error: )?(.*?)(?: \(\d{4}-\d\d-\d\dT[^)]*\))?(?:\. Resolution note:.*)?$/s.exec(
    details,
  )?.[1];
  return last ?? details;
}
