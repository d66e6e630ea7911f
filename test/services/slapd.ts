import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard } from '../support/guard.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { missingServer } from './missing.ts';
import { type LdapWriter, ldapWriter } from '../support/ldap/writer.ts';

const SLAPD = '/usr/sbin/slapd';
const MODULES = '/usr/lib/ldap';

/** Why tests of a real OpenLDAP can't run here; false when they can. For `{ skip }`. */
export const noSlapd: string | false = missingServer(SLAPD, 'OpenLDAP is missing: apt-get install slapd ldap-utils');

export const SUFFIX = 'dc=example,dc=test';

export interface Slapd {
  readonly url: string;
  readonly secureUrl: string;
  readonly folder: string;
  readonly certificates: Certificates;
  /** May read all; at most 1000 entries in a page, and no more than 500 without pages. */
  readonly reader: { readonly dn: string; readonly password: string };
  /** Gets 200 entries and then the size limit, in pages of at most 50. */
  readonly limited: { readonly dn: string; readonly password: string };
  readonly writer: LdapWriter;
  close(): Promise<void>;
}

export interface SlapdOptions {
  /** Records of LDIF besides the base that is always there; loaded at once, without overlays. */
  readonly ldif?: string;
  /** `ldif` holds the entry of the suffix itself. */
  readonly whole?: boolean;
  /** Seconds after which the server closes quiet connections. */
  readonly idle?: number;
}

const BASE = `dn: ${SUFFIX}
objectClass: top
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=nobody,${SUFFIX}
objectClass: applicationProcess
cn: nobody

dn: ou=People,${SUFFIX}
objectClass: organizationalUnit
ou: People

dn: ou=Groups,${SUFFIX}
objectClass: organizationalUnit
ou: Groups

`;

const ACCOUNTS = ['reader', 'limited']
  .map(
    (who) => `dn: cn=${who},${SUFFIX}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: ${who}
userPassword: ${who}-secret

`,
  )
  .join('');

const configuration = (folder: string, { ca, cert, key }: Certificates, idle: number): string => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile ${folder}/slapd.pid
modulepath ${MODULES}
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload syncprov
moduleload ppolicy
TLSCACertificateFile ${ca}
TLSCertificateFile ${cert}
TLSCertificateKeyFile ${key}
TLSVerifyClient try
idletimeout ${idle}
sizelimit size.soft=500 size.hard=500 size.pr=1000 size.prtotal=unlimited
timelimit unlimited
threads 4
loglevel none

database mdb
suffix "${SUFFIX}"
rootdn "cn=admin,${SUFFIX}"
rootpw admin-secret
directory ${folder}/db
maxsize 4294967296
envflags nosync nometasync
index objectClass,entryUUID,entryCSN,modifyTimestamp,uid,mail,member eq
limits dn.exact="cn=limited,${SUFFIX}" size.soft=50 size.hard=50 size.pr=50 size.prtotal=200
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
overlay memberof
memberof-group-oc groupOfNames
memberof-member-ad member
memberof-memberof-ad memberOf
memberof-refint true
overlay refint
refint_attributes member manager
refint_nothing "cn=nobody,${SUFFIX}"
overlay ppolicy
overlay syncprov
syncprov-checkpoint 1000 5
syncprov-sessionlog 1000
`;

/** A real OpenLDAP on a port of its own, in a folder that goes with it. Throws with what to install when there is none. */
export async function startSlapd({ ldif = '', whole = false, idle = 0 }: SlapdOptions = {}): Promise<Slapd> {
  if (noSlapd !== false) throw new Error(noSlapd);
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-slapd-'));
  const release = guard(folder);
  mkdirSync(join(folder, 'db'));
  const certificates = makeCertificates(join(folder, 'tls'));
  const config = join(folder, 'slapd.conf');
  writeFileSync(config, configuration(folder, certificates, idle));
  writeFileSync(join(folder, 'load.ldif'), `${whole ? '' : BASE}${ldif}\n\n${ACCOUNTS}`);
  execFileSync('/usr/sbin/slapadd', ['-q', '-f', config, '-l', join(folder, 'load.ldif')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { process, port } = await launch(config);
  const url = `ldap://127.0.0.1:${port}`;
  const writer = await ldapWriter(url, `cn=admin,${SUFFIX}`, 'admin-secret');
  return {
    url,
    secureUrl: `ldaps://127.0.0.1:${port + 1}`,
    folder,
    certificates,
    reader: { dn: `cn=reader,${SUFFIX}`, password: 'reader-secret' },
    limited: { dn: `cn=limited,${SUFFIX}`, password: 'limited-secret' },
    writer,
    close: async () => {
      writer.close();
      const ended = new Promise((resolve) => process.once('exit', resolve));
      process.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
      release();
    },
  };
}

function pidIn(file: string): number | undefined {
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

/** Ports outside of those that the system gives out by itself. */
const PORTS = { from: 20_000, count: 10_000 };

/** Starts it until a port is found that nobody has. It ends by itself where it can't listen. */
async function launch(config: string): Promise<{ process: ReturnType<typeof spawn>; port: number }> {
  for (let left = 10; ; left--) {
    const port = PORTS.from + 2 * randomInt(PORTS.count / 2);
    const urls = `ldap://127.0.0.1:${port} ldaps://127.0.0.1:${port + 1}`;
    const process = spawn(SLAPD, ['-d', '0', '-f', config, '-h', urls], { stdio: 'ignore' });
    let ended = false;
    process.once('exit', () => (ended = true)).once('error', () => (ended = true));
    for (let tries = 0; tries < 400 && !ended; tries++) {
      const there = await ldapWriter(`ldap://127.0.0.1:${port}`, '', '').then(
        (writer) => writer.close(),
        () => 'not yet',
      );
      // Who answers may be another one that has the port; ours writes its number when it listens.
      if (there === undefined && !ended && pidIn(`${dirname(config)}/slapd.pid`) === process.pid)
        return { process, port };
      await sleep(25);
    }
    if (!ended) process.kill('SIGKILL');
    if (left === 0) throw new Error('slapd does not start');
  }
}
