import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorBody, ScimError } from '../errors.ts';

/** What a handler gives back; without a body it is an empty answer. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ScimLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The type without a charset: clients compare it as a whole. `application/json` only for one that asks for it alone. */
function contentType(request: IncomingMessage): string {
  const accept = request.headers.accept?.toLowerCase() ?? '';
  const onlyJson = /application\/json/.test(accept) && !/scim\+json|\*/.test(accept);
  return onlyJson ? 'application/json' : 'application/scim+json';
}

export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.body === undefined) {
    response.end();
    return;
  }
  const text = Buffer.from(JSON.stringify(answer.body));
  response.setHeader('content-type', contentType(request));
  response.setHeader('content-length', text.length);
  response.end(text);
}

/** An answer without a handler: an error at an address where only SCIM is served. */
export function scimError(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
  send(request, response, { status, body: errorBody(new ScimError(status, message)) });
}

/** Any failure as a SCIM error. What was not foreseen says nothing of our insides; the log does. */
export function toAnswer(error: unknown, log: ScimLog | undefined, fields: Readonly<Record<string, unknown>>): Answer {
  const refusal = toScimError(error, log, fields);
  return { status: refusal.status, body: errorBody(refusal), headers: refusal.headers };
}

const RETRY_AFTER_S = '5';

/** A failure in the client's terms; what is not the client's doing goes into the log. */
export function toScimError(
  error: unknown,
  log: ScimLog | undefined,
  fields: Readonly<Record<string, unknown>> = {},
): ScimError {
  if (error instanceof ScimError) return error;
  if (error instanceof Error && error.name === 'StoreUnavailable') {
    log?.warn({ ...fields, err: error }, 'SCIM request not served: the store is not available');
    return new ScimError(503, 'The store of this service is not available at the moment. Try again.', {
      headers: { 'retry-after': RETRY_AFTER_S },
    });
  }
  log?.error({ ...fields, err: error }, 'SCIM request failed');
  return new ScimError(500, 'The request failed inside this service. Its log has the reason.');
}
