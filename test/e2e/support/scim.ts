import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
/** How long one request may be sent again and again: longer than a service takes to be back. Milliseconds. */
const PATIENCE = 120_000;

/** What the client was told about a user, by acknowledged requests only. */
export interface ToldUser {
  readonly id: string;
  readonly userName: string;
  givenName: string;
  department: string;
  active: boolean;
  deleted: boolean;
}

export interface ScimClient {
  /** Sends until it is acknowledged, as a provider does over errors and 503. Gives the answer's status and body. */
  send(method: string, path: string, body?: object): Promise<{ status: number; body: Json; repeated: boolean }>;
  createUser(
    userName: string,
    more?: { givenName?: string; department?: string; employeeNumber?: string; email?: string },
  ): Promise<ToldUser>;
  patchUser(user: ToldUser, change: Partial<Pick<ToldUser, 'givenName' | 'department' | 'active'>>): Promise<void>;
  deleteUser(user: ToldUser): Promise<void>;
  createGroup(displayName: string): Promise<string>;
  patchMembers(group: string, op: 'add' | 'remove', users: readonly ToldUser[]): Promise<void>;
  /** Writes that were acknowledged, and requests that had to be sent again. */
  readonly counts: { acknowledged: number; repeated: number };
}

// oxlint-disable-next-line typescript/no-explicit-any -- answers are read by path, and a wrong path fails the test
type Json = any;

/** A client of a source. `origin` is asked at every attempt: a service that was started anew is elsewhere. */
export function scimClient(origin: () => string, token: string, source = 'okta'): ScimClient {
  const counts = { acknowledged: 0, repeated: 0 };
  const once = async (method: string, path: string, body?: object): Promise<{ status: number; body: Json }> => {
    const response = await fetch(`${origin()}/scim/${source}/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  const send: ScimClient['send'] = async (method, path, body) => {
    const end = performance.now() + PATIENCE;
    for (let repeated = false; ; repeated = true) {
      const answer = await once(method, path, body).catch((error: unknown) => ({ status: 0, body: String(error) }));
      if (answer.status !== 0 && answer.status !== 429 && answer.status < 500) {
        if (method !== 'GET') counts.acknowledged += 1;
        return { ...answer, repeated };
      }
      if (performance.now() > end)
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      counts.repeated += 1;
      await sleep(60);
    }
  };
  const patch = async (path: string, operations: readonly object[]): Promise<void> => {
    const { status, body } = await send('PATCH', path, { schemas: [PATCH], Operations: operations });
    assert.ok(status === 200 || status === 204, `PATCH ${path}: ${status} ${JSON.stringify(body)}`);
  };
  /** A repeated POST may find what the lost answer was about. */
  const create = async (type: 'User' | 'Group', name: string, resource: object): Promise<string> => {
    const sent = await send('POST', `/${type}s`, { schemas: [`${CORE}:${type}`], ...resource });
    if (sent.status === 201) return sent.body.id as string;
    assert.ok(sent.status === 409 && sent.repeated, `POST ${name}: ${sent.status} ${JSON.stringify(sent.body)}`);
    return find(type, name);
  };
  const find = async (type: 'User' | 'Group', name: string): Promise<string> => {
    const attribute = type === 'User' ? 'userName' : 'displayName';
    const { body } = await send('GET', `/${type}s?filter=${encodeURIComponent(`${attribute} eq "${name}"`)}`);
    assert.equal(body.totalResults, 1, `${name}: ${JSON.stringify(body)}`);
    return body.Resources[0].id as string;
  };
  return {
    counts,
    send,
    createUser: async (userName, more = {}) => {
      const { givenName = 'Given', department = 'Sales', employeeNumber, email = userName } = more;
      const id = await create('User', userName, {
        userName,
        active: true,
        name: { givenName, familyName: 'Family' },
        emails: [{ value: email, primary: true, type: 'work' }],
        [ENTERPRISE]: { department, ...(employeeNumber !== undefined && { employeeNumber }) },
      });
      return { id, userName, givenName, department, active: true, deleted: false };
    },
    patchUser: async (user, change) => {
      const paths = { givenName: 'name.givenName', department: `${ENTERPRISE}:department`, active: 'active' };
      const operations = Object.entries(change).map(([name, value]) => ({
        op: 'replace',
        path: paths[name as keyof typeof paths],
        value,
      }));
      await patch(`/Users/${user.id}`, operations);
      Object.assign(user, change);
    },
    deleteUser: async (user) => {
      const { status, repeated } = await send('DELETE', `/Users/${user.id}`);
      assert.ok(status === 204 || (status === 404 && repeated), `DELETE ${user.userName}: ${status}`);
      user.deleted = true;
    },
    createGroup: (displayName) => create('Group', displayName, { displayName }),
    patchMembers: (group, op, users) => {
      const one = users.length === 1 && op === 'remove';
      return patch(`/Groups/${group}`, [
        one
          ? { op, path: `members[value eq "${users[0]?.id}"]` }
          : { op, path: 'members', value: users.map(({ id }) => ({ value: id })) },
      ]);
    },
  };
}

/** What the service shows of these users and groups now, against what it acknowledged; a line for each difference. */
export async function lost(
  client: ScimClient,
  users: readonly ToldUser[],
  groups: Readonly<Record<string, { id: string; members: ReadonlySet<ToldUser> }>>,
): Promise<string[]> {
  const wrong: string[] = [];
  const look = async (user: ToldUser): Promise<void> => {
    const { status, body } = await client.send('GET', `/Users/${user.id}`);
    if (user.deleted) {
      if (status !== 404) wrong.push(`${user.userName} was deleted and is there`);
      return;
    }
    const shown =
      status === 200 ? [body.userName, body.name?.givenName, body[ENTERPRISE]?.department, body.active] : [status];
    const told = [user.userName, user.givenName, user.department, user.active];
    if (JSON.stringify(shown) !== JSON.stringify(told)) wrong.push(`${user.userName}: told ${told}, shown ${shown}`);
  };
  for (let at = 0; at < users.length; at += 16) await Promise.all(users.slice(at, at + 16).map(look));
  for (const [name, { id, members }] of Object.entries(groups)) {
    const { body } = await client.send('GET', `/Groups/${id}`);
    const shown = new Set<string>((body.members ?? []).map((m: { value: string }) => m.value));
    const told = new Set([...members].filter((user) => !user.deleted).map((user) => user.id));
    for (const id of told) if (!shown.has(id)) wrong.push(`${name} lacks ${id}`);
    for (const id of shown) if (!told.has(id)) wrong.push(`${name} has ${id}`);
  }
  return wrong;
}
