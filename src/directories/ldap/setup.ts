import { createHash } from 'node:crypto';
import { type AttributeDeclaration, CORE_ATTRIBUTES } from '../../model/attributes.ts';
import { parseDuration } from '../../model/duration.ts';
import type { SourceSettings } from '../../model/settings.ts';
import { dnKey } from './dn.ts';
import { type DisabledBy, type Flavor, type FlavorName, FLAVORS, type Mapped } from './flavors.ts';
import { type Options, optionsSchema, parseUrl } from './options.ts';
import type { DialOptions } from './wire/index.ts';

/** The options of one source with the defaults of its flavor, ready to be used. */
export interface Setup {
  readonly id: string;
  readonly flavor: FlavorName;
  readonly kind: Flavor;
  readonly dial: DialOptions;
  /** Undefined: the naming context that the server names. */
  readonly userBases: readonly string[] | undefined;
  readonly groupBases: readonly string[] | undefined;
  readonly userFilter: string;
  readonly groupFilter: string;
  /** In normal form. */
  readonly excludeOus: readonly string[];
  readonly excludesGroups: boolean;
  readonly isExcludedGroup: (name: string, key: string) => boolean;
  readonly userName: readonly string[];
  readonly groupName: readonly string[];
  readonly member: readonly string[];
  readonly memberUid: boolean;
  readonly attributes: ReadonlyMap<string, Mapped>;
  readonly disabled: readonly DisabledBy[];
  readonly mailboxes: boolean;
  readonly ignoreReferrals: boolean;
  readonly pageSize: number;
  /** Stands for all that decides what is read. */
  readonly scope: string;
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value]) as readonly T[];
const maybe = <T>(value: T | readonly T[] | undefined): readonly T[] | undefined =>
  value === undefined ? undefined : list(value);

/** Checks the options; throws ZodError. Connects to nothing. */
export function setupOf(settings: SourceSettings): { readonly setup: Setup; readonly options: Options } {
  const options = optionsSchema.parse(settings.options);
  const kind: Flavor = FLAVORS[options.flavor];
  const base = maybe(options.base);
  const decides = {
    flavor: options.flavor,
    userBases: maybe(options.userBase) ?? base,
    groupBases: maybe(options.groupBase) ?? base,
    userFilter: options.userFilter ?? kind.userFilter,
    groupFilter: options.groupFilter ?? kind.groupFilter,
    excludeOus: options.excludeOus.map((dn) => dnKey(dn) ?? ''),
    excludeGroups: options.excludeGroups,
    userName: maybe(options.userName) ?? kind.userName,
    groupName: maybe(options.groupName) ?? kind.groupName,
    member: maybe(options.member) ?? kind.member,
    memberUid: options.memberUid,
    attributes: mappedAttributes(kind, options),
    disabled: options.disabled ?? kind.disabled,
    mailboxes: options.mailboxes,
    ignoreReferrals: options.ignoreReferrals,
  };
  const addresses = list(options.url).flatMap((text) => parseUrl(text) ?? []);
  const scope = { ...decides, addresses: addresses.map((a) => a.url), account: options.bindDn ?? '' };
  const { excludeGroups, ...rest } = decides;
  return {
    options,
    setup: {
      ...rest,
      id: settings.id,
      kind,
      excludesGroups: excludeGroups.length > 0,
      isExcludedGroup: excluded(excludeGroups),
      attributes: new Map(decides.attributes),
      pageSize: options.pageSize,
      scope: createHash('sha256').update(JSON.stringify(scope)).digest('base64url'),
      dial: {
        addresses,
        startTls: options.startTls,
        tls: {
          ...(options.caFile === undefined ? {} : { ca: options.caFile }),
          ...(options.certFile === undefined ? {} : { cert: options.certFile }),
          ...(options.keyFile === undefined ? {} : { key: options.keyFile }),
        },
        ...(options.serverName === undefined ? {} : { serverName: options.serverName }),
        connectTimeout: parseDuration(options.connectTimeout) ?? 0,
        timeout: parseDuration(options.timeout) ?? 0,
        ...(options.bindDn === undefined
          ? {}
          : { credentials: { dn: options.bindDn, password: options.password ?? '' } }),
      },
    },
  };
}

/** In order of name, so that the same settings give the same scope. */
function mappedAttributes(kind: Flavor, { attributes }: Options): Array<[string, Mapped]> {
  const merged = new Map<string, Mapped>(Object.entries(kind.attributes));
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false) merged.delete(name);
    else if (typeof value === 'string' || Array.isArray(value)) {
      const before = merged.get(name);
      merged.set(name, { ...before, from: list(value as string | string[]), type: before?.type ?? coreType(name) });
    } else {
      const { from, type, about } = value as Exclude<typeof value, string | string[] | false>;
      merged.set(name, {
        from: list(from),
        type: CORE.has(name) ? coreType(name) : type,
        ...(about === undefined ? {} : { about }),
      });
    }
  }
  return [...merged].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const CORE = new Map(CORE_ATTRIBUTES.map((a) => [a.name, a.type]));
const coreType = (name: string): Mapped['type'] => CORE.get(name) ?? 'string';

/** What rules know of this source besides the standard attributes. */
export const declaredBy = (setup: Setup): AttributeDeclaration[] =>
  [...setup.attributes]
    .filter(([name]) => !CORE.has(name))
    .map(([name, { type, from, about }]) => ({
      name,
      type: type === 'filetime' || type === 'days' ? 'timestamp' : type,
      about: about ?? `${from.join(' or ')} of the directory`,
      sources: [setup.id],
      onlySaid: true,
    }));

/** By name, where `*` stands for anything, or by distinguished name. */
function excluded(patterns: readonly string[]): Setup['isExcludedGroup'] {
  const keys = new Set(patterns.flatMap((p) => (p.includes('=') ? (dnKey(p) ?? []) : [])));
  const names = patterns
    .filter((p) => !p.includes('='))
    .map((p) => new RegExp(`^${p.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'isu'));
  return (name, key) => keys.has(key) || names.some((pattern) => pattern.test(name));
}
