import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { addUser, drawbridge, folderWith, urlOf } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { recoveryOf } from '../store/recovery.ts';

let database: TestDatabase;
let folder: ReturnType<typeof folderWith>;
before(async () => {
  database = await testDatabase();
  folder = folderWith({ 'd.yaml': 'sources: { okta: { type: scim } }\n' });
});
after(async () => {
  await database.close();
  folder.remove();
});

const at = (name: string): string => join(folder.path, name);
const run = (...args: string[]) =>
  drawbridge(['store', ...args, '--config', at('d.yaml')], { DATABASE_URL: urlOf(database.config) }, folder.path);
const kinds = async (): Promise<string[]> => {
  const rows = await database.db.rows<{ kind: string }>({
    text: `select kind from event where kind like 'store.%' order by id`,
  });
  return rows.map(({ kind }) => kind);
};

test('backup: a new file for the owner alone, named by itself, and noted in the history', async () => {
  await drawbridge(['people', 'list', '--config', at('d.yaml')], { DATABASE_URL: urlOf(database.config) });
  await addUser(database.db, 'okta', 'ann@example.com');
  const made = await run('backup');
  assert.equal(made.code, 0, made.err);
  const name = readdirSync(folder.path).find((file) => file.endsWith('.ndjson.gz')) ?? '';
  assert.match(name, /^drawbridge-\d{4}-\d\d-\d\dT\d{6}Z\.ndjson\.gz$/);
  assert.equal(statSync(at(name)).mode & 0o777, 0o600);
  assert.ok(
    made.out.split('\n').every((line) => line.length <= 100 || line.startsWith('/')),
    made.out,
  );
  const named = await run('export', '-o', at('plain.ndjson'), '--json');
  const told = named.json<{
    file: string;
    bytes: number;
    store: string;
    rows: Record<string, number>;
    schema: string;
  }>();
  assert.deepEqual([told.file, told.bytes], [at('plain.ndjson'), statSync(at('plain.ndjson')).size]);
  assert.equal(told.rows['record'], 1);
  assert.ok(readFileSync(at('plain.ndjson'), 'utf8').includes('store.export'), 'the note is in the copy itself');
  assert.deepEqual(await kinds(), ['store.backup', 'store.export']);

  const again = await run('backup', '-o', at('plain.ndjson'));
  assert.equal(again.code, 1);
  assert.match(again.err, /plain\.ndjson is there already\n {2}Name another file/);
  const nowhere = await run('backup', '-o', at('no/such/file'));
  assert.match(nowhere.err, /can't be used \(ENOENT\)/);
  assert.deepEqual(
    readdirSync(folder.path).filter((file) => file.includes('part')),
    [],
    'nothing half written stays',
  );
});

test('info: where, schema, counts, witness; and recovered only where there is a recovery', async () => {
  const info = (await run('info', '--json')).json<Record<string, unknown>>();
  assert.deepEqual([info['kind'], info['running'], info['pending'], info['recovery']], ['postgres', false, [], null]);
  assert.equal((info['counts'] as { users: number }).users, 1);
  assert.deepEqual((info['witness'] as { state: string }).state, 'not there yet');
  assert.match((await run('info')).out, /^Recovery {4}no$/m);
  const nothing = await run('recovered', '--reason', 'x');
  assert.deepEqual([nothing.code, nothing.out], [4, 'The store is not in recovery.\n']);
  assert.equal((await run('recovered')).code, 2);
  assert.equal((await run('recovered', '--reason', ' ')).code, 2);
});

test('restore and import: only what is meant, only a whole file, and then recovery until it is confirmed', async () => {
  const whole = await run('backup', '-o', at('whole.ndjson.gz'), '--json');
  const { store } = whole.json<{ store: string }>();
  const full = await run('restore', at('whole.ndjson.gz'));
  assert.equal(full.code, 1);
  assert.match(full.err, /The store is not empty \(rows: 1 in record\)\n.*--replace --yes/);
  assert.equal((await run('restore', at('whole.ndjson.gz'), '--replace')).code, 2);
  assert.match(
    (await run('import', at('gone.ndjson'))).err,
    /gone\.ndjson can't be used \(ENOENT\)\n {2}Correct the path/,
  );
  assert.match((await run('import', at('d.yaml'), '--replace', '--yes')).err, /is no copy of a store/);
  assert.equal((await run('import', at('whole.ndjson.gz'), '--witness', at('none'))).code, 2);

  const bytes = readFileSync(at('whole.ndjson.gz'));
  writeFileSync(at('cut.ndjson.gz'), bytes.subarray(0, bytes.length - 60));
  writeFileSync(at('short.ndjson.gz'), gzipSync(gunzipSync(bytes).subarray(0, -200)));
  writeFileSync(at('bad.ndjson.gz'), Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(40, 7), bytes.subarray(140)]));
  const before = await kinds();
  for (const name of ['cut', 'short', 'bad']) {
    const refused = await run('restore', at(`${name}.ndjson.gz`), '--replace', '--yes', '--json');
    assert.equal(refused.code, 1);
    const { error } = refused.json<{ error: { message: string; remedy: string } }>();
    assert.match(error.message, /cut off|damaged/);
    assert.match(error.remedy, /Fetch the file again/);
  }
  assert.deepEqual(await kinds(), before, 'nothing of them is there');

  const restored = await run('restore', at('whole.ndjson.gz'), '--replace', '--yes', '--json');
  assert.equal(restored.code, 0, restored.err);
  const told = restored.json<{ store: string; recovery: { because: string } }>();
  assert.equal(told.store, store);
  assert.match(told.recovery.because, /^restored from whole\.ndjson\.gz, made 20/);
  assert.equal((await recoveryOf(database.db))?.because, told.recovery.because);
  assert.deepEqual((await kinds()).slice(-2), ['store.restored', 'store.recovery']);
  const shown = await run('info');
  assert.match(shown.out, /^Recovery {4}since /m);
  assert.ok(
    shown.out.split('\n').every((line) => line.length <= 100),
    shown.out,
  );
  const ended = await run('recovered', '--reason', 'all is well', '--json');
  assert.equal(ended.json<{ ended: { because: string } }>().ended.because, told.recovery.because);
  assert.equal(await recoveryOf(database.db), undefined);
  assert.ok(!existsSync(at('data/witness.json')), 'a command keeps no witness');
});

test('there is no store to speak of: nothing is made to find that out', async () => {
  const empty = folderWith({ 'd.yaml': 'store: { url: embedded:db }\nsources: { okta: { type: scim } }\n' });
  try {
    for (const args of [['info'], ['backup'], ['export'], ['recovered', '--reason', 'x']]) {
      const ran = await drawbridge(['store', ...args, '--config', join(empty.path, 'd.yaml')], {}, empty.path);
      assert.equal(ran.code, 1);
      assert.match(ran.err, /there is no store in .*db yet\n {2}The first start of the service makes it/);
    }
    assert.deepEqual(readdirSync(empty.path), ['d.yaml']);
  } finally {
    empty.remove();
  }
});
