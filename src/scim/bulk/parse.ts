import { badRequest, ScimError, shorten } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { ResourceType } from '../schema/types.ts';
import { isObject, isStorable } from '../values.ts';

export type BulkMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One operation of a bulk request, in its place. What is wrong with it alone is its own result. */
export interface BulkOperation {
  readonly index: number;
  readonly method: string;
  readonly bulkId: string | undefined;
  /** Of the resource that is to be changed; for If-Match. */
  readonly version: string | undefined;
  readonly type: ResourceType | undefined;
  /** Id of the resource, or `bulkId:…`. */
  readonly id: string | undefined;
  readonly data: unknown;
  readonly problem: ScimError | undefined;
}

export interface BulkRequest {
  /** Errors after which no further operation is tried. */
  readonly failOnErrors: number;
  readonly operations: readonly BulkOperation[];
}

/** Reads the body of a bulk request (RFC 7644 3.7). Throws 400 or 413: then nothing of it is done. */
export function parseBulk(body: unknown, limits: Limits, types: readonly ResourceType[]): BulkRequest {
  const given = isObject(body) ? caseless(body) : undefined;
  const operations = given?.get('operations');
  if (!Array.isArray(operations)) {
    throw badRequest('invalidSyntax', 'A bulk request is an object with an array Operations.');
  }
  if (operations.length > limits.bulkOperations) {
    throw new ScimError(
      413,
      `A bulk request may hold ${limits.bulkOperations} operations; this one has ${operations.length}. Send it in parts.`,
    );
  }
  const failOnErrors = given?.get('failonerrors') ?? Infinity;
  if (typeof failOnErrors !== 'number' || failOnErrors < 1 || failOnErrors % 1 !== 0) {
    if (failOnErrors !== Infinity) throw badRequest('invalidValue', 'failOnErrors has to be a whole number above 0.');
  }
  const parsed = operations.map((operation, index) => parseOperation(operation, index, types));
  refuseTwice(parsed);
  return { failOnErrors: Number(failOnErrors), operations: parsed };
}

function parseOperation(operation: unknown, index: number, types: readonly ResourceType[]): BulkOperation {
  const at = `Operations[${index}]`;
  if (!isObject(operation)) throw badRequest('invalidSyntax', `${at} has to be an object.`);
  const given = caseless(operation);
  const text = (name: string): string | undefined => {
    const value = given.get(name.toLowerCase());
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw badRequest('invalidSyntax', `${at}.${name} has to be text.`);
    return value;
  };
  const method = text('method')?.toUpperCase() ?? '';
  const [bulkId, version, path] = [text('bulkId'), text('version'), text('path') ?? ''];
  const [endpoint = '', id, ...more] = path.split('/').filter((part) => part !== '');
  const type = types.find((t) => t.endpoint.slice(1).toLowerCase() === endpoint.toLowerCase());
  const wrong = id !== undefined && (id.startsWith('.') || !isStorable(id));
  const known = more.length === 0 && type !== undefined && !wrong ? type : undefined;
  const base = { index, method, bulkId, version, type: known, id, data: given.get('data') };
  return { ...base, problem: problemOf(base, path, at) };
}

/** What makes an operation impossible, whatever the others do. */
function problemOf(operation: Omit<BulkOperation, 'problem'>, path: string, at: string): ScimError | undefined {
  const { method, type, id, bulkId, data, version } = operation;
  if (!['POST', 'PUT', 'PATCH', 'DELETE'].includes(method)) {
    return badRequest('invalidValue', `${at}.method has to be POST, PUT, PATCH or DELETE.`);
  }
  if (type === undefined) {
    return badRequest(
      'invalidValue',
      `${at}.path: ${shorten(path)} is not /Users or /Groups, or one of their resources.`,
    );
  }
  if ((method === 'POST') !== (id === undefined)) {
    const form = method === 'POST' ? type.endpoint : `${type.endpoint}/ID`;
    return badRequest('invalidValue', `${at}.path: ${method} goes to ${form}.`);
  }
  if (method === 'POST' && (bulkId ?? '') === '') return badRequest('invalidValue', `${at}: a POST needs a bulkId.`);
  if (method === 'POST' && version !== undefined) {
    return badRequest('invalidValue', `${at}: what is made by a POST has no version yet.`);
  }
  return method !== 'DELETE' && !isObject(data) ? badRequest('invalidValue', `${at} has no data.`) : undefined;
}

function refuseTwice(operations: readonly BulkOperation[]): void {
  const seen = new Set<string>();
  for (const { bulkId, index } of operations) {
    if (bulkId === undefined) continue;
    if (seen.has(bulkId)) {
      throw badRequest('invalidValue', `Operations[${index}]: the bulkId ${shorten(bulkId)} is used twice.`);
    }
    seen.add(bulkId);
  }
}

const caseless = (object: Record<string, unknown>): Map<string, unknown> =>
  new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
