/** From a real directory to StrongDM: joiner, mover, rename, disabled, deleted, nested groups, a server that goes away. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { DOMAIN, noSamba, startSamba } from '../services/samba.ts';
import { noSlapd, startSlapd, SUFFIX } from '../services/slapd.ts';
import { ldapProxy, type LdapProxy } from '../support/ldap/proxy.ts';
import type { LdapWriter } from '../support/ldap/writer.ts';
import { openScene, reachedAt, type Scene, type SimProcess, waitFor } from './support/scene.ts';
import { type Access, accessAt, differences } from './support/strongdm.ts';

const LIMIT_MS = 120_000;

/** A real directory, as people change it. */
interface Company {
  readonly writer: LdapWriter;
  readonly proxy: LdapProxy;
  /** Settings of the source. */
  readonly source: string;
  userDn(name: string): string;
  groupDn(name: string): string;
  userValues(name: string, department: string): Readonly<Record<string, readonly string[]>>;
  groupValues(name: string, members: readonly string[]): Readonly<Record<string, readonly string[]>>;
  readonly departmentIs: string;
  disable(name: string): Promise<void>;
  close(): Promise<void>;
}

async function openLdapCompany(): Promise<Company> {
  const slapd = await startSlapd();
  const proxy = await ldapProxy({ port: Number(new URL(slapd.url).port) });
  const userDn = (name: string): string => `uid=${name},ou=People,${SUFFIX}`;
  return {
    writer: slapd.writer,
    proxy,
    source: `type: ldap, flavor: openldap, url: "${proxy.url}", bindDn: "${slapd.reader.dn}", password: "${slapd.reader.password}", base: "${SUFFIX}"`,
    userDn,
    groupDn: (name) => `cn=${name},ou=Groups,${SUFFIX}`,
    userValues: (name, department) => ({
      objectClass: ['inetOrgPerson'],
      uid: [name],
      cn: [name],
      givenName: [name],
      sn: ['Müller'],
      mail: [`${name}@example.com`],
      departmentNumber: [department],
    }),
    groupValues: (name, members) => ({ objectClass: ['groupOfNames'], cn: [name], member: members }),
    departmentIs: 'departmentNumber',
    disable: (name) => slapd.writer.modify(userDn(name), 'add', { pwdAccountLockedTime: ['000001010000Z'] }),
    close: async () => {
      await proxy.close();
      await slapd.close();
    },
  };
}

async function openAdCompany(): Promise<Company> {
  const samba = await startSamba();
  const proxy = await ldapProxy({
    host: samba.address,
    port: 636,
    tls: { ca: readFileSync(samba.caFile), servername: 'localhost' },
  });
  // As real domain controllers do, and this one does not by itself.
  proxy.breaks.maxPageSize = 1_000;
  proxy.breaks.maxValRange = 2;
  const root = `OU=Staff,${DOMAIN}`;
  await samba.writer.add(root, { objectClass: ['organizationalUnit'] });
  const userDn = (name: string): string => `CN=${name},${root}`;
  return {
    writer: samba.writer,
    proxy,
    source: `type: ldap, flavor: ad, url: "${proxy.url}", bindDn: "${samba.administrator.dn}", password: "${samba.administrator.password}", base: "${root}"`,
    userDn,
    groupDn: (name) => `CN=${name},${root}`,
    userValues: (name, department) => ({
      objectClass: ['user'],
      sAMAccountName: [name],
      userAccountControl: ['544'],
      givenName: [name],
      sn: ['Müller'],
      mail: [`${name}@example.com`],
      department: [department],
    }),
    groupValues: (name, members) => ({ objectClass: ['group'], sAMAccountName: [name], member: members }),
    departmentIs: 'department',
    disable: (name) => samba.writer.modify(userDn(name), 'replace', { userAccountControl: ['546'] }),
    close: async () => {
      await proxy.close();
      await samba.close();
    },
  };
}

const RULES = `rules:
  - id: dba
    when: { group: { source: corp, name: dba, nested: true } }
    grant: [ { target: strongdm, role: db } ]
  - id: sre
    if: user.department == "SRE"
    grant: [ { target: strongdm, role: staging } ]
`;

