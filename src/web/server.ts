import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { keepRoom } from './crowd.ts';
import { HEAD_BYTES, refuseUnreadable } from './refuse.ts';

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** `http://HOST:PORT` of the socket itself, or `https://`. */
  readonly url: string;
  /** From the next connection on, another certificate. Throws when the two don't belong together. */
  identify(identity: { readonly cert: Buffer; readonly key: Buffer }): void;
  /** Takes no new connection, lets what runs end for up to `limitMs`, then cuts it. */
  close(limitMs: number): Promise<void>;
}

/** A listening address that can't be had. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen';
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

export interface ListenOptions {
  /** Speak TLS, 1.2 or later. */
  readonly identity?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** Whose connections are taken; others are closed before anything is read. */
  readonly allowed?: ((address: string) => boolean) | undefined;
  readonly limits?: Partial<ServerLimits>;
}

/** What a connection may cost. Milliseconds, but for `connections`. */
export interface ServerLimits {
  /** A client that sends its head or body by drops must not hold a connection for long. */
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkMs: number;
  readonly connections: number;
}

const LIMITS: ServerLimits = { headersMs: 15_000, requestMs: 120_000, checkMs: 5_000, connections: 4_096 };

/** Serves HTTP. Throws `CannotListen`. */
export async function listen(
  handler: RequestListener,
  host: string,
  port: number,
  { identity, allowed, limits }: ListenOptions = {},
): Promise<Listening> {
  const { headersMs, requestMs, checkMs, connections } = { ...LIMITS, ...limits };
  const options: ServerOptions = {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    maxHeaderSize: HEAD_BYTES,
    connectionsCheckingInterval: checkMs,
    // Longer than the 60 s of usual proxies, so that they close first and never meet a closing socket.
    keepAliveTimeout: 65_000,
  };
  const server =
    identity === undefined
      ? createServer(options, handler)
      : createTlsServer({ ...options, ...identity, minVersion: 'TLSv1.2', handshakeTimeout: headersMs }, handler);
  if (allowed !== undefined) refuseOthers(server, allowed);
  keepRoom(server, connections);
  refuseUnreadable(server);
  server.maxHeadersCount = 100;
  await bind(server, host, port);
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    host: address.address,
    port: address.port,
    url: `${identity === undefined ? 'http' : 'https'}://${shown}:${address.port}`,
    identify: (next) => {
      if (identity !== undefined) (server as TlsServer).setSecureContext({ ...next, minVersion: 'TLSv1.2' });
    },
    close: (limitMs) => drain(server, limitMs),
  };
}

/** Comes first among the listeners, so a refused connection costs no handshake. */
function refuseOthers(server: Server, allowed: (address: string) => boolean): void {
  (server as NetServer).prependListener('connection', (socket: Socket) => {
    if (!allowed(socket.remoteAddress ?? '')) socket.destroy();
  });
}

async function bind(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException, host, port);
  } finally {
    server.off('error', reject);
  }
}

function explained(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const place = `${host}:${port}`;
  if (error.code === 'EADDRINUSE') {
    return new CannotListen(
      `port ${port} on ${host} is in use by another process`,
      'Stop that one, or choose another with server.listen or PORT.',
    );
  }
  if (error.code === 'EACCES') {
    return new CannotListen(
      `this user may not listen on ${place}`,
      'Choose a port from 1024 on with server.listen or PORT.',
    );
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new CannotListen(
      `${host} is no address of this machine`,
      'Correct server.listen; 0.0.0.0 means all addresses.',
    );
  }
  return error;
}

async function drain(server: Server, limitMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), limitMs);
  // A connection that was busy a moment ago and is kept alive would hold us up.
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  await closed;
  clearTimeout(cut);
  clearInterval(idle);
}
