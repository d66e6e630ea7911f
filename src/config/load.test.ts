import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { kinds } from '../app/kinds.ts';
import { GUARD_LIMITS } from '../model/guard.ts';
import { loadSettings, type Env, type Loaded } from './load.ts';
import { renderProblem } from './render.ts';
import { warnings } from './warnings.ts';

function load(text: string, env: Env = {}, files: Readonly<Record<string, string>> = {}): Loaded & { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-config-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    writeFileSync(join(folder, 'drawbridge.yaml'), text);
    return { ...loadSettings({ file: join(folder, 'drawbridge.yaml'), env, kinds }), folder };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `line:column message` of each problem. */
function told(loaded: Loaded): string[] {
  return loaded.problems.map(
    (p) => `${p.place === undefined ? '-' : `${p.place.line}:${p.place.column}`} ${p.message}`,
  );
}

const SDM = `accessKey: auth-0000000000000001, secretKey: "${Buffer.alloc(32, 7).toString('base64')}"`;

test('sources alone are enough, and everything else has a default beside the file', () => {
  const { settings, problems, folder } = load('sources: { okta: { type: scim } }\n');
  assert.deepEqual(problems, []);
  assert.deepEqual(settings, {
    file: join(folder, 'drawbridge.yaml'),
    server: { host: '127.0.0.1', port: 8080 },
    store: { kind: 'embedded', folder: join(folder, 'data') },
    queue: {},
    witness: join(folder, 'data', 'witness.json'),
    data: join(folder, 'data'),
    sources: [{ id: 'okta', type: 'scim', options: {} }],
    targets: [],
    guard: GUARD_LIMITS,
    rules: join(folder, 'rules'),
    log: { level: 'info' },
  });
});

test('the environment wins over the file', () => {
  const env = { DATABASE_URL: 'postgres://u:p@db/x', PORT: '9', LOG_LEVEL: 'DEBUG' };
  const { settings, folder } = load('server: { listen: "[::1]:1" }\nsources: { s: { type: scim } }\n', env);
  assert.deepEqual(settings?.server, { host: '::1', port: 9 });
  assert.deepEqual(settings?.store, { kind: 'postgres', url: 'postgres://u:p@db/x' });
  assert.equal(settings?.data, join(folder, 'data'));
  assert.equal(settings?.log.level, 'debug');
});

test('every mistake is told at once, each at its place', () => {
  const loaded = load(
    [
      'servr: { listen: 127.0.0.1:1 }', // 1
      'server:', // 2
      '  lisen: 127.0.0.1:1', // 3
      '  publicUrl: bridge.example.com', // 4
      'store: { url: sqlite:x }', // 5
      'queue: { redis: "redis://localhost" }', // 6
      'sources:', // 7
      '  okta: { type: scmi }', // 8
      '  corp-ad: { type: oidc }', // 9
      '  entra: { type: scim, ttl: 5m }', // 10
      '  "bad id": { type: scim }', // 11
      'targets:', // 12
      `  one: { type: strongdm, ${SDM} }`, // 13
      `  two: { type: strongdm, mode: ful, acessKey: x, ${SDM} }`, // 14
      '  three:', // 15
      '    type: strongdm', // 16
      '    mode: full', // 17
      '    createRoles: yes please', // 18
      'log: { level: loud }', // 19
    ].join('\n'),
  );
  assert.equal(loaded.settings, undefined);
  assert.deepEqual(told(loaded), [
    '1:1 unknown setting "servr"',
    '3:3 unknown setting "server.lisen"',
    '4:14 server.publicUrl must be an address such as https://bridge.example.com, without query',
    '5:15 store.url must be embedded:FOLDER or postgres://USER:PASSWORD@HOST/DATABASE',
    '6:17 queue.redis is not for use: Redis is not supported in this version; remove it: the queue runs on the store',
    '8:17 sources.okta.type "scmi" is not supported in this version',
    '9:20 sources.corp-ad.type "oidc" is not supported in this version',
    '10:24 unknown setting "sources.entra.ttl"',
    '11:13 sources.bad id must be letters, digits, - and _, at most 63, beginning with a letter or digit',
    '13:3 targets.one.mode is missing: it must be observe, add-only or full',
    '14:32 targets.two.mode must be observe, add-only or full; did you mean full?',
    '14:37 unknown setting "targets.two.acessKey"',
    '15:3 targets.three.accessKey is missing',
    '15:3 targets.three.secretKey is missing',
    '18:18 targets.three.createRoles must be true or false, not text',
    '19:15 log.level must be trace, debug, info, warn, error, fatal or silent',
  ]);
  const misspelt = loaded.problems.find((p) => p.message.includes('lisen'));
  assert.match(
    misspelt?.remedy ?? '',
    /Did you mean "listen"\? Known here: listen, publicUrl, tls, trustProxy, scim\./,
  );
  assert.match(loaded.problems.find((p) => p.message.includes('scmi'))?.remedy ?? '', /Did you mean "scim"\?/);
  assert.match(loaded.problems.find((p) => p.message.includes('acessKey'))?.remedy ?? '', /Did you mean "accessKey"\?/);
});

test('a problem reads as file:line:column, message, line with caret, remedy', () => {
  const { problems, folder } = load('sources: { s: { type: scim } }\nserver:\n  lisen: 127.0.0.1:1\n');
  const [problem] = problems;
  assert.ok(problem !== undefined && problems.length === 1);
  assert.equal(
    renderProblem(problem, folder),
    [
      'drawbridge.yaml:3:3: error: unknown setting "server.lisen"',
      '      lisen: 127.0.0.1:1',
      '      ^',
      '  Did you mean "listen"? Known here: listen, publicUrl, tls, trustProxy, scim.',
    ].join('\n'),
  );
});

test('broken YAML and duplicate keys have their places', () => {
  assert.match(told(load('sources:\n  a: { type: scim\n')).join('\n'), /^3:1 not YAML: /m);
  assert.deepEqual(told(load('sources: { a: { type: scim } }\nlog: {}\nlog: {}\n')), ['3:1 this key is there twice']);
  assert.deepEqual(told(load('')), ['1:1 sources is missing']);
  assert.deepEqual(told(load('- a\n')), ['1:1 must be a mapping (key: value), not a list']);
});

test('a file that is too large or nests too deep is refused with what to do', () => {
  const sources = 'sources: { s: { type: scim } }\n';
  const large = load(`${sources}# ${'x'.repeat(1_000_000)}\n`);
  assert.deepEqual(told(large), ['1:1 the file has 1000034 characters, more than 1000000']);
  assert.match(large.problems[0]?.remedy ?? '', /Is it the right one\?/);
  assert.deepEqual(load(sources + '# x'.repeat(300_000)).problems, []);
  for (const levels of [25, 50_000]) {
    const deep = load(`${sources}log: ${'['.repeat(levels)}${']'.repeat(levels)}\n`);
    assert.deepEqual(told(deep), ['1:1 the file nests too deep to be read'], String(levels));
    assert.match(deep.problems[0]?.remedy ?? '', /five levels/);
  }
});

test('an address to listen on that is only a port is told how to be', () => {
  for (const listen of ['99999', '"99999"', '8080', 'localhost', '127.0.0.1:99999', '[]']) {
    assert.deepEqual(told(load(`server: { listen: ${listen} }\nsources: { s: { type: scim } }\n`)), [
      '1:19 server.listen must be HOST:PORT, such as 127.0.0.1:8080',
    ]);
  }
});

test('an alias bomb is refused, quickly', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
  const started = performance.now();
  const loaded = load(['l0: &l0 x', ...levels].join('\n'));
  assert.ok(
    loaded.problems.some((p) => p.message.includes('too often')),
    told(loaded).join('\n'),
  );
  assert.ok(performance.now() - started < 2000);
});

