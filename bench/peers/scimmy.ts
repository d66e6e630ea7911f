/**
 * A peer of the same language: scimmy-routers on express with handlers that keep everything in memory, as its
 * documentation shows them. It writes nothing to disk, so it has no share in what a store costs. Argument: how many
 * users it holds from the start.
 */
import express from 'express';
import { Resources, Types } from 'scimmy';
import Routers from 'scimmy-routers';
import { listen } from '../../src/web/server.ts';
import { idOf, user } from '../support/people.ts';

type Stored = Record<string, unknown> & { id: string };

/** Handlers over a Map; what is asked for without an id is all of it, and the library filters. */
function declare(type: unknown, all: Map<string, Stored>, newId: () => string): void {
  const found = (id: string): Stored => {
    const one = all.get(id);
    if (one === undefined) throw new Types.Error(404, undefined as never, `Resource ${id} not found`);
    return one;
  };
  const resource = Resources.declare(type as typeof Resources.User);
  resource.ingress(((asked: { id?: string }, data: object) => {
    const id = asked.id ?? newId();
    const stored = { ...(JSON.parse(JSON.stringify(data)) as object), id } as Stored;
    all.set(id, stored);
    return stored;
  }) as never);
  resource.egress(((asked: { id?: string }) =>
    asked.id === undefined ? [...all.values()] : found(asked.id)) as never);
  resource.degress(((asked: { id?: string }) => void all.delete(found(asked.id ?? '').id)) as never);
}

const users = new Map<string, Stored>();
for (let n = 1; n <= Number(process.argv[2] ?? 0); n++) users.set(idOf(n), { ...user(n), id: idOf(n) });
let made = users.size;
declare(Resources.User, users, () => idOf(++made));

const groups = new Map<string, Stored>();
for (const size of (process.argv[3] ?? '').split(',').filter((text) => text !== '')) {
  const members = Array.from({ length: Number(size) }, (_, i) => ({ value: idOf(i + 1), display: `Given${i + 1}` }));
  groups.set(`group-${size}`, { id: `group-${size}`, displayName: `group-${size}`, members });
}
declare(Resources.Group, groups, () => `group-new-${groups.size}`);

const app = express();
app.use('/scim', new Routers({ type: 'bearer', handler: () => 'bench' }));
const server = await listen(app, '127.0.0.1', 0);
process.once('SIGTERM', () => void server.close(1_000).then(() => process.exit(0)));
process.stdout.write(`ready ${server.url}\n`);
