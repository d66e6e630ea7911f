import { type AttributeDeclaration, CORE_ATTRIBUTES } from '../model/attributes.ts';
import type { AttributeValue } from '../model/facts.ts';
import type { LinkedRecord, Person } from '../model/person.ts';
import type { GroupGraph } from '../model/planning.ts';
import type { Said } from '../model/rules.ts';
import { closure } from './closure.ts';
import { byPrecedence, usualOrder } from './precedence.ts';
import { type SourceStanding, type Standing, standingOf } from './standing.ts';

export interface PersonInput {
  readonly id: string;
  readonly generation: number;
  /** At least one. Their order counts where the declarations name no precedence. */
  readonly records: readonly LinkedRecord[];
  /** An operator froze them, for this reason. */
  readonly frozen?: string;
}

/** What every record tells. What else a reading did not cover counts as not delivered, also where an older value is kept. */
const ALWAYS = ['userName', 'active'];

/**
 * One human out of the records that are linked. For each attribute the first record by precedence that covers it
 * decides, even with none; groups are the union. `declared`: what a record covers that does not say so itself, and
 * which sources decide it. Secondary records name nobody. `sources`: what is known of sources that are not as they should be.
 * Throws RangeError without a record: there would be nothing to say.
 */
export function buildPerson(
  input: PersonInput,
  graph: GroupGraph,
  declared: readonly AttributeDeclaration[] = CORE_ATTRIBUTES,
  sources?: ReadonlyMap<string, SourceStanding>,
): Person {
  const records = primaryFirst(usualOrder(input.records, declared));
  const [first] = records;
  if (first === undefined) throw new RangeError(`person ${input.id} has no record: link one, or leave the person out`);
  const stands = new Map(records.map((record) => [record, standingOf(record, sources?.get(record.source))]));
  // Who they are is still told by the last that was said of them; what that is worth is not.
  const worth = records.filter((record) => stands.get(record)?.state !== 'lapsed' && !isPast(record, records));
  const { attributes, covers } = merge(worth.length > 0 ? primaries(worth) : [first], declared);
  const { life, ...why } = lifeOf(deciding(records, stands, sources));
  const frozen = [...stands.values()].find((s) => s.state === 'frozen');
  const lapsed = [...stands.values()].find((s) => s.state === 'lapsed');
  const email = text(attributes['email']);
  return {
    id: input.id,
    userName: text(attributes['userName']) ?? first.userName,
    displayName: text(attributes['displayName']) ?? first.userName,
    ...(email !== undefined && { email }),
    life,
    generation: input.generation,
    ...why,
    ...(input.frozen !== undefined
      ? { frozen: `by an operator: ${input.frozen}` }
      : frozen !== undefined && { frozen: frozen.because }),
    ...(lapsed !== undefined && { lapsed: { evidence: lapsed.evidence, wholly: worth.length === 0 } }),
    records,
    groups:
      life === 'left'
        ? new Map()
        : closure(
            worth.flatMap((r) => r.memberOf),
            graph,
          ),
    attributes,
    covers,
  };
}

/**
 * The records that may end or suspend: not those whose entry is gone by inference, nor those of a source that another
 * one succeeded, where the person has a record of that one; nor one that is disabled or deleted while another primary
 * record of its source is active; nor one that was disabled when it was first seen. Secondary ones do only where there
 * are no others: somebody has to.
 */
function deciding(
  records: readonly LinkedRecord[],
  stands: ReadonlyMap<LinkedRecord, Standing>,
  sources: ReadonlyMap<string, SourceStanding> | undefined,
): readonly LinkedRecord[] {
  return records.filter((record) => {
    if (stands.get(record)?.state === 'lapsed' || isPast(record, records) || isDormant(record, records)) return false;
    const successor = sources?.get(record.source)?.succeededBy;
    return successor === undefined || !records.some((other) => other.source === successor);
  });
}

/**
 * Disabled or deleted, while the person goes on in the same source under another record: a returner's old record, or a
 * secondary one, of which only the groups go.
 */
function isPast(record: LinkedRecord, all: readonly LinkedRecord[]): boolean {
  if (isLive(record)) return false;
  if (record.secondary === true) return all.some((other) => other.secondary !== true);
  return all.some((other) => other.source === record.source && other.secondary !== true && isLive(other));
}

