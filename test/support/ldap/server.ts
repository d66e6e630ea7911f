/** A server that answers as a test says, one request after the other. */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Frames } from '../../../src/directories/ldap/wire/frames.ts';
import { decodeMessage, type Message } from '../../../src/directories/ldap/wire/messages.ts';

export interface FakeServer {
  readonly port: number;
  readonly url: string;
  readonly requests: Message[];
  close(): Promise<void>;
}

/** `answer` gets each request as it comes; what it writes to the socket is the answer. */
export async function fakeServer(answer: (request: Message, socket: Socket) => void): Promise<FakeServer> {
  const sockets = new Set<Socket>();
  const requests: Message[] = [];
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const frames = new Frames(1 << 20);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (piece: Buffer) => {
      try {
        for (const frame of frames.push(piece)) {
          const request = decodeMessage(frame);
          requests.push(request);
          answer(request, socket);
        }
      } catch {
        // A client that speaks something else, such as TLS.
        socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `ldap://127.0.0.1:${port}`,
    requests,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
