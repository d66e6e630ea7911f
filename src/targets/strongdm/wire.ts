import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ServiceError } from '@grpc/grpc-js';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { Status } from './proto/status_pb.gen.ts';
import { StatusSchema } from './proto/status_pb.gen.ts';
import type { Sign } from './signing.ts';
import { utcDate } from './signing.ts';

export const API_VERSION = '2025-04-14';
const USER_AGENT = 'drawbridge/0.1.0';
const LARGEST_ANSWER = 64 * 1024 * 1024;

/** gRPC status codes that are told apart here. */
export const Code = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** A call that did not succeed, as the wire showed it. `errors.ts` makes a Failure of it. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: number;
  readonly method: string;
  /** False when it is certain that the server never got the request. */
  readonly sent: boolean;
  /** The server's status message, where it sent one. */
  readonly status: Status | undefined;
  /** The server's clock, where it told. */
  readonly date: Date | undefined;
  constructor(method: string, error: Pick<ServiceError, 'code' | 'details'> & { readonly metadata?: Metadata }) {
    super(error.details);
    this.code = error.code;
    this.method = method;
    this.sent = !NEVER_SENT.test(error.details);
    this.status = statusOf(error.metadata);
    this.date = dateOf(error.metadata);
  }
}

const CLOSED = 'No connection established. Last error: this target was closed';
/** How the library words a call that found no connection to be sent on. */
const NEVER_SENT = /No connection established|Name resolution failed|Waiting for LB pick|waiting for name resolution/;

function statusOf(metadata: Metadata | undefined): Status | undefined {
  const bytes = metadata?.get('grpc-status-details-bin')[0];
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}

function dateOf(metadata: Metadata | undefined): Date | undefined {
  const text = metadata?.get('date')[0];
  const date = typeof text === 'string' ? new Date(text) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

export interface WireOptions {
  /** `host:port`. */
  readonly host: string;
  readonly plainText: boolean;
  /** PEM certificates to trust instead of the public ones. */
  readonly ca?: Buffer;
  readonly accessKey: string;
  readonly sign: Sign;
  readonly timeoutMs: number;
  readonly now: () => Date;
}

/** One connection to the API. It connects by itself at the first call, and again when that was lost. */
export interface Wire {
  /** Sends one request, signed for `date` (default: today). Throws `CallError`, or the signal's reason. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal: AbortSignal,
    date?: string,
  ): Promise<MessageShape<O>>;
  /** Ends calls under way, too. */
  close(): void;
}

const same = (bytes: Buffer): Buffer => bytes;

function decoded<O extends DescMessage>(schema: O, method: string, bytes: Buffer): MessageShape<O> {
  try {
    return fromBinary(schema, bytes);
  } catch {
    throw new CallError(method, { code: Code.INTERNAL, details: 'the answer is not a message of this API' });
  }
}

export function openWire(options: WireOptions): Wire {
  const client = new Client(
    options.host,
    options.plainText ? credentials.createInsecure() : credentials.createSsl(options.ca ?? null),
    {
      'grpc.max_receive_message_length': LARGEST_ANSWER,
      // Retries are ours to decide: a write may not be repeated blindly.
      'grpc.enable_retries': 0,
      'grpc.enable_http_proxy': options.plainText ? 0 : 1,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 10_000,
      // Each target is its own connection, so that closing one closes it.
      'grpc.use_local_subchannel_pool': 1,
    },
  );

  const underWay = new Set<{ cancel(): void }>();
  let closed = false;

  const send = (path: string, method: string, body: Buffer, date: string, signal: AbortSignal): Promise<Buffer> => {
    const metadata = new Metadata();
    metadata.set('x-sdm-authentication', options.accessKey);
    metadata.set('x-sdm-signature', options.sign(date, method, body));
    metadata.set('x-sdm-api-version', API_VERSION);
    metadata.set('x-sdm-user-agent', USER_AGENT);
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (closed) throw new CallError(method, { code: Code.UNAVAILABLE, details: CLOSED });
      const deadline = Date.now() + options.timeoutMs;
      const call = client.makeUnaryRequest(path, same, same, body, metadata, { deadline }, (error, answer) => {
        signal.removeEventListener('abort', cancel);
        underWay.delete(call);
        if (signal.aborted && error !== null) reject(signal.reason);
        else if (error !== null) reject(new CallError(method, error));
        else resolve(answer ?? Buffer.alloc(0));
      });
      const cancel = (): void => call.cancel();
      underWay.add(call);
      signal.addEventListener('abort', cancel, { once: true });
    });
  };

  return {
    async call(method, request, signal, date) {
      const name = `${method.parent.name}.${method.name}`;
      const path = `/${method.parent.typeName}/${method.name}`;
      const body = Buffer.from(toBinary(method.input, create(method.input, request)));
      const signed = date ?? utcDate(options.now());
      const read = (bytes: Buffer) => decoded(method.output, name, bytes);
      try {
        return read(await send(path, name, body, signed, signal));
      } catch (error) {
        const today = utcDate(options.now());
        const midnight = error instanceof CallError && error.code === Code.UNAUTHENTICATED && today !== signed;
        if (date !== undefined || !midnight) throw error;
        return read(await send(path, name, body, today, signal));
      }
    },
    close() {
      closed = true;
      for (const call of underWay) call.cancel();
      client.close();
    },
  };
}
