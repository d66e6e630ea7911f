import { Failure } from '../../model/failure.ts';
import { dnKey } from './dn.ts';
import type { Setup } from './setup.ts';
import { guidOf } from './values.ts';
import { type Connection, type Control, dial, type Entry, extendedDnControl, OID, searchAll } from './wire/index.ts';

/** What a server says of itself (RFC 4512 5.1). */
export interface RootDse {
  readonly namingContexts: readonly string[];
  readonly defaultNamingContext: string | undefined;
  readonly controls: ReadonlySet<string>;
  /** Of Active Directory: the last number it gave to a change, and where its own settings lie. */
  readonly highestCommittedUsn: string | undefined;
  readonly dsServiceName: string | undefined;
  /** Which flavor it looks like, where that can be told. */
  readonly looksLike: 'ad' | 'openldap' | '389ds' | undefined;
}

/** A server that we are signed in to, and what was found there. */
export interface Session {
  readonly connection: Connection;
  readonly dse: RootDse;
  readonly setup: Setup;
  readonly userBases: readonly string[];
  readonly groupBases: readonly string[];
  /** Asked for with every search. */
  readonly controls: readonly Control[];
  /** Names come with the GUID of what they name. */
  readonly namesHaveIds: boolean;
  readonly pageSize: number | undefined;
}

const ROOT_DSE = [
  'namingContexts',
  'defaultNamingContext',
  'supportedControl',
  'highestCommittedUSN',
  'dsServiceName',
  'vendorName',
  'objectClass',
  'configContext',
];

/** Connects, signs in and looks around. Throws Failure. */
export async function openSession(setup: Setup, signal: AbortSignal, first?: string): Promise<Session> {
  const connection = await dial(setup.dial, signal, first);
  try {
    const dse = await readRootDse(connection, signal);
    const { userBases, groupBases } = setup;
    const has = (oid: string): boolean => dse.controls.has(oid);
    const ad = setup.flavor === 'ad';
    return {
      connection,
      dse,
      setup,
      userBases: withoutNested(userBases ?? [defaultBase(dse, connection.at)]),
      groupBases: withoutNested(groupBases ?? [defaultBase(dse, connection.at)]),
      controls: [
        ...(ad && has(OID.domainScope) ? [{ oid: OID.domainScope, critical: true }] : []),
        ...(ad && has(OID.extendedDn) ? [extendedDnControl()] : []),
      ],
      namesHaveIds: ad && has(OID.extendedDn),
      pageSize: has(OID.paged) ? setup.pageSize : undefined,
    };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** One entry must not be found twice: a base below another one is left out. */
function withoutNested(bases: readonly string[]): readonly string[] {
  const keys = bases.map((base) => dnKey(base) ?? base);
  return bases.filter(
    (_, i) =>
      !keys.some((key, j) => (j < i && key === keys[i]) || (keys[i] !== key && keys[i]?.endsWith(`,${key}`) === true)),
  );
}

function defaultBase(dse: RootDse, at: string): string {
  const [only, ...more] = dse.defaultNamingContext === undefined ? dse.namingContexts : [dse.defaultNamingContext];
  if (only !== undefined && more.length === 0) return only;
  throw new Failure(
    { kind: 'broken' },
    `${at} does not say where its people lie${more.length > 0 ? `: it holds ${dse.namingContexts.join(', ')}` : ''}`,
    {
      remedy: 'Set base, such as base: "DC=example,DC=com".',
    },
  );
}

async function readRootDse(connection: Connection, signal: AbortSignal): Promise<RootDse> {
  const request = { base: '', scope: 'base', filter: '(objectClass=*)', attributes: ROOT_DSE } as const;
  const [entry] = await searchAll(connection, request, signal);
  if (entry === undefined) {
    throw new Failure({ kind: 'broken' }, `${connection.at} does not show its root entry to this account`, {
      remedy: 'Let the account read the entry with the empty name: what the server can do stands there.',
    });
  }
  const texts = (name: string): string[] => (entry.values.get(name.toLowerCase()) ?? []).map(String);
  const controls = new Set(texts('supportedControl'));
  return {
    namingContexts: texts('namingContexts'),
    defaultNamingContext: texts('defaultNamingContext')[0],
    controls,
    highestCommittedUsn: texts('highestCommittedUSN')[0],
    dsServiceName: texts('dsServiceName')[0],
    looksLike:
      texts('dsServiceName').length > 0
        ? 'ad'
        : texts('objectClass').includes('OpenLDAProotDSE')
          ? 'openldap'
          : /389 Project|Red Hat|Fedora/i.test(texts('vendorName')[0] ?? '')
            ? '389ds'
            : undefined,
  };
}

/** The id of the database of a domain controller; a new one after a restore. Undefined where it can't be read. */
export async function invocationIdOf({ connection, dse }: Session, signal: AbortSignal): Promise<string | undefined> {
  if (dse.dsServiceName === undefined) return undefined;
  const [entry] = await searchAll(
    connection,
    { base: dse.dsServiceName, scope: 'base', filter: '(objectClass=*)', attributes: ['invocationId'] },
    signal,
    { missing: true },
  );
  const [value] = entry?.values.get('invocationid') ?? [];
  return value === undefined ? undefined : guidOf(value);
}

/** OpenLDAP's newest change, one number for each server that writes; empty where it keeps none. */
export async function contextCsnsOf(
  { connection, dse, userBases, groupBases }: Session,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const contexts = dse.namingContexts.filter((context) => {
    const key = dnKey(context) ?? context;
    return [...userBases, ...groupBases].some(
      (base) => dnKey(base) === key || dnKey(base)?.endsWith(`,${key}`) === true,
    );
  });
  const csns = new Set<string>();
  for (const base of contexts) {
    const [entry] = await searchAll(
      connection,
      { base, scope: 'base', filter: '(objectClass=*)', attributes: ['contextCSN'] },
      signal,
      { missing: true },
    );
    const found = entry?.values.get('contextcsn') ?? [];
    // Of two databases one without it would be read as unchanged for ever.
    if (found.length === 0) return [];
    for (const value of found) csns.add(value.toString());
  }
  return [...csns].toSorted();
}

export type { Entry };
