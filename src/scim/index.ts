import express from 'express';
import type { Request, Response, Router } from 'express';
import type { Resources } from '../store/resources.ts';
import { authenticateRequest, type Client, type ScimSourceSettings } from './authentication.ts';
import { ScimError } from './errors.ts';
import { type Answer, type ScimLog, send, toAnswer } from './http/answer.ts';
import { createGate, type Gate } from './gate.ts';
import { drain, readJson } from './http/body.ts';
import { addressOf, type Place, placeOf } from './http/place.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { type Available, createAvailable, type Declared } from './available.ts';
import { createCursors, type Cursors } from './cursor.ts';
import type { IrregularForm, Note } from './irregular.ts';
import { route } from './routes.ts';
import { RESOURCE_TYPES } from './schema/index.ts';

export type { Client, ScimSourceSettings } from './authentication.ts';
export type { ScimLog } from './http/answer.ts';
export type { Limits } from './limits.ts';
export { scimError } from './http/answer.ts';

export interface ScimOptions {
  readonly resources: Resources;
  /** Who a presented token stands for; undefined for one that is unknown, expired or revoked. */
  authenticate(presented: string): Promise<Client | undefined>;
  /** The sources of type scim as the settings have them now. */
  sources(): ReadonlyMap<string, ScimSourceSettings>;
  /** Something was committed that has to be planned; `urgent` for a leave. Only shortens the planner's wait. */
  onChange(info: { readonly source: string; readonly urgent: boolean }): void;
  readonly log?: ScimLog;
  /** `https://…` under which clients reach the server; without it the Host header decides. */
  readonly publicUrl?: string;
  readonly limits?: Partial<Limits>;
  /** 32 secret bytes that cursors are sealed with: the same in all processes that serve one store. */
  readonly cursorKey: Buffer;
  /** A client sent something in a form that stricter servers refuse, and it was read. */
  onIrregular?(info: { readonly source: string; readonly client: string; readonly form: IrregularForm }): void;
  /** A request was refused that would have made an active user inactive. */
  onLeaveRefused?(info: { readonly source: string }): void;
}

interface Endpoint extends Omit<ScimOptions, 'limits'> {
  readonly limits: Limits;
  readonly gate: Gate;
  readonly cursors: Cursors;
  available(source: string, declared: Declared): Available;
}

/**
 * The SCIM 2.0 endpoint (RFC 7643, RFC 7644): `/{source}/v2/…`, and `/v2/…` where the token alone says the source,
 * below the path that the router is mounted at. Every answer to a request of that form is SCIM; no state is shared
 * between two routers.
 */
export function createScim(options: ScimOptions): Router {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const cursors = createCursors(options.cursorKey, limits.cursorSeconds);
  const available = createAvailable(options.resources);
  const router = express.Router();
  const gate = createGate((presented) => options.authenticate(presented));
  router.use((request: Request, response: Response) => {
    void answerTo({ ...options, limits, cursors, available, gate }, request, response);
  });
  return router;
}

/** Never throws: whatever goes wrong is an answer, or an entry in the log where none can be given any more. */
async function answerTo(options: Endpoint, request: Request, response: Response): Promise<void> {
  const place = placeOf(request);
  const fields = { method: request.method, source: place?.source };
  try {
    const answer = await serve(options, request, response, place).catch((error: unknown) =>
      toAnswer(error, options.log, fields),
    );
    send(request, response, answer);
    drain(request, answer.status === 401 || answer.status === 429);
  } catch (error) {
    options.log?.error({ ...fields, err: error }, 'SCIM answer could not be sent');
    response.destroy();
  }
}

/** Who it is, before anything of the body is read; then what is asked for. */
async function serve(
  options: Endpoint,
  request: Request,
  response: Response,
  place: Place | undefined,
): Promise<Answer> {
  const { gate, limits, cursors, available } = options;
  const sources = options.sources();
  const client = await authenticateRequest(request.headers.authorization, place?.source, sources, (presented) =>
    gate.authenticate(presented, request.ip ?? ''),
  );
  const source = sources.get(client.source) ?? { id: client.source };
  const told = gate.admit(client, source);
  if (place === undefined) throw new ScimError(404, 'SCIM is served at /scim/SOURCE/v2 and /scim/v2.');
  const note: Note = (form) => options.onIrregular?.({ source: client.source, client: client.name, form });
  if (!/^bearer\s/i.test(request.headers.authorization ?? '')) note('bare-token');
  if (place.flagged) note('url-flag');
  const answer = await route({
    method: request.method,
    segments: place.segments,
    context: {
      writer: { source: client.source, actor: `scim:${client.source}/${client.name}`, request: idOf(response) },
      resources: options.resources,
      types: source.types ?? RESOURCE_TYPES,
      query: place.query,
      headers: request.headers,
      base: addressOf(request, place, options.publicUrl),
      limits,
      cursors: source?.pagination === false ? undefined : cursors,
      available: available(client.source, source?.declared ?? {}),
      note,
      log: options.log,
      changed: (urgent) => tell(options, { source: client.source, urgent }),
      leaveRefused: () => options.onLeaveRefused?.({ source: client.source }),
    },
    body: (limit) => readJson(request, limit),
  });
  return { ...answer, headers: { ...told, ...answer.headers } };
}

/** As whoever serves us has named the request. */
function idOf(response: Response): string | undefined {
  const id = response.getHeader('x-request-id');
  return typeof id === 'string' ? id : undefined;
}

/** The write is committed by now: whatever its listener runs into is no failure of the request. */
function tell({ onChange, log }: ScimOptions, info: { readonly source: string; readonly urgent: boolean }): void {
  try {
    onChange(info);
  } catch (error) {
    log?.error({ ...info, err: error }, 'what follows from a SCIM write could not be told');
  }
}
