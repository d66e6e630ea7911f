import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Most that URL and headers may have together, bytes: the longest filter of ASCII fits, however it is encoded. */
export const HEAD_BYTES = 32_768;
/** How long a client that still sends may do so after the answer (RFC 9112, 9.6): cut off at once it would meet a reset. */
const LINGER_MS = 500;

/**
 * Answers what Node's parser turns away before a handler sees it. In the form of a SCIM error (RFC 7644, 3.12): nobody
 * but a SCIM client sends URLs that are too long, and its administrator has to learn why.
 */
export function refuseUnreadable(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Ended already, or in the middle of an answer, which a second one would spoil. Node keeps it under this name only.
    const answering = Reflect.get(socket, '_httpMessage') as { readonly headersSent: boolean } | null | undefined;
    if (error.code === 'ECONNRESET' || answering?.headersSent === true) return void socket.destroy();
    if (!socket.writable) return;
    answer(socket, error.code);
  });
}

function answer(socket: Duplex, code: string | undefined): void {
  const [status, detail] = told(code);
  const body = JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(status),
    detail,
  });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/scim+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function told(code: string | undefined): readonly [status: number, detail: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [
        431,
        `URL and headers have more than ${HEAD_BYTES / 1024} KB together; send a long filter with POST to .search`,
      ];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'the request did not come as a whole in time'];
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return [413, 'the extensions of a chunk are too long'];
    default:
      return [400, 'this is not HTTP/1.1 as RFC 9112 has it: look at the request line, and encode what is not ASCII'];
  }
}
