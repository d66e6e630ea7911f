import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';

/**
 * Keeps room for whoever comes: at most `limit` connections, and when one more comes, the one that has waited longest
 * without a request in progress makes way. So connections that are opened and left, or fed by drops before a request is
 * there, cost their owner more than us. Only when every connection is at work the new one is turned away.
 */
export function keepRoom(server: Server, limit: number): void {
  const sockets = new Set<Socket>();
  /** In the order in which they fell idle. */
  const idle = new Set<Socket>();
  // Of net.Server: the connection before TLS begins.
  (server as NetServer).on('connection', (socket: Socket) => {
    if (sockets.size >= limit) {
      const [oldest] = idle;
      if (oldest === undefined) {
        socket.destroy();
        return;
      }
      idle.delete(oldest);
      sockets.delete(oldest);
      oldest.destroy();
    }
    sockets.add(socket);
    idle.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      idle.delete(socket);
    });
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const socket = beneath(request.socket);
    idle.delete(socket);
    response.once('close', () => {
      if (sockets.has(socket)) idle.add(socket);
    });
  });
}

/** The TCP connection that a TLS one runs on. */
function beneath(socket: Socket): Socket {
  const parent = (socket as Socket & { _parent?: Socket | null })._parent;
  return parent ?? socket;
}
