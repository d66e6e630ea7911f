import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before } from 'node:test';
import express from 'express';
import { createScim, type ScimOptions } from '../../src/scim/index.ts';
import type { Db } from '../../src/store/db.ts';
import { createResources } from '../../src/store/resources.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

export const TOKEN = 'test-token';
export const OTHER_TOKEN = 'other-token';

export interface ScimServer {
  /** `http://127.0.0.1:PORT/scim/okta/v2`. */
  readonly base: string;
  readonly origin: string;
  readonly changes: Array<{ readonly source: string; readonly urgent: boolean }>;
  /** Sends a request with the token of the source `okta`, and reads the answer. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are read by path, and a wrong path fails the test
  readonly body: any;
}

type Options = Partial<ScimOptions> & { readonly name?: string };

/**
 * The endpoint with a database of its own, from before the tests of a `describe` until after them. Call it there, as
 * the first thing, and not in a test: it sets the hooks. What it gives can be used from the next `before` on.
 *
 * ```ts
 * describe('what a write leaves in the store', () => {
 *   const { database, server } = useScim();
 * ```
 */
export function useScim(options: Options = {}): { readonly database: TestDatabase; readonly server: ScimServer } {
  let opened: TestDatabase | undefined;
  let running: ScimServer | undefined;
  before(async () => {
    opened = await testDatabase();
    running = await scimServer(opened.db, options);
  });
  after(async () => {
    await running?.close();
    await opened?.close();
  });
  const there = <T>(part: T | undefined): T => {
    if (part === undefined)
      throw new Error('The endpoint starts in `before`; use it in a test, or in a later `before`.');
    return part;
  };
  return {
    database: {
      get db() {
        return there(opened).db;
      },
      get pool() {
        return there(opened).pool;
      },
      get config() {
        return there(opened).config;
      },
      close: () => there(opened).close(),
    },
    server: {
      get base() {
        return there(running).base;
      },
      get origin() {
        return there(running).origin;
      },
      get changes() {
        return there(running).changes;
      },
      send: (...request) => there(running).send(...request),
      close: () => there(running).close(),
    },
  };
}

/**
 * The endpoint by itself on a free port, with the sources `okta` and `entra`. `name`: the id that every request has got
 * from whoever serves the endpoint.
 */
export async function scimServer(db: Db, { name, ...options }: Options = {}): Promise<ScimServer> {
  const changes: ScimServer['changes'] = [];
  const tokens = new Map([
    [TOKEN, { id: 't1', name: 'test', source: 'okta' }],
    [OTHER_TOKEN, { id: 't2', name: 'other', source: 'entra' }],
  ]);
  const app = express();
  if (name !== undefined)
    app.use((_request, response, next) => void next(response.setHeader('x-request-id', name) && undefined));
  app.use(
    '/scim',
    createScim({
      resources: createResources(db),
      authenticate: async (presented) => tokens.get(presented),
      sources: () => new Map(['okta', 'entra'].map((id) => [id, { id }])),
      cursorKey: randomBytes(32),
      onChange: (change) => void changes.push(change),
      ...options,
    }),
  );
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const base = `${origin}/scim/okta/v2`;
  return {
    base,
    origin,
    changes,
    async send(method, path, body, headers = {}) {
      const response = await fetch(path.startsWith('http') ? path : base + path, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/scim+json', ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
      const text = await response.text();
      const json = text.startsWith('{') ? JSON.parse(text) : undefined;
      return { status: response.status, headers: response.headers, text, body: json };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
