import { createHash } from 'node:crypto';
import type { CorrelationKey, CorrelationSettings, Correlator, KeyValue, RecordSaid } from '../model/correlation.ts';
import type { Expression, ExpressionInput } from '../model/rules.ts';

/** One source as correlation sees it. */
export interface CorrelatedSource {
  readonly id: string;
  /** Whose numbers and names its records bear: only records of the same issuer can be one person. */
  readonly issuer: string;
  /** Which records are humans; without it all. */
  readonly people?: Expression<boolean>;
  readonly secondary?: Expression<boolean>;
}

/** Longest value that is indexed; a longer one identifies nobody. Characters. */
const LONGEST = 512;
const KEYLESS: CorrelationSettings = { keys: [], recycle: 0 };

/**
 * How the records of these sources are correlated; undefined where there is nothing to do, since every record is a
 * person of its own. E-mail addresses count where their domain is verified.
 */
export function createCorrelator(
  sources: readonly CorrelatedSource[],
  settings: CorrelationSettings = KEYLESS,
  verifiedDomains: readonly string[] = [],
): Correlator | undefined {
  if (settings.keys.length === 0 && sources.every((s) => s.people === undefined)) return undefined;
  const byId = new Map(sources.map((source) => [source.id, source]));
  const domains = new Set(verifiedDomains);
  return {
    signature: signatureOf(sources, settings, verifiedDomains),
    recycle: settings.recycle,
    identify: (id, said) => {
      const source = byId.get(id);
      return source === undefined
        ? undefined
        : { role: roleOf(source, said), keys: keysOf(source, said, settings, domains) };
    },
  };
}

const attributeOf = (key: CorrelationKey, source: string): string | undefined =>
  key.sources === undefined ? key.name : key.sources[source];

/** Keys are compared in this form: NFC, without blanks around, case folded. */
export const keyForm = (value: string): string => value.normalize('NFC').trim().toLowerCase().normalize('NFC');

function roleOf({ people, secondary }: CorrelatedSource, said: RecordSaid) {
  if (people === undefined && secondary === undefined) return 'primary';
  const input = inputOf(said);
  const human = people?.evaluate(input) ?? { value: true };
  if ('indeterminate' in human) return 'undecided';
  if (!human.value) return 'other';
  const second = secondary?.evaluate(input) ?? { value: false };
  if ('indeterminate' in second) return 'undecided';
  return second.value ? 'secondary' : 'primary';
}

/** A record by itself: it has no groups, and no time passes. */
function inputOf(said: RecordSaid): ExpressionInput {
  const user = wordsOf(said);
  const covers = said.covers === undefined ? undefined : new Set([...ALWAYS, ...said.covers, ...emailsOf(said.covers)]);
  return { user, covers: covers ?? EVERYTHING, now: new Date(0) };
}

const ALWAYS = ['userName', 'active'];
const emailsOf = (covers: readonly string[]): string[] =>
  covers.includes('email') || covers.includes('emails') ? ['email', 'emails'] : [];

/** What a SCIM record does not have is none, not unknown: its client sends whole resources. */
const EVERYTHING = { has: () => true } as unknown as ReadonlySet<string>;

function wordsOf(said: RecordSaid): Record<string, unknown> {
  const [email] = said.emails;
  return {
    ...said.attributes,
    ...(said.userName !== undefined && { userName: said.userName }),
    active: said.active,
    ...(said.displayName !== undefined && { displayName: said.displayName }),
    ...(said.externalId !== undefined && { externalId: said.externalId }),
    ...(email !== undefined && { email, emails: said.emails }),
  };
}

function keysOf(
  { id, issuer }: CorrelatedSource,
  said: RecordSaid,
  { keys }: CorrelationSettings,
  verified: ReadonlySet<string>,
): KeyValue[] {
  if (keys.length === 0) return [];
  const words = wordsOf(said);
  return keys.flatMap((key, order) =>
    valuesOf(key, id, words, verified).map((value) => ({
      order,
      issuer: key.perSource ? `${issuer}/${id}` : issuer,
      name: key.name,
      value,
      reused: key.reused,
    })),
  );
}

function valuesOf(
  key: CorrelationKey,
  source: string,
  words: Readonly<Record<string, unknown>>,
  verified: ReadonlySet<string>,
): string[] {
  const attribute = attributeOf(key, source);
  if (attribute === undefined) return [];
  const said = words[attribute];
  const values = (Array.isArray(said) ? said : [said]).flatMap((one: unknown) =>
    typeof one === 'string' || typeof one === 'number' || typeof one === 'bigint' ? [keyForm(String(one))] : [],
  );
  const isMail = attribute === 'email' || attribute === 'emails';
  return [...new Set(values)].filter(
    (value) => value !== '' && value.length <= LONGEST && (!isMail || verified.has(domainOf(value) ?? '')),
  );
}

/** Of a plain address; what is odd about it makes none. */
const domainOf = (address: string): string | undefined => /^[^@\s]+@([^@\s]+)$/.exec(address)?.[1];

function signatureOf(
  sources: readonly CorrelatedSource[],
  { keys }: CorrelationSettings,
  verified: readonly string[],
): string {
  const meaning = [
    sources.map((s) => [s.id, s.issuer, s.people?.text ?? null, s.secondary?.text ?? null]).toSorted(),
    keys.map((key) => [key.name, key.reused, key.perSource, Object.entries(key.sources ?? {}).toSorted()]),
    verified.toSorted(),
  ];
  return createHash('sha256').update(JSON.stringify(meaning)).digest('hex');
}
