import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { groupAttributes } from '../src/directories/ldap/groups.ts';
import { personAttributes } from '../src/directories/ldap/person.ts';
import { setupOf } from '../src/directories/ldap/setup.ts';
import { noSlapd, type Slapd, startSlapd, SUFFIX } from '../test/services/slapd.ts';
import { sourceSettings } from '../test/support/ldap/openldap.ts';
import { apart } from './support/apart.ts';
import { companyLdif } from './support/ldap-company.ts';
import type { LdapFigures, LdapJob } from './support/ldap-worker.ts';
import { median } from './support/stats.ts';
import { withGround } from './support/store.ts';
import type { Bench, Figure, Scale } from './support/types.ts';

const LIMIT_MS = 1_200_000;
const PAGE = 500;

async function run(scale: Scale): Promise<Figure[]> {
  if (noSlapd !== false) {
    if (!scale.quick) throw new Error(noSlapd);
    scale.say(noSlapd);
    return [];
  }
  const users = Number(process.env['LDAP_USERS'] ?? scale.pick(100_000, 1_000));
  const [groups, memberships] = [users / 100, users * 5];
  scale.say(`${users} users, ${groups} groups and ${memberships} memberships into OpenLDAP`);
  const slapd = await startSlapd({ ldif: companyLdif(users, groups, memberships) });
  try {
    return await withGround((ground) => measure(scale, slapd, ground.data, ground.folder, users));
  } finally {
    await slapd.close();
  }
}

async function measure(scale: Scale, slapd: Slapd, data: string, folder: string, users: number): Promise<Figure[]> {
  const settings = sourceSettings(slapd, { pageSize: PAGE });
  const job: LdapJob = {
    settings,
    writer: { url: slapd.url, dn: `cn=admin,${SUFFIX}`, password: 'admin-secret' },
    changed: Math.min(100, users / 10),
    rounds: 1,
  };
  const worker = new URL('support/ldap-worker.ts', import.meta.url);
  const go = (more: Partial<LdapJob>) =>
    apart<LdapJob, LdapFigures>(worker, { ...job, ...more }, { limitMs: LIMIT_MS, say: scale.say });
  const { setup } = setupOf(settings);
  const [peerMs, readMs, cpuMs, peaks]: [number[], number[], number[], number[]] = [[], [], [], []];
  const file = join(folder, 'ldapsearch.ldif');
  for (let round = 1; round <= scale.pick(5, 1); round++) {
    const people = await ldapsearch(slapd, file, setup.userFilter, [
      ...personAttributes(setup),
      'createTimestamp',
      'modifyTimestamp',
    ]);
    const rest = await ldapsearch(slapd, file, setup.groupFilter, [
      ...groupAttributes(setup),
      'createTimestamp',
      'modifyTimestamp',
    ]);
    peerMs.push(people + rest);
    scale.say(`ldapsearch ${Math.round(people)} and ${Math.round(rest)} ms`);
    const { result, peakMb } = await go({});
    readMs.push(...result.readMs);
    cpuMs.push(...result.readCpuMs);
    peaks.push(peakMb);
  }
  const stored = await go({ data, rounds: scale.pick(5, 1) });
  const peer = median(peerMs);
  const [alone, store, changes] = [median(readMs), median(stored.result.storeMs), median(stored.result.changesMs)];
  const seconds = (ms: readonly number[]): number[] => ms.map((one) => one / 1000);
  const ratio = (ms: number) => ({ to: 'ldapsearch', value: ms / peer });
  return [
    { name: '`ldapsearch` writing the same to a file', value: peer / 1000, unit: 's', rounds: seconds(peerMs) },
    {
      name: 'full reading, facts alone',
      value: alone / 1000,
      unit: 's',
      rounds: seconds(readMs),
      peakMb: Math.max(...peaks),
      cpuMs: median(cpuMs) / users,
      ratio: ratio(alone),
      aim: { text: '≤ 1.2 × ldapsearch', reached: alone <= 1.2 * peer },
    },
    {
      name: 'first full reading into the store',
      value: store / 1000,
      unit: 's',
      peakMb: stored.peakMb,
      ratio: ratio(store),
      aim: { text: '≤ 3 × ldapsearch, < 500 MB', reached: store <= 3 * peer && stored.peakMb < 500 },
    },
    {
      name: 'full reading that finds nothing new',
      value: median(stored.result.againMs) / 1000,
      unit: 's',
      rounds: seconds(stored.result.againMs),
      ratio: ratio(median(stored.result.againMs)),
    },
    {
      name: `reading of ${job.changed} changes`,
      value: changes / 1000,
      unit: 's',
      rounds: seconds(stored.result.changesMs),
      aim: { text: '< 1 s', reached: changes < 1_000 },
    },
  ];
}

/** The same entries and attributes, in pages, to a file. Milliseconds. */
async function ldapsearch(slapd: Slapd, file: string, filter: string, attributes: readonly string[]): Promise<number> {
  const out = openSync(file, 'w');
  const { dn, password } = slapd.reader;
  const begun = performance.now();
  try {
    const args = [
      '-LLL',
      '-x',
      '-o',
      'ldif-wrap=no',
      '-H',
      slapd.url,
      '-D',
      dn,
      '-w',
      password,
      '-b',
      SUFFIX,
      '-E',
      `pr=${PAGE}/noprompt`,
      filter,
      ...attributes,
    ];
    const child = spawn('ldapsearch', args, { stdio: ['ignore', out, 'ignore'] });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0 || statSync(file).size === 0) throw new Error(`ldapsearch ended with ${code}`);
    return performance.now() - begun;
  } finally {
    closeSync(out);
  }
}

export const bench: Bench = {
  name: 'ldap',
  title: 'Reading 100 000 users over LDAP',
  about: `OpenLDAP on the same machine with 100 000 users of 16 attributes, 1 000 groups and 500 000 memberships, in pages of
${PAGE}, without TLS. In turns with \`ldapsearch\` writing the same entries and attributes to a file. "Facts alone" is what
the directory kind gives, read to its end and thrown away; "into the store" is a whole reading as the service makes it,
into an empty embedded store and again.`,
  notes: `A full reading looks over the groups twice (which there are, then with members) and asks for two attributes besides,
from which the next reading of changes knows whether somebody went. A reading of changes looks over the ids of all
entries, since OpenLDAP keeps no tombstones, and then reads what changed.`,
  run,
};
