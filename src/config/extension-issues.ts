import { CORE_ATTRIBUTES, type AttributeType } from '../model/attributes.ts';
import { type ExtensionSchema, ruleAttributesOf } from '../model/extensions.ts';
import type { Path } from './document.ts';
import { extensionsOf, extensionsSchema, isRuleName } from './extensions.ts';

/** Schemas that are there without being declared. */
const STANDARD = [
  'urn:ietf:params:scim:schemas:core:2.0:User',
  'urn:ietf:params:scim:schemas:core:2.0:Group',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
];

type Add = (path: Path, message: string, remedy?: string) => void;

/** Schemas of one place in the settings. */
interface Declared {
  readonly place: Path;
  readonly schemas: readonly ExtensionSchema[];
}

/**
 * What no schema by itself can know: that names and URNs don't meet, in one source or between sources. Settings of the
 * wrong shape are told elsewhere and passed over here.
 */
export function checkExtensions(value: unknown, add: Add): void {
  const top = (value ?? {}) as Partial<Record<string, unknown>>;
  const everywhere = declaredAt(['schemas'], top['schemas']);
  const sources = Object.entries((top['sources'] ?? {}) as Record<string, Partial<Record<string, unknown>> | null>);
  const own = sources.map(([id, source]) => declaredAt(['sources', id, 'schemas'], source?.['schemas']));
  checkUrns(everywhere, [], add);
  for (const one of own) checkUrns(one, everywhere.schemas, add);
  for (const one of [everywhere, ...own]) checkNames(one, add);
  checkRuleNames([everywhere, ...own], add);
}

function declaredAt(place: Path, value: unknown): Declared {
  const parsed = extensionsSchema.safeParse(value ?? []);
  return { place, schemas: parsed.success ? extensionsOf(parsed.data) : [] };
}

function checkUrns({ place, schemas }: Declared, everywhere: readonly ExtensionSchema[], add: Add): void {
  const taken = [...STANDARD, ...everywhere.map((s) => s.id)];
  for (const [i, { id }] of schemas.entries()) {
    const lower = id.toLowerCase();
    const other = taken.find(
      (t) => `${lower}:`.startsWith(`${t.toLowerCase()}:`) || `${t.toLowerCase()}:`.startsWith(`${lower}:`),
    );
    if (other !== undefined) {
      const same = other.toLowerCase() === lower;
      const message = same
        ? `is declared already, or standard: ${id}`
        : `and ${other} begin alike: paths could mean either`;
      add(
        [...place, i, 'id'],
        message,
        same ? 'Remove one of the two.' : 'One URN must not be the beginning of another.',
      );
    }
    taken.push(id);
  }
}

/** Names of attributes are found whatever their case. */
function checkNames({ place, schemas }: Declared, add: Add): void {
  const twice = (path: Path, names: ReadonlyArray<{ readonly name: string }>): void => {
    const seen = new Set<string>();
    for (const [i, { name }] of names.entries()) {
      if (seen.has(name.toLowerCase())) add([...path, i, 'name'], `is there twice: ${name} (case does not count)`);
      seen.add(name.toLowerCase());
    }
  };
  for (const [i, schema] of schemas.entries()) {
    twice([...place, i, 'attributes'], schema.attributes);
    for (const [j, attribute] of schema.attributes.entries()) {
      twice([...place, i, 'attributes', j, 'subAttributes'], attribute.subAttributes ?? []);
    }
  }
}

/** One name in rules has one type, whichever source it comes from. */
function checkRuleNames(all: readonly Declared[], add: Add): void {
  const core = new Map<string, string>([
    ...CORE_ATTRIBUTES.map((a) => [a.name, a.about] as const),
    ['groups', 'groups'],
  ]);
  const known = new Map<string, { type: AttributeType; from: string }>();
  const everywhere = all[0]?.schemas.flatMap((schema) => ruleAttributesOf(schema).map((a) => a.name)) ?? [];
  for (const [number, { place, schemas }] of all.entries()) {
    const here = new Set(number === 0 ? [] : everywhere);
    for (const [i, schema] of schemas.entries()) {
      for (const { name, type, at, path } of ruleAttributesOf(schema)) {
        const where = [...place, i, ...at];
        const remedy = 'Give it another name in rules with `as: NAME`.';
        const other = known.get(name);
        if (!isRuleName(name)) add(where, `would be user.${name} in rules, which is a word of the language`, remedy);
        else if (core.has(name))
          add(where, `would be user.${name} in rules, which is there already (${core.get(name)})`, remedy);
        else if (here.has(name))
          add(where, `would be user.${name} in rules, and so would another attribute of this source`, remedy);
        else if (other !== undefined && other.type !== type) {
          add(
            where,
            `would be user.${name} of type ${type} in rules, and ${other.from} makes it ${other.type}`,
            remedy,
          );
        }
        here.add(name);
        known.set(name, other ?? { type, from: path.join(':') });
      }
    }
  }
}
