import { isIP, connect as connectTcp, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type ConnectionOptions } from 'node:tls';
import { Failure } from '../../../model/failure.ts';
import { BerError } from './ber.ts';
import { Frames } from './frames.ts';
import {
  type Control,
  decodeMessage,
  decodeResult,
  encodeMessage,
  extendedRequest,
  type Message,
  OID,
  OP,
  type Result,
  unbindRequest,
} from './messages.ts';
import { resultFailure, said } from './results.ts';
import { closedFailure, garbledFailure, silentFailure, socketFailure } from './trouble.ts';

/** Bytes that may wait to be looked at before the socket is stopped. */
const MOST_WAITING = 1 << 20;
/** One entry with a million members is some 100 MB. */
const LONGEST_MESSAGE = 1 << 28;

export interface Address {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly tls: boolean;
  /** As the settings have it, for messages. */
  readonly url: string;
}

export interface ConnectOptions {
  readonly address: Address;
  /** TLS after the first exchange; ignored where it is there from the start. */
  readonly startTls: boolean;
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'>;
  /** The name that the certificate must have; default: the host of the address. */
  readonly serverName?: string;
  /** Until the connection stands, TLS included. Milliseconds. */
  readonly connectTimeout: number;
  /** The longest silence while an answer is waited for. Milliseconds. */
  readonly timeout: number;
}

/**
 * One connection to one server: operations one after the other, answers in batches as they arrive. What is not fetched
 * stops the socket, so memory is bounded by the server's own messages. Any fault ends it for good: after one nobody
 * knows what the next bytes belong to, nor who we are to the server. Throws Failure, or the reason of an abort.
 */
export class Connection {
  readonly at: string;
  readonly encrypted: boolean;
  readonly #timeout: number;
  #socket: Socket;
  #frames = new Frames(LONGEST_MESSAGE);
  #waiting: Buffer[] = [];
  #bytes = 0;
  #lastId = 0;
  #received = 0;
  #ended: unknown;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, { address, timeout, startTls }: ConnectOptions) {
    this.at = address.url;
    this.encrypted = address.tls || startTls;
    this.#timeout = timeout;
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Connects, with TLS as the options say; nobody is signed in yet. */
  static async open(options: ConnectOptions, signal: AbortSignal): Promise<Connection> {
    const { address } = options;
    signal.throwIfAborted();
    const limit = AbortSignal.timeout(options.connectTimeout);
    const both = AbortSignal.any([signal, limit]);
    let connection: Connection | undefined;
    try {
      const socket = address.tls
        ? await ready(
            connectTls({ host: address.host, port: address.port, ...secureOptions(options) }),
            'secureConnect',
            both,
          )
        : await ready(connectTcp({ host: address.host, port: address.port, noDelay: true }), 'connect', both);
      connection = new Connection(socket, options);
      if (options.startTls && !address.tls) await connection.#upgrade(options, both);
      return connection;
    } catch (error) {
      connection?.destroy();
      if (signal.aborted) throw signal.reason;
      if (limit.aborted)
        throw new Failure(
          { kind: 'retry' },
          `${address.url} did not answer within ${options.connectTimeout / 1000} s`,
          { remedy: 'Look at network and firewall, and whether the server runs.', cause: error },
        );
      throw socketFailure(error, address.url);
    }
  }

