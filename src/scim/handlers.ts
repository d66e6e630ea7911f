import type { MemberWrite, StoredResource, Written } from '../store/resources.ts';
import type { Call } from './call.ts';
import { badRequest, notFound, ScimError } from './errors.ts';
import { settleExtensions, stillFits } from './extensions.ts';
import { groupFields, userFields } from './facts.ts';
import type { Answer } from './http/answer.ts';
import { isRefusal, patchSaysInactive, putSaysInactive, tellRefusedLeave } from './leave.ts';
import { applyPatch } from './patch/apply.ts';
import { isMembersOperation, memberChange, readMembers } from './patch/members.ts';
import { parsePatch } from './patch/parse.ts';
import { hasConditions, isRefused, isUnchanged } from './preconditions.ts';
import { etagOf, locationOf, present, recordTag } from './present.ts';
import { type Projection, projectionOf } from './projection.ts';
import type { ResourceType } from './schema/types.ts';
import { checkResource, isObject, readResource, type Resource } from './values.ts';

export async function read(call: Call, id: string): Promise<Answer> {
  const projection = projectionFor(call);
  const stored = await readStored(call, id, projection.links);
  const etag = etagOf(stored);
  return isUnchanged(call.headers, etag, projection.links)
    ? { status: 304, headers: { etag } }
    : answer(call, 200, stored, projection);
}

export async function create(call: Call, body: unknown): Promise<Answer> {
  const { type } = call;
  const given = readResource(type, body, call.note);
  const resource = type.kind === 'user' ? { active: true, ...given } : given;
  checkResource(type, resource);
  settleExtensions(type, {}, resource, 'create');
  const members = type.kind === 'group' ? [...new Set(membersIn(body) ?? [])] : [];
  const written = settle(call, await call.resources.create(call.writer, type.kind, fieldsOf(type, resource), members));
  const projection = projectionFor(call);
  const stored = members.length > 0 && projection.links ? await readStored(call, written.id, true) : written;
  return answer(call, 201, stored, projection);
}

/**
 * Replaces the resource. `active` and the members stay as they are where the body does not mention them. A body that
 * makes an active user inactive does so even where the rest of it would be refused: the rest then stays as it was.
 */
export async function replace(call: Call, id: string, body: unknown): Promise<Answer> {
  try {
    return await replaceWhole(call, id, body);
  } catch (error) {
    if (!isRefusal(error) || !putSaysInactive(call.type, body)) throw error;
    if (error.status !== 412) return leaveOnly(call, id, error);
    await tellRefusedLeave(call, id, error);
    throw error;
  }
}

async function leaveOnly(call: Call, id: string, refusal: ScimError): Promise<Answer> {
  const { type } = call;
  const written = await call.resources.change(call.writer, type.kind, id, (current) => {
    refuseStale(call, current);
    if (current.resource['active'] === false) throw refusal;
    const wanted = { ...stillFits(type, current.resource), active: false };
    return { fields: fieldsOf(type, settleExtensions(type, current.resource, wanted, 'patch')) };
  });
  settle(call, written, id);
  call.note('leave-only');
  return reread(call, id);
}

async function replaceWhole(call: Call, id: string, body: unknown): Promise<Answer> {
  const { type } = call;
  const given = readResource(type, body, call.note);
  const listed = type.kind === 'group' ? membersIn(body) : undefined;
  const members: MemberWrite | undefined = listed === undefined ? undefined : { type: 'set', members: new Set(listed) };
  const written = await call.resources.change(call.writer, type.kind, id, (current) => {
    refuseStale(call, current);
    const wanted = type.kind === 'user' ? { active: current.resource['active'] ?? true, ...given } : given;
    checkResource(type, wanted);
    const resource = settleExtensions(type, current.resource, wanted, 'replace');
    return { fields: fieldsOf(type, resource), members };
  });
  settle(call, written, id);
  return reread(call, id);
}

/** All operations or none (RFC 7644 3.5.2), also where one of them makes the user inactive: that is told aloud. */
export async function patch(call: Call, id: string, body: unknown): Promise<Answer> {
  try {
    return await patchWhole(call, id, body);
  } catch (error) {
    if (isRefusal(error) && patchSaysInactive(call.type, body)) await tellRefusedLeave(call, id, error);
    throw error;
  }
}

