import type { Call } from './call.ts';
import { ScimError } from './errors.ts';
import { parsePatch } from './patch/parse.ts';
import type { ResourceType } from './schema/types.ts';
import { isObject, readSingle } from './values.ts';

/** Does the body of a PUT say, whatever else is wrong with it, that the user is not active? */
export function putSaysInactive(type: ResourceType, body: unknown): boolean {
  if (type.kind !== 'user' || !isObject(body)) return false;
  return isFalse(type, Object.entries(body).findLast(([key]) => key.toLowerCase() === 'active')?.[1]);
}

/** Does any operation of a PATCH say, whatever is wrong with the others, that the user is not active? */
export function patchSaysInactive(type: ResourceType, body: unknown): boolean {
  if (type.kind !== 'user' || !isObject(body)) return false;
  const operations = Object.entries(body).find(([key]) => key.toLowerCase() === 'operations')?.[1];
  return Array.isArray(operations) && operations.some((operation) => operationSaysInactive(type, operation));
}

function operationSaysInactive(type: ResourceType, operation: unknown): boolean {
  try {
    return parsePatch(type, { Operations: [operation] }).some(({ op, target, value }) => {
      if (op === 'remove') return false;
      // The core schema as a whole is a target too: its value holds `active` as a PUT's body does.
      if (target.attribute === undefined) return target.extension === undefined && putSaysInactive(type, value);
      return target.attribute.name === 'active' && target.extension === undefined && isFalse(type, value);
    });
  } catch (error) {
    if (error instanceof ScimError) return false;
    throw error;
  }
}

function isFalse(type: ResourceType, value: unknown): boolean {
  const active = type.schema.attributes.find(({ name }) => name === 'active');
  if (active === undefined) return false;
  try {
    return readSingle(active, value, 'active') === false;
  } catch (error) {
    if (error instanceof ScimError) return false;
    throw error;
  }
}

/** Refusals of what a request holds. A store that is away is no refusal: the client tries again. */
const REFUSALS: ReadonlySet<number> = new Set([400, 409, 412]);

export const isRefusal = (error: unknown): error is ScimError =>
  error instanceof ScimError && REFUSALS.has(error.status);

/** Tells of a refused request that would have made an active user inactive: who is to lose access still has it. */
export async function tellRefusedLeave(call: Call, id: string, refusal: ScimError): Promise<void> {
  const { writer, type, resources } = call;
  const stored = await resources.read(writer.source, type.kind, id, false);
  if (stored === undefined || stored.resource['active'] === false) return;
  call.leaveRefused();
  call.log?.warn(
    { source: writer.source, actor: writer.actor, id, status: refusal.status, scimType: refusal.scimType },
    'a request that makes a user inactive was refused: the person keeps access until the client sends it without ' +
      'the fault (docs/scim.md: A leave that comes with a fault)',
  );
}
