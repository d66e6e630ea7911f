import type { Call, Context } from '../call.ts';
import { errorBody, ScimError } from '../errors.ts';
import { create, patch, remove, replace } from '../handlers.ts';
import { type Answer, toScimError } from '../http/answer.ts';
import { locationOf } from '../present.ts';
import { isObject } from '../values.ts';
import { divided } from './circular.ts';
import { type BulkOperation, parseBulk } from './parse.ts';
import { inOrder, resolved } from './references.ts';

const BULK_RESPONSE = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';

/** What became of an operation. */
type Outcome = { readonly answer: Answer; readonly id: string | undefined } | { readonly error: ScimError };

/**
 * A bulk request (RFC 7644 3.7). Each operation is a transaction of its own, as if it had been sent alone; operations
 * that refer to each other in a circle are one transaction together. An operation comes after those that it refers to,
 * otherwise the order is that of the request, and so is that of the results.
 */
export async function bulk(context: Context, body: unknown): Promise<Answer> {
  const { failOnErrors, operations } = parseBulk(body, context.limits, context.types);
  const outcomes = new Map<BulkOperation, Outcome>();
  const run: Run = { context, outcomes, byBulkId: new Map(operations.map((o) => [o.bulkId ?? '', o])) };
  let errors = 0;
  let away: ScimError | undefined;
  for (const group of inOrder(operations)) {
    if (errors >= failOnErrors) break;
    const done =
      away === undefined ? await runGroup(run, group) : group.map((): Outcome => ({ error: away as ScimError }));
    for (const [i, operation] of group.entries()) {
      const outcome = done[i] as Outcome;
      outcomes.set(operation, outcome);
      if (!('error' in outcome)) continue;
      errors++;
      // Without a store each further operation would only wait for it in vain.
      if (outcome.error.status === 503) away = outcome.error;
    }
  }
  const results = operations.flatMap((operation) => {
    const outcome = outcomes.get(operation);
    return outcome === undefined ? [] : [resultOf(context, operation, outcome)];
  });
  return { status: 200, body: { schemas: [BULK_RESPONSE], Operations: results } };
}

interface Run {
  readonly context: Context;
  readonly outcomes: ReadonlyMap<BulkOperation, Outcome>;
  readonly byBulkId: ReadonlyMap<string, BulkOperation>;
}

async function runGroup(run: Run, group: readonly BulkOperation[]): Promise<Outcome[]> {
  const [only] = group;
  if (group.length === 1 && only !== undefined && !refersToItself(run, only)) return [await runAlone(run, only)];
  return runCircle(run, group);
}

const refersToItself = (run: Run, { data, bulkId, method }: BulkOperation): boolean => {
  let found = false;
  resolved(data, (id) => void (found ||= id === bulkId));
  return found && method === 'POST' && run.byBulkId.has(bulkId ?? '');
};

async function runAlone(run: Run, operation: BulkOperation): Promise<Outcome> {
  try {
    if (operation.problem !== undefined) throw operation.problem;
    const resolve = resolver(run, new Map());
    const data = resolved(operation.data, resolve);
    const id = operation.id === undefined ? undefined : String(resolved(operation.id, resolve));
    const answer = await perform(callOf(run.context, operation), operation.method, id, data);
    return { answer, id: id ?? idIn(answer) };
  } catch (error) {
    return { error: toScimError(error, run.context.log) };
  }
}

