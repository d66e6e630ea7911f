import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';
import { RUN, type Traffic } from './story.ts';

const RECORDED = fileURLToPath(new URL('../../test/scim/', import.meta.url));

interface Exchange {
  readonly id: string;
  readonly setup?: boolean;
}

/** Sends the recorded exchanges and checks each answer; gives one line for each request that wrote something. */
export async function replay(
  traffic: Traffic,
  base: string,
  token: string,
  variables: Record<string, unknown>,
): Promise<string[]> {
  const recorded = JSON.parse(readFileSync(join(RECORDED, 'fixtures', `${traffic.fixture}.json`), 'utf8')) as {
    variables?: Record<string, unknown>;
    exchanges: Exchange[];
  };
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-demo-traffic-'));
  try {
    const file = join(folder, `${traffic.fixture}.json`);
    const exchanges = chosen(traffic, recorded.exchanges);
    const vars = { ...recorded.variables, ...variables, run: RUN };
    // No cleanup: the people stay, to be looked at.
    writeFileSync(file, JSON.stringify({ ...recorded, variables: vars, exchanges, cleanup: [] }));
    const out = await run([join(RECORDED, 'replay.mjs'), '--base', base, '--token', token, '--verbose', file]);
    return out
      .split('\n')
      .filter((line) => /^ {6}(POST|PUT|PATCH|DELETE) /.test(line))
      .map((line) => line.trim());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function chosen(traffic: Traffic, exchanges: readonly Exchange[]): Exchange[] {
  if (traffic.only) {
    const only = exchanges.filter((x) => traffic.only?.includes(x.id));
    if (only.length !== traffic.only.length) throw new Error(`not all of ${traffic.only.join(', ')} are recorded`);
    return only;
  }
  const last = exchanges.findIndex((x) => x.id === traffic.until);
  if (last < 0) throw new Error(`${traffic.until} is not recorded in ${traffic.fixture}`);
  return exchanges.slice(0, last + 1).filter((x) => !traffic.except?.includes(x.id));
}

/** The ids that earlier exchanges were given, for later ones: looked up as the identity provider would. */
export async function idsOf(
  base: string,
  token: string,
  wanted: Readonly<Record<string, string | readonly string[]>>,
): Promise<Record<string, unknown>> {
  const one = async (query: string): Promise<string> => {
    const response = await fetch(`${base}${query}`, { headers: { authorization: `Bearer ${token}` } });
    const list = (await response.json()) as { Resources?: Array<{ id: string }> };
    const id = list.Resources?.[0]?.id;
    if (id === undefined) throw new Error(`nothing was found by ${query}`);
    return id;
  };
  const entries = Object.entries(wanted).map(
    async ([name, query]) =>
      [name, typeof query === 'string' ? await one(query) : await Promise.all(query.map(one))] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
