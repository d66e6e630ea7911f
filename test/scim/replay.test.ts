import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TOKEN, useScim } from './server.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const FILES = [
  'discovery',
  'entra-groups',
  'entra-users',
  'entra-users-flagged',
  'okta-groups',
  'okta-import',
  'okta-users',
];

interface Result {
  readonly id: string;
  readonly level: string;
  readonly ok: boolean;
  readonly problems: readonly string[];
}

function replay(base: string, folder: string): Promise<Result[]> {
  const report = join(folder, 'report.json');
  const files = FILES.map((name) => join(HERE, 'fixtures', `${name}.json`));
  const args = [join(HERE, 'replay.mjs'), '--base', base, '--token', TOKEN, '--quiet', '--json', report, ...files];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { timeout: 120_000 }, (error, _stdout, stderr) => {
      // Exit code 1 means that something differs; the report says what.
      if (error !== null && error.code !== 1) reject(new Error(`${error.message}\n${stderr}`));
      else resolve((JSON.parse(readFileSync(report, 'utf8')) as { results: Result[] }).results);
    });
  });
}

describe('recorded traffic of Okta and Entra ID', () => {
  const { server } = useScim();
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-replay-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('every exchange is answered as recorded', async () => {
    const results = await replay(server.base, folder);
    const required = results.filter((r) => r.level === 'required');
    assert.equal(required.length, 139);
    assert.equal(results.length, 160);
    assert.deepEqual(
      results.filter((r) => !r.ok).map((r) => [r.id, ...r.problems]),
      [],
    );
  });
});