/** All of a circle or nothing: first what each is without the others, then how they refer to each other. */
async function runCircle(run: Run, group: readonly BulkOperation[]): Promise<Outcome[]> {
  let urgent: boolean | undefined;
  const changed = (now: boolean): void => void (urgent = urgent === true || now);
  let failed: BulkOperation | undefined;
  try {
    const done = await run.context.resources.together(async (resources) => {
      const context = { ...run.context, resources, changed };
      const made = new Map<string, string>();
      const waiting: Array<{ operation: BulkOperation; id: string; later: ReadonlyArray<Record<string, unknown>> }> =
        [];
      for (const operation of group) {
        failed = operation;
        if (operation.problem !== undefined) throw operation.problem;
        const { type, bulkId = '' } = operation;
        if (type === undefined || operation.method !== 'POST' || !isObject(operation.data)) {
          throw new ScimError(409, 'Only what is made by a POST can be part of a circle of references.');
        }
        const earlier = resolved(operation.data, resolver(run, new Map())) as Record<string, unknown>;
        const inCircle = (id: string): string | undefined =>
          group.some((o) => o.bulkId === id) ? `the id of ${id}` : undefined;
        const { now, later } = divided(type, earlier, inCircle);
        const id = idIn(await create(callOf(context, operation), now)) ?? '';
        made.set(bulkId, id);
        waiting.push({ operation, id, later });
      }
      const outcomes: Outcome[] = [];
      for (const { operation, id, later } of waiting) {
        failed = operation;
        const Operations = resolved(later, resolver(run, made));
        const answer = await patch(callOf(context, operation), id, { Operations });
        const location = answer.headers?.['content-location'] ?? '';
        outcomes.push({ id, answer: { ...answer, status: 201, headers: { ...answer.headers, location } } });
      }
      return outcomes;
    });
    if (urgent !== undefined) run.context.changed(urgent);
    return done;
  } catch (error) {
    const own = toScimError(error, run.context.log);
    const other = new ScimError(
      own.status >= 500 ? own.status : 409,
      `Not made: it and ${failed?.bulkId ?? 'another'} refer to each other, and that could not be made.`,
    );
    return group.map((operation) => ({ error: operation === failed ? own : other }));
  }
}

/** Ids of what was made. What could not be made stops the operation that refers to it. */
const resolver =
  (run: Run, made: ReadonlyMap<string, string>) =>
  (bulkId: string): string | undefined => {
    const operation = run.byBulkId.get(bulkId);
    const outcome = operation === undefined ? undefined : run.outcomes.get(operation);
    if (outcome !== undefined && 'error' in outcome) {
      throw new ScimError(409, `It refers to the operation with the bulkId ${bulkId}, which failed.`);
    }
    return made.get(bulkId) ?? outcome?.id;
  };

/** The handlers as for a request of its own; of what they answer only location and version are used. */
function callOf(context: Context, { type, version }: BulkOperation): Call {
  if (type === undefined) throw new Error('an operation without a resource type was to be done');
  const headers = version === undefined ? {} : { 'if-match': version };
  return { ...context, type, headers, query: NO_LINKS };
}

/** Memberships may be many, and nobody reads them here. */
const NO_LINKS = new Map([['excludedattributes', 'groups,members']]);

function perform(call: Call, method: string, id: string | undefined, data: unknown): Promise<Answer> {
  if (id === undefined) return create(call, data);
  if (method === 'PUT') return replace(call, id, data);
  return method === 'PATCH' ? patch(call, id, data) : remove(call, id);
}

const idIn = ({ body }: Answer): string | undefined =>
  isObject(body) && typeof body['id'] === 'string' ? body['id'] : undefined;

function resultOf({ base }: Context, operation: BulkOperation, outcome: Outcome): Record<string, unknown> {
  const { method, bulkId, type, id } = operation;
  const common = { method, ...(bulkId === undefined ? {} : { bulkId }) };
  if ('error' in outcome) {
    const { error } = outcome;
    // A POST that failed has no location (RFC 7644 3.7.3).
    const known = method !== 'POST' && type !== undefined && id !== undefined && !id.startsWith('bulkId:');
    const location = known ? { location: locationOf(type, base, id) } : {};
    return { ...location, ...common, status: String(error.status), response: errorBody(error) };
  }
  const { status, headers = {} } = outcome.answer;
  const made = type === undefined || outcome.id === undefined ? undefined : locationOf(type, base, outcome.id);
  const location = headers['location'] ?? headers['content-location'] ?? made;
  const version = headers['etag'];
  return {
    ...(location === undefined ? {} : { location }),
    ...common,
    ...(version === undefined ? {} : { version }),
    status: String(status),
  };
}