/** Disabled ever since it was first seen, beside another record that is active: nobody said that anything changed. */
const isDormant = (record: LinkedRecord, all: readonly LinkedRecord[]): boolean =>
  record.dormant === true &&
  !record.active &&
  record.gone === undefined &&
  all.some((other) => other.secondary !== true && other.dormant !== true && isLive(other));

/** Those that say who somebody is: secondary ones only where there are no others. */
function primaries(records: readonly LinkedRecord[]): readonly LinkedRecord[] {
  const primary = records.filter((record) => record.secondary !== true);
  return primary.length > 0 ? primary : records;
}

const isLive = (record: LinkedRecord): boolean => record.active && record.gone === undefined;

const primaryFirst = (records: readonly LinkedRecord[]): readonly LinkedRecord[] =>
  records.some((record) => record.secondary === true)
    ? records.toSorted((a, b) => Number(a.secondary === true) - Number(b.secondary === true))
    : records;

/**
 * Only what a source stated ends or suspends anything. A record that is merely not there any more keeps its last
 * attributes and its groups while it is frozen, and says nothing once it has lapsed.
 */
function lifeOf(
  records: readonly LinkedRecord[],
): Pick<Person, 'life'> & Partial<Pick<Person, 'evidence' | 'burst' | 'dormant'>> {
  const against = records.filter((r) => r.gone === 'explicit' || !r.active);
  const [first] = against;
  if (first === undefined) return { life: 'active' };
  const life = against.some((r) => r.gone === 'explicit') ? 'left' : 'suspended';
  // A word that anybody confirms waits for nobody: another source, or another word of the same one.
  if (against.every((r) => r.dormant === true && r.gone === undefined))
    return { life, evidence: 'explicit', dormant: first.source };
  const sources = new Set(against.map((r) => r.source));
  const burst = sources.size === 1 && against.every((r) => r.heldLeave === true);
  return { life, evidence: 'explicit', ...(burst && { burst: first.source }) };
}

interface Merged {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly covers: ReadonlySet<string>;
}

function merge(records: readonly LinkedRecord[], declared: readonly AttributeDeclaration[]): Merged {
  const attributes: Record<string, AttributeValue> = {};
  const covers = new Set<string>();
  const words = new Map(records.map((record) => [record, ownWords(record)]));
  for (const { names, usual, rest, inOrder } of byPrecedence(declared)) {
    for (const record of inOrder(records)) {
      const said = words.get(record) ?? {};
      const told = new Set(record.covers === undefined ? [...usual, ...Object.keys(said)] : coveredBy(record.covers));
      for (const name of told) {
        if (covers.has(name) || (!names.has(name) && !rest(name))) continue;
        covers.add(name);
        const value: AttributeValue | null | undefined = said[name];
        if (value !== undefined && value !== null) attributes[name] = value;
      }
    }
  }
  return { attributes, covers };
}

/** What one source says of a person; `undefined` when it has no record of theirs. Of several records the first decides. */
export function saidBy(records: readonly LinkedRecord[], source: string): Said | undefined {
  const own = primaries(
    records.filter(
      (record) =>
        record.source === source && standingOf(record, undefined).state !== 'lapsed' && !isPast(record, records),
    ),
  );
  if (own.length === 0) return undefined;
  const user: Record<string, AttributeValue | null | undefined> = {};
  const covers = new Set<string>();
  for (const record of own) {
    const said = ownWords(record);
    for (const name of new Set(record.covers === undefined ? Object.keys(said) : coveredBy(record.covers))) {
      if (covers.has(name)) continue;
      covers.add(name);
      // Null stays: it was delivered, and is empty.
      user[name] = said[name];
    }
    // A record that does not say what it covers covers all that its source declares.
    if (record.covers === undefined) return { user };
  }
  return { user, covers };
}

/** The first address and all of them are one attribute at the source. */
const coveredBy = (covers: readonly string[]): string[] => [
  ...ALWAYS,
  ...covers,
  ...(covers.includes('email') || covers.includes('emails') ? ['email', 'emails'] : []),
];

/** The record's attributes with those that the record carries as fields of their own. */
function ownWords(record: LinkedRecord): Record<string, AttributeValue> {
  const [email] = record.emails;
  return {
    userName: record.userName,
    active: record.active,
    ...(record.displayName !== undefined && { displayName: record.displayName }),
    ...(email !== undefined && { email, emails: record.emails }),
    ...record.attributes,
  };
}

const text = (value: AttributeValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
