import type { IncomingMessage } from 'node:http';
import { badRequest, ScimError } from '../errors.ts';

/** How deep objects and arrays of a body may nest; SCIM itself needs six levels. */
export const MAX_BODY_DEPTH = 32;

/** The JSON of a request body of at most `limit` bytes. Throws 413, 415 or 400 invalidSyntax. */
export async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  checkType(request);
  const bytes = await readBytes(request, limit);
  const text = decode(bytes);
  if (text.trim() === '') throw badRequest('invalidSyntax', 'The body is empty where JSON is needed.');
  if (isTooDeep(text)) throw badRequest('invalidSyntax', `The body nests deeper than ${MAX_BODY_DEPTH} levels.`);
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('invalidSyntax', 'The body is not JSON.');
  }
}

function checkType({ headers }: IncomingMessage): void {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && type !== 'application/scim+json' && type !== 'application/json') {
    throw new ScimError(415, 'Send application/scim+json or application/json.');
  }
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') throw new ScimError(415, 'Send the body without a content encoding.');
}

function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = (): ScimError => new ScimError(413, `The body is larger than ${limit} bytes. Send it in parts.`);
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (): void => {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onClose);
      request.off('error', onClose);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        stop();
        reject(tooLarge());
      }
    };
    const onEnd = (): void => {
      stop();
      resolve(Buffer.concat(chunks));
    };
    const onClose = (): void => {
      stop();
      reject(badRequest('invalidSyntax', 'The body broke off.'));
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badRequest('invalidSyntax', 'The body is not UTF-8.');
  }
}

/** Counts brackets outside strings, before anything is built. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === BACKSLASH) i++;
      else if (c === QUOTE) quoted = false;
    } else if (c === QUOTE) quoted = true;
    else if (c === BRACE || c === BRACKET) {
      if (++depth > MAX_BODY_DEPTH) return true;
    } else if (c === BRACE + 2 || c === BRACKET + 2) depth--;
  }
  return false;
}

const [QUOTE, BRACKET, BACKSLASH, BRACE] = [0x22, 0x5b, 0x5c, 0x7b];

/** How much of a body that nobody wants is taken in so that the client gets to read the answer. */
const MAX_DRAIN_BYTES = 64 * 1024 * 1024;
/** The same of a stranger: the largest body that is ever taken, so that a client with an expired token reads its 401. */
const MAX_STRANGER_BYTES = 12 * 1024 * 1024;

/** Reads a body that was refused to nowhere, unparsed; gives up on a client that does not stop sending. */
export function drain(request: IncomingMessage, stranger = false): void {
  if (request.complete) return;
  let size = 0;
  request.on('error', () => undefined);
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > (stranger ? MAX_STRANGER_BYTES : MAX_DRAIN_BYTES)) request.destroy();
  });
}
