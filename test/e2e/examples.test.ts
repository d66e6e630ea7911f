import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { noSlapd } from '../services/slapd.ts';

/** Processes whose command line or environment names the folder. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8');
        return text.includes(folder) ? [`${pid} ${text.split('\0').slice(0, 3).join(' ')}`] : [];
      } catch {
        return [];
      }
    });
}

/** Databases that lie outside their data folder, since their server could not get in there. */
const clusters = (): string[] =>
  existsSync('/var/lib/drawbridge') ? readdirSync('/var/lib/drawbridge').toSorted() : [];

async function demo(args: readonly string[], lines: readonly string[]): Promise<void> {
  const temp = mkdtempSync(join(tmpdir(), 'drawbridge-examples-'));
  const before = clusters();
  try {
    const child = spawn(process.execPath, ['examples/demo/main.ts', ...args], {
      env: { ...process.env, TMPDIR: temp },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (out += text));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 0, out);
    for (const line of lines) {
      assert.ok(out.includes(line), `"${line}" is missing in:\n${out}`);
    }
    assert.deepEqual(processesIn(temp), [], 'processes stayed');
    assert.deepEqual(readdirSync(temp), [], 'files stayed');
    assert.deepEqual(clusters(), before, 'a database stayed');
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

test('the demo shows the whole way, holds, and leaves nothing behind', { timeout: 240_000 }, () =>
  demo(
    [],
    [
      'POST /Users -> 201',
      '+ create account demo.m1@contoso.example',
      'demo.m1@contoso.example        active   prod-admin   rule vault-admins, group Vault Admins demo',
      'hanna.handmade@pam.example     active   dba          was there before: not ours, left alone',
      '✓ nobody has lost anything: it waits for somebody',
      '✓ 3 changes approved',
      'demo.una@okta.example          blocked  read-only',
      'demo.six@contoso.example       blocked  –',
      '✓ the plan is empty',
    ],
  ),
);

test('so does the one with OpenLDAP', { timeout: 240_000, skip: noSlapd }, () =>
  demo(
    ['--ldap'],
    [
      '6 people below dc=example,dc=test match (objectClass=inetOrgPerson), such as ann, bob, eve',
      '+ create account ann@example.com',
      'bob@example.com                blocked  prod-admin',
      'joe@example.com                active   prod-admin',
      'not sealed: 3 of 6 users are missing (50 %, shrinkLimit is 10 %)',
      '✓ nobody has lost anything: it waits for somebody',
      'Nothing was left behind.',
    ],
  ),
);