test('secrets come by reference; a missing one is told at its line, once', () => {
  const target = (key: string): string =>
    `sources: { s: { type: scim } }\ntargets:\n  t:\n    type: strongdm\n    mode: full\n    accessKey: "\${env:KEY}"\n    secretKey: ${key}\n`;
  const secret = Buffer.alloc(32, 3).toString('base64');
  const good = load(target('"${file:secret}"'), { KEY: 'auth-12345' }, { secret: `${secret}\n` });
  assert.deepEqual(good.problems, []);
  assert.deepEqual(good.settings?.targets[0]?.options, { accessKey: 'auth-12345', secretKey: secret });
  assert.deepEqual([...good.secrets].toSorted(), ['auth-12345', secret].toSorted());

  const bad = load(target('"${file:nowhere}"'), { KEYS: 'x' });
  assert.equal(bad.problems.length, 2, told(bad).join('\n'));
  assert.match(
    told(bad)[0] ?? '',
    /^6:16 targets\.t\.accessKey can't be resolved: the environment variable KEY is not set$/,
  );
  assert.match(bad.problems[0]?.remedy ?? '', /did you mean KEYS\?/);
  assert.match(
    told(bad)[1] ?? '',
    /^7:16 targets\.t\.secretKey can't be resolved: the file .*nowhere can't be read \(ENOENT\)$/,
  );

  assert.match(told(load(target('"${vault:x}"'), { KEY: 'x' }))[0] ?? '', /\$\{vault:…\} is no known reference/);
});

