import * as z from 'zod';
import { EXTENSION_TYPES, type ExtensionSchema } from '../model/extensions.ts';

/** What discovery, PATCH paths and filters can name (RFC 7643 2.1), and no object has by itself. */
const NAME = /^[A-Za-z][\w-]{0,62}$/;
const name = z
  .string()
  .refine((text) => NAME.test(text), 'must be letters, digits, - and _, at most 63, beginning with a letter')
  .refine((text) => !(text in {}), 'is a name that JavaScript keeps for itself: choose another')
  .describe('Name of the attribute, as clients write it.');

/** Words of the rule language that can't be names in it. */
const RESERVED = new Set(
  (
    'as break const continue else false for function if import in let loop package namespace null return true var ' +
    'void while'
  ).split(' '),
);

export const isRuleName = (text: string): boolean =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !RESERVED.has(text) && !(text in {});

const shape = {
  name,
  multiValued: z.boolean().default(false).describe('Several values.'),
  description: z.string().default('').describe('For people to read, in /Schemas and in docs.'),
  required: z.boolean().default(false).describe('Must it have a value wherever the schema is used?'),
  caseExact: z.boolean().default(false).describe('Does case count in comparisons?'),
  mutability: z
    .enum(['readWrite', 'readOnly', 'writeOnly', 'immutable'])
    .default('readWrite')
    .describe('immutable: set once. readOnly: what clients send is ignored. writeOnly: accepted and dropped.'),
  returned: z.literal('default').optional(),
  uniqueness: z.literal('none').optional(),
  canonicalValues: z.array(z.string()).optional().describe('Usual values, told in /Schemas; others are accepted too.'),
  referenceTypes: z.array(z.string()).min(1).optional().describe('For type reference: User, Group, external or uri.'),
  as: z
    .string()
    .refine(isRuleName, 'must be a name that rules can use: letters, digits and _, and no word of the language')
    .optional()
    .describe('Name in rules, user.<as>, instead of the one that comes by itself.'),
};

const SIMPLE = EXTENSION_TYPES.filter((type) => type !== 'complex');

const subAttribute = z.strictObject({
  ...shape,
  multiValued: z.literal(false).default(false),
  type: z.enum(SIMPLE).default('string').describe('Type of its values (RFC 7643 2.3).'),
});

const attribute = z
  .strictObject({
    ...shape,
    type: z.enum(EXTENSION_TYPES).default('string').describe('Type of its values (RFC 7643 2.3).'),
    subAttributes: z.array(subAttribute).min(1).optional().describe('Parts of a complex attribute.'),
  })
  .superRefine((one, context) => {
    const complex = one.type === 'complex';
    if (complex && one.subAttributes === undefined) {
      context.addIssue({ code: 'custom', path: [], message: 'is complex, so it needs subAttributes' });
    }
    if (!complex && one.subAttributes !== undefined) {
      context.addIssue({ code: 'custom', path: ['subAttributes'], message: 'is for attributes of type complex only' });
    }
  });

/** An URN, with which paths and filters begin. Blanks, brackets and quotes would end it there. */
const URN = /^urn:[a-z0-9][a-z0-9-]{0,31}:[^\s[\]()"\\,]{1,200}$/i;

const schema = z.strictObject({
  id: z
    .string()
    .refine((text) => URN.test(text), 'must be a URN such as urn:acme:params:scim:schemas:extension:hr:2.0:User')
    .describe('URN of the schema, as the client sends it.'),
  name: z.string().min(1, 'must not be empty').optional().describe('Default: the last parts of the URN.'),
  description: z.string().default('').describe('For people to read.'),
  resource: z.enum(['User', 'Group']).default('User').describe('What it extends.'),
  required: z.boolean().default(false).describe('Must every resource have it?'),
  attributes: z.array(attribute).min(1, 'must name at least one attribute').describe('Its attributes.'),
});

/** Schemas that the settings declare, for all SCIM sources or for one. */
export const extensionsSchema = z
  .array(schema)
  .describe('SCIM schemas beside the standard ones; only attributes that are declared are stored.');

type Declared = z.output<typeof schema>;

/** Declarations as the rest of the program takes them; of a checked value. */
export const extensionsOf = (declared: readonly Declared[]): ExtensionSchema[] =>
  declared.map(({ name: given, ...rest }) => ({ ...rest, name: given ?? lastParts(rest.id) }));

/** `urn:…:extension:hr:2.0:User` is hr. */
function lastParts(id: string): string {
  const parts = id.split(':').slice(2);
  const named = parts.filter((part) => !/^(\d+\.\d+|user|group)$/i.test(part));
  return named.at(-1) ?? id;
}
