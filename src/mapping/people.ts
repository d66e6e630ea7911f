import { type AttributeDeclaration, CORE_ATTRIBUTES } from '../model/attributes.ts';
import type { AttributeValue, Evidence } from '../model/facts.ts';
import type { LifeCycle, LinkedRecord, Person } from '../model/person.ts';
import type { GroupGraph } from '../model/planning.ts';
import { closure } from './closure.ts';

export interface PersonInput {
  readonly id: string;
  readonly generation: number;
  /** At least one, in order of precedence. */
  readonly records: readonly LinkedRecord[];
}

const CORE_NAMES = CORE_ATTRIBUTES.map((a) => a.name);

/**
 * One human out of the records that are linked. For each attribute the first record that covers it decides, even with
 * none; groups are the union. `declared`: what a record covers that does not say so itself.
 * Throws RangeError without a record: there would be nothing to say.
 */
export function buildPerson(input: PersonInput, graph: GroupGraph, declared?: readonly AttributeDeclaration[]): Person {
  const [first] = input.records;
  if (first === undefined) throw new RangeError(`person ${input.id} has no record: link one, or leave the person out`);
  const names = declared === undefined ? CORE_NAMES : declared.map((a) => a.name);
  const { attributes, covers } = merge(input.records, names);
  const { life, evidence } = lifeOf(input.records);
  const email = text(attributes['email']);
  return {
    id: input.id,
    userName: text(attributes['userName']) ?? first.userName,
    displayName: text(attributes['displayName']) ?? first.userName,
    ...(email !== undefined && { email }),
    life,
    generation: input.generation,
    ...(evidence !== undefined && { evidence }),
    records: input.records,
    groups:
      life === 'left'
        ? new Map()
        : closure(
            input.records.flatMap((r) => r.memberOf),
            graph,
          ),
    attributes,
    covers,
  };
}

/**
 * Only what a source stated ends or suspends anything. A record that is merely not there any more (absent, out of
 * scope, unknown) keeps its last attributes and its groups: whether that takes something away is for the readings'
 * grace to decide, not for a missing entry.
 */
function lifeOf(records: readonly LinkedRecord[]): { readonly life: LifeCycle; readonly evidence?: Evidence } {
  if (records.some((r) => r.gone === 'explicit')) return { life: 'left', evidence: 'explicit' };
  if (records.some((r) => !r.active)) return { life: 'suspended', evidence: 'explicit' };
  return { life: 'active' };
}

function merge(
  records: readonly LinkedRecord[],
  names: readonly string[],
): { readonly attributes: Readonly<Record<string, AttributeValue>>; readonly covers: ReadonlySet<string> } {
  const attributes: Record<string, AttributeValue> = {};
  const covers = new Set<string>();
  for (const record of records) {
    const said = ownWords(record);
    for (const name of new Set([...(record.covers ?? names), ...Object.keys(said)])) {
      if (covers.has(name)) continue;
      covers.add(name);
      const value: AttributeValue | null | undefined = said[name];
      if (value !== undefined && value !== null) attributes[name] = value;
    }
  }
  return { attributes, covers };
}

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
