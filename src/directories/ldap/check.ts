import { Failure } from '../../model/failure.ts';
import { keyOf } from './full.ts';
import { groupAttributes, understandGroup } from './groups.ts';
import { personAttributes, understandPeople } from './person.ts';
import { scan, Tally } from './scan.ts';
import { contextCsnsOf, invocationIdOf, openSession, type Session } from './session.ts';
import type { Setup } from './setup.ts';
import { deletedObjects } from './usn.ts';
import { type Entry, OID, searchAll } from './wire/index.ts';

/** Entries that are looked at one by one. */
const SAMPLE = 1_000;
/** Of groups fewer: each comes with its members. */
const SAMPLE_GROUPS = 100;
const SHOWN = 3;

/**
 * Proves that address, credentials and rights work, and tells what the settings find: how many each filter matches, three
 * of them, and what is probably not meant. Costs one look over the ids. Throws Failure.
 */
export async function checkAccess(setup: Setup, signal: AbortSignal): Promise<readonly string[]> {
  const session = await openSession(setup, signal);
  try {
    flavorFits(session);
    const found = [...(await lookAtPeople(session, signal)), ...(await lookAtGroups(session, signal))];
    return [...found, ...(await lookAtChanges(session, signal)), ...lookAtSettings(session)];
  } finally {
    session.connection.close();
  }
}

function flavorFits({ setup, dse, connection }: Session): void {
  const { looksLike } = dse;
  if (looksLike === undefined || looksLike === setup.flavor || setup.flavor === 'generic') return;
  throw new Failure(
    { kind: 'broken' },
    `${connection.at} is no ${setup.kind.about}: it says of itself that it is ${looksLike}`,
    {
      remedy: `Set flavor: ${looksLike}.`,
    },
  );
}

async function lookAtPeople(session: Session, signal: AbortSignal): Promise<string[]> {
  const { setup, userBases } = session;
  const understand = understandPeople(setup, new Date());
  const lines: string[] = [];
  for (const base of userBases) {
    const sample = await sampleOf(session, base, setup.userFilter, personAttributes(setup), signal);
    const seen = sample.map((entry) => understand(entry, keyOf(entry, session)));
    const people = seen.flatMap((one) => (one.what === 'person' ? [one.person] : []));
    lines.push(
      await counted(
        session,
        'people',
        base,
        setup.userFilter,
        people.map((p) => p.userName),
        signal,
      ),
    );
    if (sample.length === 0) continue;
    const [unreadable] = seen.flatMap((one) => (one.what === 'unreadable' ? [one.because] : []));
    const bad = seen.filter((one) => one.what === 'unreadable').length;
    if (unreadable !== undefined)
      lines.push(`warning: ${bad} of ${sample.length} people looked at can not be read: ${unreadable}`);
    const outside = seen.filter((one) => one.what === 'outside').length;
    const disabled = people.filter((p) => !p.active).length;
    lines.push(
      `of ${sample.length} looked at ${disabled} are disabled${outside > 0 ? `, and ${outside} are left out` : ''}`,
    );
    const empty = [...setup.attributes.keys()].filter(
      (name) =>
        !people.some(
          (p) =>
            name in p.attributes ||
            (name === 'displayName' && p.displayName !== undefined) ||
            (name.startsWith('email') && p.emails.length > 0),
        ),
    );
    if (empty.length > 0 && people.length > 0)
      lines.push(`none of them has ${empty.join(', ')}: not in use there, or not to be read by this account`);
  }
  return lines;
}

async function lookAtGroups(session: Session, signal: AbortSignal): Promise<string[]> {
  const { setup, groupBases } = session;
  const lines: string[] = [];
  for (const base of groupBases) {
    const sample = await sampleOf(session, base, setup.groupFilter, groupAttributes(setup), signal, SAMPLE_GROUPS);
    const groups = sample.flatMap((entry) => {
      const group = understandGroup(entry, keyOf(entry, session), setup);
      return group.what === 'group' ? [group] : [];
    });
    lines.push(
      await counted(
        session,
        'groups',
        base,
        setup.groupFilter,
        groups.map((g) => g.name),
        signal,
      ),
    );
    const empty = groups.filter((g) => g.members.length + g.uids.length === 0 && !g.ranged).length;
    if (empty > 0)
      lines.push(`${empty} of ${groups.length} groups looked at have no members, or none that this account may read`);
  }
  return lines;
}

async function sampleOf(
  session: Session,
  base: string,
  filter: string,
  attributes: readonly string[],
  signal: AbortSignal,
  most = SAMPLE,
): Promise<Entry[]> {
  const sample: Entry[] = [];
  for await (const entries of scan(session, { base, filter, attributes, what: 'sample' }, new Tally(), signal)) {
    sample.push(...entries.slice(0, most - sample.length));
    if (sample.length >= most) break;
  }
  return sample;
}

async function counted(
  session: Session,
  what: string,
  base: string,
  filter: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const tally = new Tally();
  let count = 0;
  for await (const entries of scan(session, { base, filter, attributes: ['1.1'], what }, tally, signal))
    count += entries.length;
  tally.finished = true;
  const because = tally.because === undefined ? '' : `; warning: ${tally.because}: no reading would be whole`;
  if (count === 0) return `warning: no ${what} below ${base} match ${filter}${because}`;
  return `${count} ${what} below ${base} match ${filter}, such as ${names.slice(0, SHOWN).join(', ')}${because}`;
}

/** Whether changes can be read, and what they can't show. */
async function lookAtChanges(session: Session, signal: AbortSignal): Promise<string[]> {
  const { setup, dse } = session;
  const { changes } = setup.kind;
  if (changes === 'csn') {
    return (await contextCsnsOf(session, signal)).length > 0
      ? []
      : ['the server keeps no contextCSN (overlay syncprov): changes are found by their time'];
  }
  if (changes === 'time') return [];
  const lines: string[] = [];
  if ((await invocationIdOf(session, signal)) === undefined) {
    lines.push('warning: the account can not read invocationId of the domain controller: every reading is full');
  }
  const context = dse.defaultNamingContext;
  if (context === undefined) return lines;
  const container = await searchAll(
    session.connection,
    {
      base: deletedObjects(context),
      scope: 'base',
      filter: '(objectClass=*)',
      attributes: ['1.1'],
      controls: [{ oid: OID.showDeleted, critical: true }],
    },
    signal,
    { missing: true },
  ).catch((error: unknown) => {
    if (error instanceof Failure) return [];
    throw error;
  });
  if (container.length === 0) {
    lines.push(
      'warning: the account can not see deleted objects: who is deleted is found missing by full readings only. See docs/sources-ldap.md',
    );
  }
  return lines;
}

const DISABLED_FILTER = /\(!\s*\((userAccountControl:1\.2\.840\.113556\.1\.4\.80[34]:=2|nsAccountLock=)/i;

function lookAtSettings({ setup, pageSize, namesHaveIds, connection }: Session): string[] {
  return [
    ...(DISABLED_FILTER.test(setup.userFilter)
      ? [
          'warning: userFilter leaves out disabled accounts: who is disabled would count as out of scope, and keep what they have for an hour. Leave that part away',
        ]
      : []),
    ...(pageSize === undefined
      ? [
          'warning: the server gives no pages (RFC 2696): a limit on its answers would keep every reading from being whole',
        ]
      : []),
    ...(setup.flavor === 'ad' && !namesHaveIds
      ? ['the server tells no ids along with names: members are found by their names']
      : []),
    ...(connection.encrypted ? [] : ['the connection is not encrypted']),
  ];
}
