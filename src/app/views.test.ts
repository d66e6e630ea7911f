import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderWith } from '../../test/support/command-line.ts';
import { loadSettings } from '../config/load.ts';
import { kinds } from './kinds.ts';
import { loadViews } from './views.ts';

/** What is told of a rules folder beside which `spoil` did something. */
function told(spoil: (rules: string) => void): { message: string; remedy: string } {
  const folder = folderWith({ 'd.yaml': 'sources: { okta: { type: scim } }\n', 'rules/a.yaml': 'rules: []\n' });
  try {
    spoil(join(folder.path, 'rules'));
    const { settings } = loadSettings({ file: join(folder.path, 'd.yaml'), env: {}, kinds });
    assert.ok(settings !== undefined);
    const { views, problems } = loadViews(settings);
    assert.equal(views, undefined, 'rules that can not be read are not taken for none');
    const [problem] = problems;
    assert.ok(problem !== undefined && problems.length === 1);
    assert.equal(problem.severity, 'error');
    return { message: problem.message.replaceAll(folder.path, ''), remedy: problem.remedy ?? '' };
  } finally {
    folder.remove();
  }
}

test('rules that can not be read are told with the file and what to do', () => {
  const large = told((rules) => writeFileSync(join(rules, 'b.yaml'), '#'.repeat(4 * 1024 * 1024 + 1)));
  assert.equal(large.message, "the rules in /rules/b.yaml can't be read (EFBIG)");
  assert.equal(large.remedy, 'Split it into several files.');

  const dangling = told((rules) => symlinkSync('nowhere', join(rules, 'b.yaml')));
  assert.equal(dangling.message, "the rules in /rules/b.yaml can't be read (ENOENT)");
  assert.equal(dangling.remedy, 'It is a link that leads nowhere: mend or remove it.');

  const nested = told((rules) => mkdirSync(join(rules, 'b.yaml')));
  assert.match(nested.message, /^the rules in \/rules(\/b\.yaml)? can't be read \(EISDIR\)$/);
  assert.match(nested.remedy, /^Rules are files in one folder, not folders in it/);

  const file = told((rules) => {
    rmSync(rules, { recursive: true });
    writeFileSync(rules, 'rules: []\n');
  });
  assert.equal(file.message, "the rules in /rules can't be read (ENOTDIR)");
  assert.equal(file.remedy, 'It must be a folder with rules files: correct rules: in the settings.');
});

test('the scope of a target is checked as a condition of the rules, at its place', () => {
  const folder = folderWith({
    'd.yaml':
      'sources: { okta: { type: scim } }\ntargets:\n' +
      '  a: { type: strongdm, mode: full, simulator: true, scope: \'user.department == "IT"\' }\n' +
      '  b: { type: strongdm, mode: full, simulator: true, scope: \'user.departmnt == "IT"\' }\n',
    'rules/a.yaml': 'rules: []\n',
  });
  try {
    const { settings, document } = loadSettings({ file: join(folder.path, 'd.yaml'), env: {}, kinds });
    assert.ok(settings !== undefined);
    const { views, problems } = loadViews(settings, document);
    assert.equal(views, undefined);
    assert.deepEqual(
      problems.filter((p) => p.severity === 'error').map((p) => [p.place?.line, p.message]),
      [[4, 'scope of the target b: no attribute `departmnt` is declared']],
    );
    assert.ok(problems.some((p) => p.remedy?.includes('department') === true));
  } finally {
    folder.remove();
  }
});
