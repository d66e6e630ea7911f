import * as z from 'zod';
import { optionIssues } from '../config/issues.ts';
import type { Kind, Kinds, OptionIssue } from '../config/kinds.ts';
import type { SourceSettings, TargetSettings } from '../model/settings.ts';
import { targetKinds } from '../targets/index.ts';
import type { ScimSourceSettings } from '../scim/index.ts';
import type { TargetKind } from '../targets/target.ts';

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

/** Options of a SCIM source. The client itself needs its token only. */
const scimSchema = z.strictObject({
  pagination: z
    .boolean()
    .default(true)
    .describe(
      'false: paging by cursor (RFC 9865) is neither announced nor served, for clients that refuse members of ' +
        'ServiceProviderConfig that RFC 7643 does not know. Paging by index is always there.',
    ),
  roles: assignable('roles'),
  entitlements: assignable('entitlements'),
});

/** Every request asks; settings are loaded seldom. */
const read = new WeakMap<object, Omit<ScimSourceSettings, 'id'>>();

/** The checked options of a SCIM source, as the endpoint wants them. */
export function scimOptions(options: Readonly<Record<string, unknown>>): Omit<ScimSourceSettings, 'id'> {
  const known = read.get(options);
  if (known !== undefined) return known;
  const { pagination, roles, entitlements } = scimSchema.parse(options);
  const made = { pagination, declared: { roles, entitlements } };
  read.set(options, made);
  return made;
}

const scim: Kind<SourceSettings> = {
  type: 'scim',
  about: 'A SCIM 2.0 client (Okta, Microsoft Entra ID, …) writes to /scim/<id>/v2 with a token of this source.',
  optionsSchema: z.toJSONSchema(scimSchema, { io: 'input' }),
  check: (settings) => issuesOf(scimSchema.safeParse(settings.options).error, settings.options),
};

/** Every kind of source and target, as the settings need to know them. */
export const kinds: Kinds = { sources: [scim], targets: targetKinds.map(targetKind) };

function targetKind(kind: TargetKind): Kind<TargetSettings> {
  return {
    type: kind.type,
    about: kind.about,
    optionsSchema: kind.optionsSchema,
    check: (settings) => {
      const options = settings.simulator ? withStandIns(kind, settings.options) : settings.options;
      try {
        // Opening connects to nothing; it is the kind's own check of its options.
        void kind.open({ ...settings, options }, { instance: 'check' }).close();
        return [];
      } catch (error) {
        if (error instanceof z.ZodError) return issuesOf(error, options);
        throw error;
      }
    },
  };
}

const issuesOf = (error: z.ZodError | undefined, value: unknown): readonly OptionIssue[] =>
  error === undefined ? [] : optionIssues(error, value);

/** Address and keys of a built-in simulator are known only when it runs. */
function withStandIns(kind: TargetKind, options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const required = (kind.optionsSchema['required'] as readonly string[] | undefined) ?? [];
  const standIn = Buffer.alloc(32, 1).toString('base64');
  return { ...Object.fromEntries(required.map((name) => [name, standIn])), ...options };
}
