import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** `http://HOST:PORT` of the socket itself. */
  readonly url: string;
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

/** Serves HTTP. Throws `CannotListen`. */
export async function listen(handler: RequestListener, host: string, port: number): Promise<Listening> {
  const server = createServer(
    {
      // A client that sends its head or body by drops must not hold a connection for long.
      headersTimeout: 15_000,
      requestTimeout: 120_000,
      connectionsCheckingInterval: 5_000,
      // Longer than the 60 s of usual proxies, so that they close first and never meet a closing socket.
      keepAliveTimeout: 65_000,
    },
    handler,
  );
  server.maxConnections = 4_096;
  server.maxHeadersCount = 100;
  await bind(server, host, port);
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    host: address.address,
    port: address.port,
    url: `http://${shown}:${address.port}`,
    close: (limitMs) => drain(server, limitMs),
  };
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
