import type { IncomingHttpHeaders, Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Code } from '../wire.ts';
import { Refusal, statusBytes } from './refusal.ts';

/** Unary gRPC over plain-text HTTP/2: the whole of the protocol that this API uses. */

const LARGEST_REQUEST = 16 * 1024 * 1024;
const PREFIX_BYTES = 5;

/** A call as it came in; `body` is the message's raw bytes, as they were signed. */
export interface Incoming {
  /** `/v1.Accounts/List` */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Answers with a message, throws a `Refusal`, or gives `drop`: the connection is cut without an answer. */
export type Handle = (call: Incoming) => Promise<Uint8Array | 'drop'>;

export interface GrpcServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves until closed. `date` is the clock that answers are dated by. */
export async function serveGrpc(options: {
  readonly host: string;
  readonly port: number;
  readonly handle: Handle;
  readonly date: () => Date;
}): Promise<GrpcServer> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    void answer(stream, headers, options.handle, options.date);
  });
  await listen(server, options.port, options.host);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

const listen = (server: Http2Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

async function answer(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handle: Handle,
  date: () => Date,
): Promise<void> {
  const type = headers['content-type'] ?? '';
  if (headers[constants.HTTP2_HEADER_METHOD] !== 'POST' || !type.startsWith('application/grpc')) {
    stream.respond({ ':status': 415 }, { endStream: true });
    return;
  }
  const dated = (): string => date().toUTCString();
  try {
    const body = unframe(await collect(stream));
    const message = await handle({ path: String(headers[constants.HTTP2_HEADER_PATH]), headers, body });
    if (message === 'drop') stream.session?.destroy();
    else if (!stream.closed) succeed(stream, message, dated());
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(Code.INTERNAL, 'internal error of the simulator');
    if (!stream.closed && !stream.headersSent) refuse(stream, refusal, dated());
  }
}

async function collect(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_REQUEST) throw new Refusal(Code.RESOURCE_EXHAUSTED, 'the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** One message: a byte that says whether it is compressed, four bytes of length, the message. */
function unframe(data: Buffer): Buffer {
  if (data.length < PREFIX_BYTES || data.readUInt32BE(1) !== data.length - PREFIX_BYTES) {
    throw new Refusal(Code.INTERNAL, 'the request is not one gRPC message');
  }
  if (data[0] !== 0) throw new Refusal(Code.UNIMPLEMENTED, 'compression is not supported');
  return data.subarray(PREFIX_BYTES);
}

function succeed(stream: ServerHttp2Stream, message: Uint8Array, date: string): void {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', date }, { waitForTrailers: true });
  stream.end(Buffer.concat([prefix, message]));
}

function refuse(stream: ServerHttp2Stream, refusal: Refusal, date: string): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(refusal.code),
      'grpc-message': encodeURIComponent(refusal.message).replaceAll('%20', ' '),
      'grpc-status-details-bin': Buffer.from(statusBytes(refusal)).toString('base64'),
      date,
    },
    { endStream: true },
  );
}
