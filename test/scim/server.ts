import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createScim, type ScimOptions } from '../../src/scim/index.ts';
import type { Db } from '../../src/store/db.ts';
import { createResources } from '../../src/store/resources.ts';

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

/**
 * The endpoint by itself on a free port, with the sources `okta` and `entra`. `name`: the id that every request has got
 * from whoever serves the endpoint.
 */
export async function scimServer(
  db: Db,
  { name, ...options }: Partial<ScimOptions> & { readonly name?: string } = {},
): Promise<ScimServer> {
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