async function story(t: TestContext, company: Company, deletion: 'leaves' | 'isMissing'): Promise<void> {
  t.after(() => company.close());
  const scene: Scene = openScene();
  t.after(() => scene.clear());
  const { writer, userDn, groupDn } = company;
  for (const [name, department] of [
    ['ann', 'Sales'],
    ['bob', 'Sales'],
    ['eve', 'SRE'],
    ['tom', 'Sales'],
  ] as const)
    await writer.add(userDn(name), company.userValues(name, department));
  await writer.add(groupDn('team'), company.groupValues('team', [userDn('ann'), userDn('bob'), userDn('tom')]));
  await writer.add(groupDn('dba'), company.groupValues('dba', [groupDn('team')]));
  // A cycle must end somewhere.
  await writer.modify(groupDn('team'), 'add', { member: [groupDn('dba')] });

  const sim: SimProcess = await scene.sim();
  scene.write('rules/rules.yaml', RULES);
  scene.write(
    'drawbridge.yaml',
    `server: { listen: 127.0.0.1:0 }
store: { url: embedded:data }
sources: { corp: { ${company.source}, ttl: 1s, shrinkLimit: 60% } }
targets: { strongdm: { type: strongdm, mode: full, createRoles: true, ${reachedAt(sim)} } }
guard: { attachments: { abs: 1000 }, role: { abs: 1000 }, emptyFrom: 1000 }
rules: rules
`,
  );
  const bridge = await scene.serve();
  const expected = new Map<string, Access>();
  const now = (name: string, active: boolean, ...roles: string[]): void =>
    void expected.set(`${name}@example.com`, { active, roles });
  const reaches = async (what: string): Promise<void> => {
    let found = new Map<string, Access>();
    await waitFor(async () => differences(expected, (found = await accessAt(sim))).length === 0, LIMIT_MS, 200);
    assert.deepEqual(differences(expected, found), [], `${what}\n${bridge.err().slice(-3_000)}`);
  };
  /** Two whole readings from now on: what they do not do was not done for want of time. */
  const readTwice = async (): Promise<void> => {
    for (let i = 0; i < 2; i++) {
      // While the service itself reads, the command says so and does not.
      const read = async (): Promise<boolean> =>
        (await scene.command('sources', 'refresh', 'corp', '--full')).code === 0;
      assert.ok(await waitFor(read, LIMIT_MS, 200), 'everything was read once more');
    }
  };

  for (const name of ['ann', 'bob', 'tom']) now(name, true, 'db');
  now('eve', true, 'staging');
  await reaches('who is in a nested group, and who has the department');

  await writer.add(userDn('zoe'), company.userValues('zoe', 'SRE'));
  await writer.modify(groupDn('team'), 'add', { member: [userDn('zoe')] });
  now('zoe', true, 'db', 'staging');
  await reaches('a joiner');

  await writer.modify(userDn('eve'), 'replace', { [company.departmentIs]: ['Sales'] });
  await writer.modify(groupDn('team'), 'delete', { member: [userDn('tom')] });
  now('eve', true);
  now('tom', true);
  await reaches('movers');

  await writer.rename(userDn('ann'), `${userDn('ann').slice(0, userDn('ann').indexOf('='))}=anna`);
  await company.disable('bob');
  now('bob', false, 'db');
  await reaches('a rename changes nothing, and who is disabled is blocked');

  await writer.remove(userDn('zoe'));
  if (deletion === 'leaves') now('zoe', false);
  await reaches(deletion === 'leaves' ? 'who was deleted has left' : 'who is missing is frozen');

  company.proxy.breaks.cutOnPage = 1;
  const broke = await waitFor(
    async () => /failed/.test((await scene.command('sources', 'show', 'corp')).out),
    LIMIT_MS,
    500,
  );
  assert.ok(broke, 'a reading broke off');
  await reaches('a directory that breaks off takes nothing from anybody');
  company.proxy.breaks.cutOnPage = undefined;
  await writer.modify(userDn('eve'), 'replace', { [company.departmentIs]: ['SRE'] });
  now('eve', true, 'staging');
  await reaches('when it is back things go on');
  await readTwice();
  await reaches('and everything read again changes nothing');
  assert.equal((await bridge.stop()).code, 0);
}

test('OpenLDAP to StrongDM', { skip: noSlapd }, async (t) => story(t, await openLdapCompany(), 'isMissing'));

test('Active Directory to StrongDM', { skip: noSamba }, async (t) => story(t, await openAdCompany(), 'leaves'));
