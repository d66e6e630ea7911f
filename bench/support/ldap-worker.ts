/** Reads a directory in a process of its own: alone, into the store, and what changed. */
import { readSource } from '../../src/jobs/read.ts';
import { ldap } from '../../src/directories/ldap/index.ts';
import type { SourceSettings } from '../../src/model/settings.ts';
import { openStore } from '../../src/store/open.ts';
import { storeParts } from '../../src/store/parts.ts';
import { ldapWriter } from '../../test/support/ldap/writer.ts';
import { silent } from '../../test/support/jobs.ts';
import { answer } from './apart.ts';
import { userDn } from './ldap-company.ts';
import { cpuMs, peakMb, resetPeak } from './process.ts';

export interface LdapJob {
  readonly settings: SourceSettings;
  /** Of the embedded store; without it the directory is read and nothing is kept. */
  readonly data?: string;
  readonly writer: { readonly url: string; readonly dn: string; readonly password: string };
  readonly changed: number;
  readonly rounds: number;
}

export interface LdapFigures {
  readonly facts: number;
  readonly readMs: readonly number[];
  readonly readCpuMs: readonly number[];
  readonly peakMb: number;
  /** The first reading into an empty store, further ones that find nothing new, and readings of changes. */
  readonly storeMs: readonly number[];
  readonly againMs: readonly number[];
  readonly changesMs: readonly number[];
}

answer(async (job: LdapJob, say): Promise<LdapFigures> => {
  const source = ldap.open(job.settings);
  resetPeak(process.pid);
  try {
    if (job.data === undefined) return await alone(job, source, say);
    return await intoStore(job, job.data, source, say);
  } finally {
    await source.directory.close();
  }
});

const signal = (): AbortSignal => AbortSignal.timeout(600_000);

async function alone(
  { rounds }: LdapJob,
  { directory }: ReturnType<typeof ldap.open>,
  say: (text: string) => void,
): Promise<LdapFigures> {
  const [readMs, readCpuMs]: [number[], number[]] = [[], []];
  let facts = 0;
  for (let round = 1; round <= rounds; round++) {
    const [begun, cpu] = [performance.now(), cpuMs(process.pid)];
    const reading = await directory.read(undefined, signal());
    facts = 0;
    for await (const _ of reading.facts) facts += 1;
    const end = reading.end();
    if (!end.sealed) throw new Error(end.because);
    readMs.push(performance.now() - begun);
    readCpuMs.push(cpuMs(process.pid) - cpu);
    say(`${facts} facts in ${Math.round(readMs.at(-1) ?? 0)} ms`);
  }
  return { facts, readMs, readCpuMs, peakMb: peakMb(process.pid), storeMs: [], againMs: [], changesMs: [] };
}

async function intoStore(
  job: LdapJob,
  data: string,
  source: ReturnType<typeof ldap.open>,
  say: (text: string) => void,
): Promise<LdapFigures> {
  const store = await openStore({ kind: 'embedded', folder: data });
  const { url, dn, password } = job.writer;
  const writer = await ldapWriter(url, dn, password);
  const deps = { db: store.db, store: storeParts, log: silent, now: () => new Date(), random: Math.random };
  const read = async (full: boolean, wanted: string): Promise<number> => {
    const begun = performance.now();
    const result = await readSource(deps, source, { full, actor: 'bench', signal: signal() });
    const reading = result.outcome === 'done' ? result.reading : undefined;
    if (reading?.state !== 'sealed' || reading.scope !== wanted)
      throw new Error(`${reading?.state} ${reading?.scope}: ${reading?.because}`);
    const ms = performance.now() - begun;
    say(`a reading of ${wanted}: ${Math.round(ms)} ms, ${JSON.stringify(reading.changes)}`);
    return ms;
  };
  try {
    const storeMs = [await read(true, 'full')];
    const peak = peakMb(process.pid);
    // After a load at once many entries are as old as the newest: the first change moves the beginning of what is new.
    await writer.modify(userDn(0), 'replace', { title: ['First'] });
    const [againMs, changesMs]: [number[], number[]] = [[], []];
    for (let round = 1; round <= job.rounds; round++) {
      againMs.push(await read(true, 'full'));
      for (let n = 0; n < job.changed; n++) await writer.modify(userDn(n), 'replace', { title: [`Engineer ${round}`] });
      changesMs.push(await read(false, 'changes'));
    }
    return {
      facts: 0,
      readMs: [],
      readCpuMs: [],
      peakMb: Math.max(peak, peakMb(process.pid)),
      storeMs,
      againMs,
      changesMs,
    };
  } finally {
    writer.close();
    await store.close();
  }
}
