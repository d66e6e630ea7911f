import * as z from 'zod';
import { parseDuration } from '../config/duration.ts';
import { extensionsOf, extensionsSchema } from '../config/extensions.ts';
import { type AttributeDeclaration, CORE_ATTRIBUTES } from '../model/attributes.ts';
import { type ExtensionSchema, ruleAttributesOf } from '../model/extensions.ts';
import type { Settings, SourceSettings } from '../model/settings.ts';
import type { ScimSourceSettings } from '../scim/index.ts';
import { extendedTypes } from '../scim/schema/extensions.ts';

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) >= 60_000, 'must be a duration of at least a minute, such as 24h or 7d');

const rate = z.strictObject({
  perSecond: z.number().positive('must be more than 0').max(100_000).describe('Requests a second, in the long run.'),
  burst: z
    .number()
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(1_000_000)
    .optional()
    .describe('Requests at once after a pause. Default: twice perSecond, at least 10.'),
});

const assignable = (attribute: string) =>
  z
    .array(
      z.union([
        z
          .string()
          .min(1)
          .transform((value) => ({ value })),
        z.strictObject({
          value: z.string().min(1).describe('What users get as value.'),
          display: z.string().optional().describe('The name for people to read.'),
          type: z.string().optional().describe('A label for its function.'),
        }),
      ]),
    )
    .default([])
    .describe(
      `Values that the client may assign to users in ${attribute}, each a text or { value, display, type }. They are ` +
        'offered beside those that users have already, in the form that Okta looks for.',
    );

/** Options of a source of type scim. The client itself needs its token only. */
export const scimOptions = z.strictObject({
  pagination: z
    .boolean()
    .default(true)
    .describe(
      'false: paging by cursor (RFC 9865) is neither announced nor served, for clients that refuse members of ' +
        'ServiceProviderConfig that RFC 7643 does not know. Paging by index is always there.',
    ),
  roles: assignable('roles'),
  entitlements: assignable('entitlements'),
  maxSilence: duration
    .optional()
    .describe('Told as silent when its client sent nothing for so long, such as 24h. Nobody is removed for that.'),
  rateLimit: rate.optional().describe('Most requests of all clients of the source together. Default: no limit.'),
  tokenRateLimit: rate.optional().describe('Most requests of each token of the source. Default: no limit.'),
  schemas: extensionsSchema.optional(),
});

export interface ScimSource extends ScimSourceSettings {
  /** Milliseconds. */
  readonly maxSilence?: number;
}

/** The SCIM sources of checked settings, by id. Made once for each reading of the settings: it is a hot path. */
export function scimSources(settings: Settings): ReadonlyMap<string, ScimSource> {
  const scim = settings.sources.filter((source) => source.type === 'scim');
  return new Map(scim.map((source) => [source.id, scimSource(source, settings.schemas ?? [])]));
}

function scimSource({ id, options }: SourceSettings, everywhere: readonly ExtensionSchema[]): ScimSource {
  const { pagination, roles, entitlements, maxSilence, rateLimit, tokenRateLimit, schemas } =
    scimOptions.parse(options);
  const silence = maxSilence === undefined ? undefined : parseDuration(maxSilence);
  return {
    id,
    pagination,
    declared: { roles, entitlements },
    types: extendedTypes([...everywhere, ...extensionsOf(schemas ?? [])]),
    ...(silence === undefined ? {} : { maxSilence: silence }),
    ...(rateLimit === undefined ? {} : { rateLimit: withBurst(rateLimit) }),
    ...(tokenRateLimit === undefined ? {} : { tokenRateLimit: withBurst(tokenRateLimit) }),
  };
}

const withBurst = ({ perSecond, burst }: z.output<typeof rate>) => ({
  perSecond,
  burst: burst ?? Math.max(10, Math.ceil(2 * perSecond)),
});

/** What rules may use as `user.<name>`: the standard attributes and those of the schemas that the settings declare. */
export function declaredAttributes(settings: Settings): readonly AttributeDeclaration[] {
  const scim = settings.sources.filter((source) => source.type === 'scim');
  const byName = new Map<string, AttributeDeclaration>();
  for (const { id, options } of scim) {
    const schemas = [...(settings.schemas ?? []), ...extensionsOf(scimOptions.parse(options).schemas ?? [])];
    for (const { name, type, about } of schemas.flatMap(ruleAttributesOf)) {
      const before = byName.get(name)?.sources ?? [];
      const sources = before.includes(id) ? before : [...before, id];
      byName.set(name, { name, type, about, sources, onlySaid: true });
    }
  }
  return [...CORE_ATTRIBUTES, ...byName.values()];
}

/** The SCIM sources as the settings have them now, made anew only when these change. */
export function scimSourcesOf(settings: () => Settings): () => ReturnType<typeof scimSources> {
  let known: { readonly of: Settings; readonly sources: ReturnType<typeof scimSources> } | undefined;
  return () => {
    const now = settings();
    if (known?.of !== now) known = { of: now, sources: scimSources(now) };
    return known.sources;
  };
}
