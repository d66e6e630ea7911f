/**
 * `npm run demo -- --ldap`: the same with a real OpenLDAP instead of recorded requests. What people do there is done over
 * LDAP; Drawbridge only reads.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noSlapd, type Slapd, startSlapd, SUFFIX } from '../../test/services/slapd.ts';
import { addGroup, addUser, groupDn, userDn } from '../../test/support/ldap/openldap.ts';
import { run, type Server, start } from './processes.ts';
import { type Access, converge, reader } from './readback.ts';
import { accessTable, chapter, line, note, verdict } from './screen.ts';

export interface Stage {
  readonly folder: string;
  readonly config: string;
  /** Whatever happens, these are stopped. */
  readonly servers: Server[];
  readonly log: (text: string) => void;
}

const STAFF = [
  ['ann', 'Platform'],
  ['bob', 'Platform'],
  ['eve', 'SRE'],
  ['joe', 'Sales'],
  ['kim', 'SRE'],
  ['lea', 'Sales'],
] as const;

const RULES = `rules:
  - id: prod-admins
    when: { group: { source: corp, name: PAM Prod Admins, nested: true } }
    grant: [ { target: strongdm, role: prod-admin } ]
  - id: sre-read-only
    if: user.department == "SRE"
    grant: [ { target: strongdm, role: read-only } ]
`;

const settings = (slapd: Slapd, host: string): string => `server: { listen: 127.0.0.1:0 }
store: { url: embedded:./data }
sources:
  corp:
    type: ldap
    flavor: openldap
    url: ${slapd.url}
    startTls: true
    caFile: ${slapd.certificates.ca}
    bindDn: ${slapd.reader.dn}
    password: "\${env:DEMO_LDAP_PASSWORD}"
    base: ${SUFFIX}
    ttl: 1h
targets:
  strongdm:
    type: strongdm
    mode: full
    createRoles: true
    host: ${host}
    accessKey: "\${env:DEMO_ACCESS_KEY}"
    secretKey: "\${env:DEMO_SECRET_KEY}"
`;

/** False when something was not as it must be; throws when OpenLDAP is missing. */
export async function ldapStory({ folder, config, servers, log }: Stage): Promise<boolean> {
  if (noSlapd !== false) throw new Error(`${noSlapd}. Without --ldap the demo needs nothing.`);
  chapter('Start', 'A real OpenLDAP, the StrongDM simulator, and Drawbridge with a PostgreSQL of its own.');
  const slapd = await startSlapd();
  servers.push({ ready: slapd.url, facts: {}, stop: () => slapd.close().then(() => 0), kill: () => undefined });
  await company(slapd);
  const sim = await start(['sim', 'strongdm', '--port', '0', '--seed', 'empty'], {}, log);
  servers.push(sim);
  mkdirSync(join(folder, 'rules'));
  writeFileSync(join(folder, 'rules/demo.yaml'), RULES);
  writeFileSync(config, settings(slapd, sim.ready));
  const { SDM_API_ACCESS_KEY: accessKey = '', SDM_API_SECRET_KEY: secretKey = '' } = sim.facts;
  const env = {
    DEMO_ACCESS_KEY: accessKey,
    DEMO_SECRET_KEY: secretKey,
    DEMO_LDAP_PASSWORD: slapd.reader.password,
    DRAWBRIDGE_CONFIG: config,
    PORT: undefined,
    DATABASE_URL: undefined,
  };
  line(`OpenLDAP            ${slapd.url}\nStrongDM simulator  ${sim.ready}`);
  note('drawbridge check --connect');
  line(await run(['check', '--connect'], env));
  const service = await start(['serve', '--config', config], env, log);
  servers.push(service);
  const target = reader(sim.ready, accessKey, secretKey);

  chapter('What the directory says', 'Everything is read once; then a reading costs what changed.');
  line(await refresh(env));
  line(await run(['sources', 'show', 'corp'], env));

  chapter('The plan, and what is done', 'Nothing has been written to StrongDM so far; then exactly this plan is.');
  line(await run(['plan', '--full'], env));
  const { hash } = JSON.parse(await run(['plan', '--full', '--json'], env)) as { readonly hash: string };
  line(await run(['apply', hash], env));
  const admin = { active: true, roles: ['prod-admin'] };
  const readOnly = { active: true, roles: ['read-only'] };
  let expected: Access = { ...logins(['ann', 'bob'], admin), ...logins(['eve', 'kim'], readOnly) };
  const ok: boolean[] = [];
  const holds = async (what: string): Promise<void> => {
    const now = await converge(target, expected);
    accessTable(now.found, {}, {});
    ok.push(verdict(now.wrong, `${what}, ${Math.round(now.ms)} ms after the reading`));
  };
  await holds('StrongDM is as the rules say');

  chapter('A mover and a joiner', 'Joe comes into the nested group; Kim leaves the SRE department.');
  await slapd.writer.modify(groupDn('Platform Team'), 'add', { member: [userDn('joe')] });
  await slapd.writer.modify(userDn('kim'), 'replace', { departmentNumber: ['Sales'] });
  line(await refresh(env));
  expected = { ...expected, ...logins(['joe'], admin), ...logins(['kim'], { active: true, roles: [] }) };
  await holds('both have what they should');

  chapter('A leaver', 'Bob is disabled in the directory, and moved to another unit in one go.');
  await slapd.writer.add(`ou=Former,${SUFFIX}`, { objectClass: ['organizationalUnit'] });
  await slapd.writer.modify(userDn('bob'), 'add', { pwdAccountLockedTime: ['000001010000Z'] });
  await slapd.writer.rename(userDn('bob'), 'uid=bob', `ou=Former,${SUFFIX}`);
  line(await refresh(env));
  expected = { ...expected, ...logins(['bob'], { active: false, roles: ['prod-admin'] }) };
  await holds('Bob can sign in nowhere');

  chapter('A mistake', 'Somebody deletes three of the six people. That is too many to believe it.');
  for (const name of ['eve', 'kim', 'lea']) await slapd.writer.remove(userDn(name));
  line(await refresh(env, [1]));
  line(await run(['sources', 'show', 'corp'], env));
  await holds('nobody has lost anything: it waits for somebody');
  await target.close();
  for (const server of servers.splice(0).toReversed()) {
    const code = await server.stop();
    ok.push(verdict(code === 0 ? [] : [`exit code ${code}`], 'a process ended in order'));
  }
  return ok.every(Boolean);
}

const logins = (names: readonly string[], what: Access[string]): Access =>
  Object.fromEntries(names.map((name) => [`${name}@example.com`, what]));

const refresh = (env: NodeJS.ProcessEnv, allowed: readonly number[] = [0]): Promise<string> => {
  note('drawbridge sources refresh corp');
  return run(['sources', 'refresh', 'corp'], env, allowed);
};

async function company(slapd: Slapd): Promise<void> {
  for (const [name, department] of STAFF) {
    await addUser(slapd, name, {
      givenName: [name],
      mail: [`${name}@example.com`],
      departmentNumber: [department],
    });
  }
  await addGroup(slapd, 'Platform Team', [userDn('ann'), userDn('bob')]);
  await addGroup(slapd, 'PAM Prod Admins', [groupDn('Platform Team')]);
}
