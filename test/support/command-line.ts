import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type pg from 'pg';
import type { Io } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';
import { groupFields, userFields } from '../../src/scim/facts.ts';
import type { Db } from '../../src/store/db.ts';
import { createResources } from '../../src/store/resources.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Standard output as the one JSON document that it must be. */
  json<T>(): T;
}

/** Runs a command line in this process, as `bin/drawbridge.js` would. */
export async function drawbridge(args: readonly string[], env: Io['env'], cwd = process.cwd()): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await run(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    stream: async (parts) => {
      for await (const part of parts) out += part;
    },
    env,
    cwd,
    watched: false,
  });
  return { code, out, err, json: <T>() => JSON.parse(out) as T };
}

/** A folder with these files, and how to remove it. */
export function folderWith(files: Readonly<Record<string, string>>): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'drawbridge-cli-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The address of a test database for DATABASE_URL. */
export function urlOf(config: pg.PoolConfig): string {
  if (config.connectionString !== undefined) return config.connectionString;
  const { user = '', host = '', port = 5432, database = '' } = config;
  return `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
}

/** Writes a user as a SCIM client of `source` would; gives the id. */
export async function addUser(db: Db, source: string, userName: string, more: object = {}): Promise<string> {
  const writer = { source, actor: `scim:${source}/test` };
  const [given = '', family = ''] = userName.split(/[@.]/);
  const resource = {
    userName,
    displayName: `${given} ${family}`,
    name: { givenName: given, familyName: family },
    emails: [{ value: userName, primary: true }],
    active: true,
    ...more,
  };
  const written = await createResources(db).create(writer, 'user', userFields(resource));
  if (written.outcome !== 'done') throw new Error(`${userName}: ${written.outcome}`);
  return written.stored.id;
}

/** The same for a group with its members. */
export async function addGroup(
  db: Db,
  source: string,
  displayName: string,
  members: readonly string[],
): Promise<string> {
  const writer = { source, actor: `scim:${source}/test` };
  const written = await createResources(db).create(writer, 'group', groupFields({ displayName }), members);
  if (written.outcome !== 'done') throw new Error(`${displayName}: ${written.outcome}`);
  return written.stored.id;
}