test('only settings that are secret hide what they refer to; an unknown one does', () => {
  const text = [
    'server: { listen: "${env:LISTEN}" }',
    'store: { url: "postgres://${env:DB_USER}:${env:DB_PASSWORD}@${env:DB_HOST}:${env:DB_PORT}/x" }',
    'sources: { s: { type: scim } }',
    'targets:',
    '  by-token:',
    '    type: strongdm',
    '    mode: full',
    '    host: "${env:SDM_HOST}"',
    '    accessKey: "${env:ACCESS}"',
    '    secretKey: "${env:SECRET}"',
  ].join('\n');
  const secret = Buffer.alloc(32, 3).toString('base64');
  const env = {
    LISTEN: '127.0.0.1:8099',
    DB_USER: 'bridge-user',
    DB_PASSWORD: 'pass-word-1',
    DB_HOST: 'db.example.com',
    DB_PORT: '54321',
    SDM_HOST: 'sdm.example.com:443',
    ACCESS: 'auth-12345',
    SECRET: secret,
  };
  const { problems, secrets } = load(text, env);
  assert.deepEqual(problems, []);
  assert.deepEqual([...new Set(secrets)].toSorted(), ['auth-12345', 'pass-word-1', secret].toSorted());
  const unknown = load(`${text}\n    hots: "\${env:HOTS}"\n`, { ...env, HOTS: 'who-knows' });
  assert.ok(unknown.secrets.includes('who-knows'));
});

test('of a whole address that is referred to the password is hidden, and all of it where that is unclear', () => {
  const text = 'store: { url: "${env:URL}" }\nsources: { s: { type: scim } }\n';
  const of = (url: string): string[] => [...new Set(load(text, { URL: url }).secrets)];
  assert.deepEqual(of('postgres://me:hunter22@db.example.com/x'), ['hunter22']);
  assert.deepEqual(of('postgres://me:hun%2Fter@db.example.com/x'), ['hun%2Fter', 'hun/ter']);
  assert.deepEqual(of('postgres://me:hun/ter@db.example.com/x'), ['postgres://me:hun/ter@db.example.com/x']);
  assert.deepEqual(of('postgres://me@db.example.com/x?password=hunter22'), ['hunter22']);
  assert.deepEqual(of('embedded:data'), []);
  const query = 'store: { url: "postgres://me@db/x?password=${env:PW}" }\nsources: { s: { type: scim } }\n';
  assert.deepEqual([...new Set(load(query, { PW: 'hunter22' }).secrets)], ['hunter22']);
});

test('what a reference stands for is never read as YAML or as another reference', () => {
  const text = 'sources: { s: { type: scim } }\nserver: { publicUrl: "${env:URL}" }\nrules: "$${env:URL}"\n';
  const { settings, folder } = load(text, { URL: 'https://a.example/${env:HOME}' });
  assert.equal(settings?.server.publicUrl, 'https://a.example/${env:HOME}');
  assert.equal(settings?.rules, join(folder, '${env:URL}'));
});

test('a secret that stands in the file shows neither in problems nor in warnings', () => {
  const secret = Buffer.alloc(32, 9).toString('base64');
  const text = (mode: string): string =>
    `sources: { s: { type: scim } }\ntargets: { t: { type: strongdm, accessKey: auth-secret1, secretKey: "${secret}", mode: ${mode} } }\n`;
  const bad = load(text('wrong'));
  const shown = bad.problems.map((p) => renderProblem(p)).join('\n');
  assert.match(shown, /targets\.t\.mode/);
  assert.ok(!shown.includes(secret) && !shown.includes('auth-secret1'), shown);

  const good = load(text('full'));
  assert.ok(good.settings !== undefined && good.document !== undefined);
  const said = warnings(good.settings, { document: good.document, env: {}, rules: 1 });
  const warned = said.map((p) => renderProblem(p)).join('\n');
  assert.match(warned, /targets\.t\.secretKey stands in the file itself/);
  assert.ok(!warned.includes(secret) && !warned.includes('auth-secret1'), warned);
  assert.ok(good.secrets.includes(secret));
});

test('no targets, rules, queue or key is a warning and no error', () => {
  const { settings, document } = load('sources: { s: { type: scim } }\n');
  assert.ok(settings !== undefined && document !== undefined);
  const said = warnings(settings, { document, env: {}, rules: 0 }).map((p) => `${p.severity} ${p.message}`);
  assert.equal(said.length, 4, said.join('\n'));
  for (const part of ['no targets', 'no rules', 'queue', 'DRAWBRIDGE_KEY']) {
    assert.ok(
      said.some((s) => s.startsWith('warning') && s.includes(part)),
      part,
    );
  }
});

