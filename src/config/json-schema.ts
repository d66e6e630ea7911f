import * as z from 'zod';
import type { Kind, Kinds } from './kinds.ts';
import { sourceSchema, targetSchema } from './entries.ts';
import { settingsSchema } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;

/** JSON Schema (draft 2020-12) of the settings file, for editors. Made from the code; `npm run schema` writes it. */
export function settingsJsonSchema(kinds: Kinds): Json {
  const schema = z.toJSONSchema(settingsSchema, { io: 'input' }) as { properties: Record<string, Json> };
  const { sources, targets, ...others } = schema.properties;
  return {
    ...schema,
    title: 'Drawbridge settings',
    properties: {
      ...others,
      sources: { ...sources, minProperties: 1, additionalProperties: oneOf(kinds.sources, sourceSchema) },
      targets: { ...targets, additionalProperties: oneOf(kinds.targets, targetSchema) },
    },
  };
}

function oneOf(kinds: ReadonlyArray<Kind<never>>, schema: z.ZodType): Json {
  const common = z.toJSONSchema(schema, { io: 'input' }) as { properties: Record<string, Json>; required?: string[] };
  return {
    oneOf: kinds.map((kind) => {
      const options = kind.optionsSchema as { properties?: Json; required?: string[] };
      return {
        title: kind.type,
        description: kind.about,
        type: 'object',
        properties: {
          ...common.properties,
          type: { const: kind.type, description: common.properties['type']?.['description'] },
          ...options.properties,
        },
        required: common.required ?? [],
        additionalProperties: false,
        ...neededOptions(options.required ?? []),
      };
    }),
  };
}

/** The built-in simulator needs no address or keys: its own are used. */
function neededOptions(required: readonly string[]): Json {
  if (required.length === 0) return {};
  return { if: { properties: { simulator: { const: true } }, required: ['simulator'] }, else: { required } };
}
