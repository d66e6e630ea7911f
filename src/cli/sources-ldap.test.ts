/** A source of type ldap at the command line, with a real OpenLDAP. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';
import { noSlapd, type Slapd, startSlapd, SUFFIX } from '../../test/services/slapd.ts';
import { addUser as addScimUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { addGroup, addUser, PEOPLE, userDn } from '../../test/support/ldap/openldap.ts';

const LINES = (url: string, ...more: string[]): string =>
  [
    'server: { listen: 127.0.0.1:0 }',
    'sources:',
    '  corp:',
    '    type: ldap',
    '    flavor: openldap',
    `    url: ${url}`,
    `    bindDn: cn=reader,${SUFFIX}`,
    '    password: ${env:LDAP_PASSWORD}',
    `    base: ${SUFFIX}`,
    ...more.map((line) => `    ${line}`),
    'targets: {}',
    'queue: {}',
  ].join('\n');

describe('ldap at the command line', () => {
  let database: TestDatabase;
  let folder: ReturnType<typeof folderWith> | undefined;
  beforeEach(async () => void (database = await testDatabase()));
  afterEach(async () => {
    await database.close();
    folder?.remove();
  });

  const run = (settings: string, args: readonly string[], rules = 'rules: []'): Promise<Ran> => {
    folder?.remove();
    folder = folderWith({ 'drawbridge.yaml': settings, 'rules/a.yaml': rules });
    return drawbridge([...args, '--config', `${folder.path}/drawbridge.yaml`], {
      DATABASE_URL: urlOf(database.config),
      LDAP_PASSWORD: 'reader-secret',
      DRAWBRIDGE_KEY: 'k',
    });
  };

  test('all mistakes in its settings are told with their lines', async () => {
    const settings = [
      'sources:',
      '  corp:', // 2
      '    type: ldap',
      '    flavor: activedirectory', // 4
      '    url: dc1.example.com', // 5
      '    bindDn: cn=reader',
      '    password: ""', // 7
      '    base: example.com', // 8
      '    userFilter: (objectClass=user', // 9
      '    caFile: nowhere.pem', // 10
      '    attributes: { cost center: departmentNumber, active: uid, department: { from: ou, type: int } }', // 11
      '    disabled: [lockoutTime]', // 12
      '    pagesize: 10', // 13
      '    timeout: 2h', // 14
    ].join('\n');
    const { out, code } = await run(settings, ['check', '--json']);
    assert.equal(code, 2);
    const { problems } = JSON.parse(out) as {
      problems: Array<{ severity: string; message: string; place?: { line: number } }>;
    };
    assert.deepEqual(
      problems
        .filter((p) => p.severity === 'error')
        .map((p) => `${p.place?.line} ${p.message.replace(/ \/\S*\//, ' ')}`)
        .toSorted(),
      [
        '10 sources.corp.caFile nowhere.pem can not be read (ENOENT)',
        '11 sources.corp.attributes.active is set by disabled',
        '11 sources.corp.attributes.cost center must be a name for rules: a small letter, then letters, digits and _',
        '11 sources.corp.attributes.department is string in all sources; leave type away, or choose another name',
        '12 sources.corp.disabled.0 must be userAccountControl, accountExpires, nsAccountLock, pwdAccountLockedTime, shadowExpire, or { attribute, values }',
        '13 unknown setting "sources.corp.pagesize"',
        '14 sources.corp.timeout must be a time such as 10s, at most 1h',
        '4 sources.corp.flavor must be ad, openldap, 389ds or generic',
        '5 sources.corp.url must be ldaps://HOST or ldap://HOST, with :PORT where it is not 636 or 389',
        '7 sources.corp.password must not be empty: a server takes an empty password as nobody',
        '8 sources.corp.base must be a distinguished name such as OU=People,DC=example,DC=com',
        '9 sources.corp.userFilter is no filter: a filter ends with ")", and here is the end (at character 18)',
      ].toSorted(),
    );
  });

  test('what does not go together is told', async () => {
    const says = async (settings: string, pattern: RegExp): Promise<void> => {
      const { code, err, out } = await run(settings, ['check']);
      assert.equal(code, 2, out + err);
      assert.match(out + err, pattern);
    };
    await says(
      LINES('ldap://dc1.example.com'),
      /url would send the password to ldap:\/\/dc1\.example\.com:389 without TLS/,
    );
    await says(LINES('ldaps://dc1.example.com', 'startTls: true'), /startTls is for ldap:\/\/ addresses/);
    await says(LINES('ldaps://dc1.example.com', 'anonymous: true'), /anonymous and bindDn exclude each other/);
    await says(
      'sources: { corp: { type: ldap, flavor: ad, url: "ldaps://x" } }',
      /bindDn is missing: say with which account/,
    );
    await says('sources: { corp: { type: ldap, flavor: ad } }', /corp\.url is missing/);
    for (const more of [['startTls: true'], ['insecure: true']])
      assert.equal((await run(LINES('ldap://dc1.example.com', ...more), ['check'])).code, 0);
  });

  describe('with a server', { skip: noSlapd }, () => {
    let slapd: Slapd;
    before(async () => {
      slapd = await startSlapd();
      for (let i = 0; i < 5; i++)
        await addUser(slapd, `user${i}`, {
          mail: [`user${i}@example.com`],
          roomNumber: ['B12'],
          employeeType: ['Staff'],
        });
      await slapd.writer.modify(userDn('user4'), 'add', { pwdAccountLockedTime: ['000001010000Z'] });
      await addGroup(slapd, 'dbas', [userDn('user0'), userDn('user1'), `uid=stranger,${PEOPLE}`]);
    });
    after(() => slapd?.close());

    test('check --connect counts what filters match, shows samples, and finds a filter that matches nobody', async () => {
      const ran = await run(LINES(slapd.url), ['check', '--connect']);
      assert.equal(ran.code, 0, ran.out);
      assert.match(ran.out, /ok {6}source corp: ldap: address, credentials and rights are right/);
      assert.match(
        ran.out.replace(/\s+/g, ' '),
        /5 people below dc=example,dc=test match \(objectClass=inetOrgPerson\), such as user0, user1, user2/,
      );
      assert.match(ran.out.replace(/\s+/g, ' '), /1 groups below dc=example,dc=test match .* such as dbas/);
      assert.match(ran.out, /of 5 looked at 1 are disabled/);
      assert.match(ran.out, /none of them has .*preferredLanguage/);
      for (const line of ran.out.split('\n').filter((l) => l.startsWith('        ')))
        assert.ok(line.length <= 100, line);
      const nobody = await run(LINES(slapd.url, 'userFilter: (employeeType=staf)'), ['check', '--connect']);
      assert.match(nobody.out, /warning: no people below dc=example,dc=test match \(employeeType=staf\)/);
      const wrong = await run(LINES(slapd.url.replace(/\d+$/, '1')), ['check', '--connect']);
      assert.equal(wrong.code, 1);
      assert.match(wrong.out, /failed {2}source corp: .*nobody listens there\n {8}Start the directory server/);
    });

    test('a flavor that is not the one of the server is told', async () => {
      const ran = await run(LINES(slapd.url).replace('openldap', 'ad'), ['check', '--connect']);
      assert.equal(ran.code, 1);
      assert.match(
        ran.out,
        /is no Active Directory, Samba AD: it says of itself that it is openldap\n {8}Set flavor: openldap\./,
      );
    });

    test('it is read, shown, and its attributes are known to rules', async () => {
      const settings = LINES(slapd.url, 'attributes: { room: { from: roomNumber, about: where they sit } }');
      const rules =
        'rules:\n  - id: b12\n    if: user.room == "B12" && user.dn.underDn("ou=People,dc=example,dc=test")\n    grant: []\n    deny: []\n';
      const check = await run(settings, ['check'], rules);
      assert.equal(check.code, 0, check.out + check.err);
      const read = await run(settings, ['sources', 'refresh', 'corp'], rules);
      assert.equal(read.code, 0, read.out + read.err);
      const shown = await run(settings, ['sources', 'show', 'corp'], rules);
      assert.match(shown.out, /5 users, 1 groups/);
      assert.match(shown.out, /sealed/);
      assert.match(shown.out, /note: 1 members of groups are not among the people and groups that are read/);
      const misspelt = await run(settings, ['check'], rules.replace('user.room', 'user.rom'));
      assert.equal(misspelt.code, 2);
      assert.match(misspelt.out + misspelt.err, /room/);
    });

    test('who is known from a SCIM client is the same person, by number or address, with an admin account beside', async () => {
      const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
      await addUser(slapd, 'tina', { employeeNumber: ['077'], mail: ['t@example.com'] });
      await addUser(slapd, 'adm-tina', { employeeNumber: ['077'] });
      await addUser(slapd, 'uwe', { mail: ['Uwe@Example.com', 'other@example.com'] });
      await addScimUser(database.db, 'okta', 'tina@example.com', { [enterprise]: { employeeNumber: '077' } });
      await addScimUser(database.db, 'okta', 'uwe@example.com');
      const settings = LINES(slapd.url, `secondary: 'user.userName.startsWith("adm-")'`).replace(
        'targets: {}',
        '  okta: { type: scim }\nverifiedDomains: [example.com]\ncorrelation: { keys: [employeeNumber, emails] }\ntargets: {}',
      );
      const read = await run(settings, ['sources', 'refresh', 'corp']);
      assert.equal(read.code, 0, read.out + read.err);
      const tina = await run(settings, ['people', 'show', 'tina@example.com']);
      for (const line of [/okta\/\S+ {2}active$/m, /corp\/\S+ {2}active$/m, /corp\/\S+ {2}secondary, active$/m]) {
        assert.match(tina.out, line);
      }
      const uwe = await run(settings, ['people', 'show', 'uwe@example.com', '--json']);
      assert.equal(uwe.json<{ records: unknown[] }>().records.length, 2);
      assert.deepEqual((await run(settings, ['cases', 'list', '--json'])).json<{ cases: unknown[] }>().cases, []);
      await slapd.writer.modify(userDn('adm-tina'), 'add', { pwdAccountLockedTime: ['000001010000Z'] });
      await run(settings, ['sources', 'refresh', 'corp']);
      const still = await run(settings, ['people', 'show', 'tina@example.com']);
      assert.match(still.out, /^\S.* {2}p_\S+ {2}active\n[^]*secondary, disabled/);
      await slapd.writer.modify(userDn('tina'), 'add', { pwdAccountLockedTime: ['000001010000Z'] });
      await run(settings, ['sources', 'refresh', 'corp']);
      assert.match((await run(settings, ['people', 'show', 'tina@example.com'])).out, / {2}p_\S+ {2}suspended\n/);
    });
  });
});
