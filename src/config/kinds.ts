import type { SourceSettings, TargetSettings } from '../model/settings.ts';

/** A mistake in a kind's options; `path` counts from the options. */
export interface OptionIssue {
  readonly path: ReadonlyArray<string | number>;
  readonly message: string;
  readonly remedy?: string;
  /** Names of options that the kind does not know; the message is made for them. */
  readonly unknown?: readonly string[];
}

/** What settings need to know of a kind of source or target. */
export interface Kind<S> {
  readonly type: string;
  readonly about: string;
  /** JSON Schema (an object with `properties`) of its options. */
  readonly optionsSchema: Readonly<Record<string, unknown>>;
  /** Everything that is wrong with the options. */
  check(settings: S): readonly OptionIssue[];
}

export interface Kinds {
  readonly sources: ReadonlyArray<Kind<SourceSettings>>;
  readonly targets: ReadonlyArray<Kind<TargetSettings>>;
}

/** Names of a kind's options. */
export function optionNames(kind: { readonly optionsSchema: Readonly<Record<string, unknown>> }): string[] {
  return Object.keys((kind.optionsSchema['properties'] as Record<string, unknown> | undefined) ?? {});
}
