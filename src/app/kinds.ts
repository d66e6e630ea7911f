import * as z from 'zod';
import { optionIssues } from '../config/issues.ts';
import type { Kind, Kinds, OptionIssue } from '../config/kinds.ts';
import type { SourceSettings, TargetSettings } from '../model/settings.ts';
import type { DirectoryKind } from '../directories/directory.ts';
import { directoryKinds } from '../directories/index.ts';
import { targetKinds } from '../targets/index.ts';
import type { TargetKind } from '../targets/target.ts';
import { scimOptions } from './scim-sources.ts';

const scim: Kind<SourceSettings> = {
  type: 'scim',
  about: 'A SCIM 2.0 client (Okta, Microsoft Entra ID, …) writes to /scim/<id>/v2 with a token of this source.',
  optionsSchema: z.toJSONSchema(scimOptions, { io: 'input' }),
  check: (settings) => issuesOf(scimOptions.safeParse(settings.options).error, settings.options),
};

/** Every kind of source and target, as the settings need to know them. */
export const kinds: Kinds = {
  get sources() {
    return [scim, ...directoryKinds.map(directoryKind)];
  },
  targets: targetKinds.map(targetKind),
};

function directoryKind(kind: DirectoryKind): Kind<SourceSettings> {
  return {
    type: kind.type,
    about: kind.about,
    optionsSchema: kind.optionsSchema,
    check: (settings) => {
      try {
        // Opening connects to nothing; it is the kind's own check of its options.
        void kind.open(settings).directory.close();
        return [];
      } catch (error) {
        if (error instanceof z.ZodError) return issuesOf(error, settings.options);
        throw error;
      }
    },
  };
}

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