test('mistakes in the environment are told, without showing passwords', () => {
  const env = { PORT: '80 80', DATABASE_URL: 'mysql://u:pass-word@h/d', LOG_LEVEL: 'loud', REDIS_URL: 'redis://h' };
  const loaded = load('sources: { s: { type: scim } }\n', env);
  assert.equal(loaded.settings, undefined);
  assert.equal(loaded.problems.length, 4);
  assert.ok(!told(loaded).join('\n').includes('pass-word'));
});

test('how many of a source may leave at a time: defaults, and mistakes at their places', () => {
  const good = load('sources: { okta: { type: scim, leaverBurst: { abs: 5, within: 1h30m } }, b: { type: scim } }\n');
  assert.deepEqual(
    good.settings?.sources.map((source) => source.leaverBurst),
    [{ abs: 5, pct: 2, windowMs: 5_400_000 }, undefined],
  );
  const bad = load(
    'sources:\n  okta: { type: scim, leaverBurst: { abs: -1, pct: 101, within: 30s } }\n' +
      '  b: { type: scim, leaverBurst: { within: soon, percent: 3 } }\n',
  );
  assert.deepEqual(told(bad), [
    '2:43 sources.okta.leaverBurst.abs must be at least 0',
    '2:52 sources.okta.leaverBurst.pct must be at most 100',
    '2:65 sources.okta.leaverBurst.within must be from 1m to 24h',
    '3:43 sources.b.leaverBurst.within must be a time such as 30m, 1h or 1h30m',
    '3:49 unknown setting "sources.b.leaverBurst.percent"',
  ]);
});

test('two targets that are one system are refused; simulators and others are not', () => {
  const target = (keys: string): string => `{ type: strongdm, mode: full, host: 'a.example.com:443', ${keys} }`;
  const [key, other] = [target(SDM), target(SDM.replace('01, ', '02, '))];
  const one = 'sources: { s: { type: scim } }\ntargets:\n';
  assert.ok(load(`${one}  a: ${key}\n  b: ${other}\n`).settings !== undefined);
  const sim = '{ type: strongdm, mode: full, simulator: true }';
  assert.ok(load(`${one}  a: ${sim}\n  b: ${sim}\n`).settings !== undefined);
  const twins = load(`${one}  a: ${key}\n  b: ${key.replace('mode: full', 'mode: observe')}\n`);
  assert.equal(twins.settings, undefined);
  assert.match(told(twins).join('\n'), /^4:\d+ .*is the same system as the target a: both would own its accounts/m);
});

test('what is untouchable, and what is special about roles', () => {
  const head = `sources: { okta: { type: scim } }\ntargets:\n  sdm:\n    type: strongdm\n    mode: full\n    ${SDM.replaceAll(', ', '\n    ')}\n`;
  const good = load(
    `${head}    untouchable: [ a-1, "tag:break-glass", "tag:env=pro d" ]\n    roles: { "on call": { minMembers: 2 } }\n`,
  );
  const [target] = good.settings?.targets ?? [];
  assert.deepEqual(target?.untouchable, { ids: ['a-1'], tags: ['break-glass', 'env=pro d'] });
  assert.deepEqual(target?.roles, { 'on call': { minMembers: 2 } });
  const bad = load(`${head}    untouchable: [ "tag:", "a 1" ]\n    roles: { oncall: { minMembers: 0, least: 1 } }\n`);
  const places = told(bad).map((line) => line.replace(/^\d+:\d+ /, ''));
  assert.deepEqual(places, [
    'targets.sdm.untouchable.0 must be an id, tag:KEY or tag:KEY=VALUE',
    'targets.sdm.untouchable.1 must be an id, tag:KEY or tag:KEY=VALUE',
    'targets.sdm.roles.oncall.minMembers must be at least 1',
    'unknown setting "targets.sdm.roles.oncall.least"',
  ]);
});

test('a simulator needs no address and no keys; a missing file says what to do', () => {
  const { settings, problems } = load(
    'sources: { s: { type: scim } }\ntargets: { t: { type: strongdm, mode: full, simulator: true } }\n',
  );
  assert.deepEqual(problems, []);
  assert.equal(settings?.targets[0]?.simulator, true);
  const missing = loadSettings({ file: '/nowhere/drawbridge.yaml', env: {}, kinds });
  assert.match(missing.problems[0]?.message ?? '', /there is no settings file \/nowhere/);
  assert.match(missing.problems[0]?.remedy ?? '', /--config/);
});