  /** Sends an operation; gives the id that its answers have. */
  send(operation: Buffer, controls: readonly Control[] = []): number {
    if (this.#ended !== undefined) throw this.#ended;
    this.#lastId = this.#lastId === 0x7fffffff ? 1 : this.#lastId + 1;
    this.#socket.write(encodeMessage(this.#lastId, operation, controls));
    return this.#lastId;
  }

  /** The messages that have come, at least one; waits for them. Those not of the operation `id` are passed over. */
  async receive(id: number, signal: AbortSignal): Promise<Message[]> {
    if (id !== this.#lastId)
      throw new RangeError('only one operation at a time: the answers of another one would be lost');
    for (;;) {
      signal.throwIfAborted();
      const messages = this.#take(id);
      if (messages.length > 0) return messages;
      if (this.#ended !== undefined) throw this.#ended;
      await this.#arrival(signal);
    }
  }

  /** Sends an operation that has one answer, and gives its result. */
  async exchange(operation: Buffer, response: number, signal: AbortSignal): Promise<Result> {
    const id = this.send(operation);
    const [message] = await this.receive(id, signal);
    if (message?.operation !== response)
      throw this.#fail(garbledFailure(this.at, new BerError('another answer was expected')));
    return this.decoded(() => decodeResult(message));
  }

  /** Runs what takes bytes of the server apart: what it can't, ends the connection. */
  decoded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw error instanceof BerError ? this.#fail(garbledFailure(this.at, error)) : error;
    }
  }

  /** Nothing can be sent or received any more. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Says good-bye and closes. */
  close(): void {
    if (this.#ended === undefined) {
      this.#ended = closedFailure(this.at);
      const socket = this.#socket;
      socket.resume();
      socket.end(encodeMessage(this.#lastId + 1, unbindRequest()));
      setTimeout(() => socket.destroy(), 1_000).unref();
      this.#waiting = [];
    }
  }

  destroy(): void {
    this.#fail(closedFailure(this.at));
  }

  #take(id: number): Message[] {
    const frames = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    if (this.#ended === undefined) this.#socket.resume();
    const messages: Message[] = [];
    for (const frame of frames) {
      const message = this.decoded(() => decodeMessage(frame));
      if (message.id === id) messages.push(message);
      else if (message.id === 0 && message.operation === OP.extendedResponse) this.#notice(message);
      // Anything else belongs to an operation that was given up.
    }
    return messages;
  }

  /** RFC 4511 4.4: the server says something by itself; of its notices only the good-bye means anything. */
  #notice(message: Message): void {
    const result = this.decoded(() => decodeResult(message));
    if (result.oid !== OID.noticeOfDisconnection) return;
    throw this.#fail(
      new Failure({ kind: 'retry' }, `${this.at} is closing the connection (result ${result.code})${said(result)}`, {
        remedy: 'It is tried again. The log of the server may say why.',
      }),
    );
  }

  /** Resolves when something has come or the connection has ended. */
  async #arrival(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#fail(silentFailure(this.at, this.#timeout)), this.#timeout);
      const stop = (): void => this.#fail(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      this.#wake = () => {
        this.#wake = undefined;
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        resolve();
      };
    });
  }

  #fail<E>(error: E): E {
    this.#ended ??= error;
    this.#socket.destroy();
    this.#wake?.();
    return error;
  }

  #listen(socket: Socket): void {
    socket.on('data', (piece: Buffer) => {
      try {
        for (const frame of this.#frames.push(piece)) {
          this.#waiting.push(frame);
          this.#received += 1;
        }
      } catch (error) {
        this.#fail(garbledFailure(this.at, error as Error));
        return;
      }
      this.#bytes += piece.length;
      if (this.#bytes > MOST_WAITING && this.#waiting.length > 0) socket.pause();
      // A piece of a long message is a sign of life too.
      this.#wake?.();
    });
    socket.on('error', (error) => this.#fail(socketFailure(error, this.at)));
    socket.on('close', () => this.#fail(closedFailure(this.at)));
  }

  async #upgrade(options: ConnectOptions, signal: AbortSignal): Promise<void> {
    const result = await this.exchange(extendedRequest(OID.startTls), OP.extendedResponse, signal);
    if (result.code !== 0) {
      throw new Failure({ kind: 'broken' }, `${this.at} refused StartTLS (result ${result.code})${said(result)}`, {
        remedy: 'Set up TLS at the server, or use an address that begins with ldaps://.',
      });
    }
    // Whatever came behind the answer came without TLS: nobody knows from whom.
    if (this.#received > 1 || this.#frames.pending > 0)
      throw garbledFailure(this.at, new BerError('bytes came between the answer to StartTLS and TLS'));
    const plain = this.#socket;
    plain.removeAllListeners();
    // Its own end shows on the upgraded socket; an error of it must not be thrown into the process.
    plain.on('error', () => undefined);
    const secure = connectTls({ socket: plain, host: options.address.host, ...secureOptions(options) });
    plain.on('close', () => secure.destroy());
    await ready(secure, 'secureConnect', signal);
    this.#socket = secure;
    this.#listen(secure);
  }
}

/** The certificate is always checked, and against a name, also where TLS begins on a socket that is there already. */
function secureOptions({ tls, address, serverName }: ConnectOptions): ConnectionOptions {
  const name = serverName ?? address.host;
  return {
    ...tls,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    // Only a host name may stand in the hello (RFC 6066 3).
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  };
}

async function ready<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<S> {
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => settle(signal.reason);
    const closed = (): void => settle(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    const settle = (error?: unknown): void => {
      signal.removeEventListener('abort', stop);
      socket.off('close', closed);
      if (error === undefined) {
        socket.off('error', settle);
        return resolve();
      }
      // It stays without listeners otherwise, and a late error would end the process.
      socket.on('error', () => undefined).destroy();
      reject(error as Error);
    };
    socket
      .once(event, () => settle())
      .once('error', settle)
      .once('close', closed);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return socket;
}

export const resultOf = (connection: Connection, result: Result, what: string): void => {
  if (result.code !== 0) throw resultFailure(result, connection.at, what);
};
