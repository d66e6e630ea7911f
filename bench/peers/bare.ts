/**
 * The yardstick: express and nothing else, the same pool, one prepared select by an index, the stored JSON as the
 * answer. No token, no filter language, no SCIM. Argument: the store's folder.
 */
import express from 'express';
import { listen } from '../../src/web/server.ts';
import { openStore } from '../../src/store/open.ts';

const store = await openStore({ kind: 'embedded', folder: process.argv[2] ?? '' });
const app = express();
const SELECT = 'select anchor as id, resource, version, created_at, changed_at from record';

app.get('/Users/:id', async (request, response) => {
  const row = await store.db.row({
    name: 'bare-id',
    text: `${SELECT} where source = $1 and anchor = $2 and gone_at is null`,
    values: ['okta', request.params.id],
  });
  if (row === undefined) response.status(404).json({});
  else response.json(row);
});

app.get('/named/:name', async (request, response) => {
  const row = await store.db.row({
    name: 'bare-name',
    text: `${SELECT} where source = $1 and name_key = $2 and kind = 'user' and gone_at is null`,
    values: ['okta', request.params.name],
  });
  if (row === undefined) response.status(404).json({});
  else response.json(row);
});

const server = await listen(app, '127.0.0.1', 0);
process.once('SIGTERM', () => {
  void server
    .close(1_000)
    .then(() => store.close())
    .then(() => process.exit(0));
});
process.stdout.write(`ready ${server.url}\n`);