async function patchWhole(call: Call, id: string, body: unknown): Promise<Answer> {
  const { type } = call;
  const operations = parsePatch(type, body, call.note);
  const rest = operations.filter((o) => type.kind === 'user' || !isMembersOperation(o));
  const members = type.kind === 'group' ? memberChange(operations.filter(isMembersOperation), call.note) : undefined;
  let written: StoredResource;
  if (rest.length > 0 || hasConditions(call.headers)) {
    const result = await call.resources.change(call.writer, type.kind, id, (current) => {
      refuseStale(call, current);
      const wanted = applyPatch(type, id, stillFits(type, current.resource), rest, call.note);
      checkResource(type, wanted);
      const resource = settleExtensions(type, current.resource, wanted, 'patch');
      return { fields: fieldsOf(type, resource), members };
    });
    written = settle(call, result, id);
  } else if (members === undefined) written = await readStored(call, id, false);
  else written = settle(call, await call.resources.changeMembers(call.writer, id, members), id);
  // A group's members may be very many, and nobody who changes one wants to read them all.
  if (type.kind === 'user' || call.query.has('attributes')) return reread(call, id);
  return {
    status: 204,
    headers: { etag: recordTag(written), 'content-location': locationOf(type, call.base, id) },
  };
}

export async function remove(call: Call, id: string): Promise<Answer> {
  const written = await call.resources.remove(call.writer, call.type.kind, id, (current) => refuseStale(call, current));
  settle(call, written, id);
  return { status: 204 };
}

const projectionFor = ({ type, query, note }: Call): Projection =>
  projectionOf(type, query.get('attributes'), query.get('excludedattributes'), note);

const fieldsOf = (type: ResourceType, resource: Resource) =>
  type.kind === 'user' ? userFields(resource, type.ruleAttributes) : groupFields(resource);

function membersIn(body: unknown): string[] | undefined {
  const entry = isObject(body) ? Object.entries(body).find(([key]) => key.toLowerCase() === 'members') : undefined;
  if (entry === undefined) return undefined;
  if (entry[1] !== null && !Array.isArray(entry[1])) throw badRequest('invalidValue', 'members has to be an array.');
  return readMembers(entry[1]);
}

async function readStored({ type, writer, resources }: Call, id: string, links: boolean): Promise<StoredResource> {
  const stored = await resources.read(writer.source, type.kind, id, links);
  if (stored === undefined) throw notFound(`The ${type.name.toLowerCase()}`, id);
  return stored;
}

async function reread(call: Call, id: string): Promise<Answer> {
  const projection = projectionFor(call);
  return answer(call, 200, await readStored(call, id, projection.links), projection);
}

function answer({ type, base }: Call, status: number, stored: StoredResource, projection: Projection): Answer {
  const location = locationOf(type, base, stored.id);
  const shown = present(type, stored, base);
  const { version: etag } = shown['meta'] as { readonly version: string };
  return {
    status,
    body: projection.apply(shown),
    headers: { etag, ...(status === 201 ? { location } : { 'content-location': location }) },
  };
}

function refuseStale(call: Call, current: StoredResource): void {
  if (!isRefused(call.headers, recordTag(current))) return;
  const what = `The ${call.type.name.toLowerCase()}`;
  throw new ScimError(412, `${what} is at ${recordTag(current)} now, and the request's conditions are for another.`);
}

/** The outcome of a write: tells that something changed, or refuses in the client's terms. */
function settle(call: Call, written: Written, id = ''): StoredResource {
  switch (written.outcome) {
    case 'done':
      if (written.changed) call.changed(written.urgent);
      return written.stored;
    case 'missing':
      throw notFound(`The ${call.type.name.toLowerCase()}`, id);
    case 'taken':
      throw new ScimError(409, 'Another user of this source has this userName (case does not count).', {
        scimType: 'uniqueness',
      });
    case 'unknown-members':
      throw badRequest(
        'invalidValue',
        `members: no user or group of this source has, or ever had, the id ${written.ids.slice(0, 5).join(', ')}.`,
      );
  }
}
