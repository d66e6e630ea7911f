import type { AttributeDeclaration } from '../model/attributes.ts';
import type { LinkedRecord } from '../model/person.ts';

/** Attributes that the same sources decide, in the same order. */
interface Share {
  readonly names: ReadonlySet<string>;
  /** Of these, what a record covers that does not say what it covers. */
  readonly usual: ReadonlySet<string>;
  /** An attribute that nobody declared is decided along with these. */
  readonly rest: (name: string) => boolean;
  /** The records that may decide, strongest first. */
  readonly inOrder: (records: readonly LinkedRecord[]) => readonly LinkedRecord[];
}

const known = new WeakMap<readonly AttributeDeclaration[], readonly Share[]>();

/** The declarations by who decides them. Mostly one share; made once for a list of declarations. */
export function byPrecedence(declared: readonly AttributeDeclaration[]): readonly Share[] {
  const before = known.get(declared);
  if (before !== undefined) return before;
  const all = new Set(declared.map((a) => a.name));
  const usual = usualSources(declared)?.join();
  const groups = Map.groupBy(declared, (a) => a.precedence?.join());
  if (!groups.has(usual)) groups.set(usual, []);
  const shares = [...groups].map(([key, list]): Share => {
    const order = list[0]?.precedence;
    return {
      names: new Set(list.map((a) => a.name)),
      usual: new Set(list.filter((a) => a.onlySaid !== true).map((a) => a.name)),
      rest: key === usual ? (name) => !all.has(name) : () => false,
      inOrder: (records) =>
        key === usual || order === undefined ? usualOrder(records, declared) : sorted(records, order),
    };
  });
  known.set(declared, shares);
  return shares;
}

/**
 * The person's records in the usual order: that of what decides the user name. None is left out: a source that is not
 * in the settings any more goes last.
 */
export function usualOrder(
  records: readonly LinkedRecord[],
  declared: readonly AttributeDeclaration[],
): readonly LinkedRecord[] {
  const order = usualSources(declared);
  if (order === undefined || records.length < 2) return records;
  return [...sorted(records, order), ...records.filter((record) => !order.includes(record.source))];
}

const usualSources = (declared: readonly AttributeDeclaration[]): readonly string[] | undefined =>
  declared.find((a) => a.name === 'userName')?.precedence;

function sorted(records: readonly LinkedRecord[], order: readonly string[]): readonly LinkedRecord[] {
  if (records.length === 1) return order.includes(records[0]?.source ?? '') ? records : [];
  return order.flatMap((source) => records.filter((record) => record.source === source));
}

/**
 * The declarations with the precedence of the settings: for each attribute the sources named for it, else all in the
 * order of the settings.
 */
export function withPrecedence(
  declared: readonly AttributeDeclaration[],
  sources: readonly string[],
  named: Readonly<Record<string, readonly string[]>> = {},
): readonly AttributeDeclaration[] {
  return declared.map((a) => ({ ...a, precedence: named[a.name] ?? sources }));
}
