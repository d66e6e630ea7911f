import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard } from '../support/guard.ts';
import { makeCertificates } from './certificates.ts';
import { missingServer } from './missing.ts';
import { type LdapWriter, ldapWriter } from '../support/ldap/writer.ts';

/** Why tests of a real Active Directory can't run here; false when they can. Its ports are fixed and low: only as root. */
export const noSamba: string | false =
  process.getuid?.() !== 0
    ? 'Samba AD listens on low ports: only root can start it'
    : missingServer('/usr/sbin/samba', 'Samba is missing: apt-get install samba samba-ad-dc …, see .ci/run') ||
      missingServer(
        '/usr/share/samba/setup/provision.ldif',
        'Samba can not provision: apt-get install samba-ad-provision, see .ci/run',
      );

export const DOMAIN = 'DC=ad,DC=example,DC=test';
const REALM = 'AD.EXAMPLE.TEST';
const PASSWORD = 'Passw0rd!Adm1n';
export const ADMINISTRATOR = 'Administrator@ad.example.test';

export interface SambaAd {
  /** Of this instance alone. */
  readonly address: string;
  readonly secureUrl: string;
  readonly caFile: string;
  readonly administrator: { readonly dn: string; readonly password: string };
  readonly writer: LdapWriter;
  close(): Promise<void>;
}

const configuration = (
  folder: string,
  address: string,
  { ca, cert, key }: ReturnType<typeof makeCertificates>,
): string => `[global]
netbios name = DC1
realm = ${REALM}
workgroup = ADTEST
server role = active directory domain controller
server services = ldap
interfaces = ${address}/8
bind interfaces only = yes
private dir = ${folder}/private
state directory = ${folder}/state
cache directory = ${folder}/cache
lock directory = ${folder}
pid directory = ${folder}/run
ncalrpc dir = ${folder}/ncalrpc
winbindd socket directory = ${folder}/wb
ntp signd socket directory = ${folder}/ntp
log file = ${folder}/log.samba
log level = 0
tls enabled = yes
tls cafile = ${ca}
tls certfile = ${cert}
tls keyfile = ${key}
tls verify peer = no_check
ldb:nosync = true
load printers = no
disable spoolss = yes
[sysvol]
path = ${folder}/state/sysvol
[netlogon]
path = ${folder}/state/sysvol/scripts
`;

/** A domain controller of its own, empty but for what every domain has. Takes some 5 s. */
export async function startSamba(): Promise<SambaAd> {
  if (noSamba !== false) throw new Error(noSamba);
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-samba-'));
  const release = guard(folder);
  for (const name of ['run', 'cache', 'ncalrpc', 'wb', 'ntp', 'private', 'state']) mkdirSync(join(folder, name));
  // Ports can't be chosen, so each instance has an address: a test server on 127.0.0.1 has nothing to do with it.
  const address = `127.${randomInt(2, 250)}.${randomInt(1, 250)}.${randomInt(2, 250)}`;
  const certificates = makeCertificates(join(folder, 'tls'));
  const config = join(folder, 'smb.conf');
  writeFileSync(config, configuration(folder, address, certificates));
  const run = (program: string, ...args: string[]): void =>
    void execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
  run(
    'samba-tool',
    'domain',
    'provision',
    `--configfile=${config}`,
    '--server-role=dc',
    `--realm=${REALM}`,
    '--domain=ADTEST',
    '--host-name=dc1',
    `--host-ip=${address}`,
    '--dns-backend=NONE',
    `--adminpass=${PASSWORD}`,
    '--function-level=2008_R2',
  );
  const feature = join(folder, 'recycle.ldif');
  writeFileSync(
    feature,
    `dn:\nchangetype: modify\nadd: enableOptionalFeature\nenableOptionalFeature: CN=Partitions,CN=Configuration,${DOMAIN}:766ddcd8-acd0-445e-f3b9-a7f9b6744f2a\n-\n`,
  );
  run('ldbmodify', '-H', join(folder, 'private/sam.ldb'), `--configfile=${config}`, feature);
  const process = spawn('samba', ['-F', '-M', 'single', '--no-process-group', '-s', config], { stdio: 'ignore' });
  let ended = false;
  const end = new Promise<void>((resolve) => process.once('exit', () => resolve()));
  void end.then(() => (ended = true));
  const secureUrl = `ldaps://${address}:636`;
  const caFile = certificates.ca;
  const tls = { ca: readFileSync(caFile), serverName: 'localhost' };
  let writer: LdapWriter | undefined;
  for (let tries = 0; writer === undefined; tries++) {
    writer = await ldapWriter(secureUrl, ADMINISTRATOR, PASSWORD, tls).catch(async () => void (await sleep(100)));
    if (writer === undefined && (ended || tries > 300))
      throw new Error(`samba does not start: ${readFileSync(join(folder, 'log.samba'), 'utf8').slice(-500)}`);
  }
  return {
    address,
    secureUrl,
    caFile,
    administrator: { dn: ADMINISTRATOR, password: PASSWORD },
    writer,
    close: async () => {
      writer.close();
      process.kill('SIGTERM');
      await end;
      rmSync(folder, { recursive: true, force: true });
      release();
    },
  };
}
