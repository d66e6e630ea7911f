import type { SettingsDocument } from '../config/document.ts';
import type { LintSettings } from '../mapping/load.ts';
import { withPrecedence } from '../mapping/precedence.ts';
import { type AttributeDeclaration, SELF_EDITABLE } from '../model/attributes.ts';
import type { Problem } from '../model/rules.ts';
import type { Settings } from '../model/settings.ts';
import { didYouMean } from '../model/suggest.ts';
import { declaredAttributes } from './scim-sources.ts';

/** What the sources of these settings tell of people, and which of them decides; and what is wrong with `precedence:`. */
export function attributesOf(
  settings: Settings,
  document?: SettingsDocument,
): { readonly attributes: readonly AttributeDeclaration[]; readonly problems: readonly Problem[] } {
  const sources = settings.sources.map((source) => source.id);
  const attributes = withPrecedence(declaredAttributes(settings), sources, settings.precedence);
  const names = attributes.map((a) => a.name);
  const problems: Problem[] = [];
  const report = (path: ReadonlyArray<string | number>, message: string, remedy: string | undefined): void => {
    const place = path.length === 2 ? document?.keyPlace(path) : document?.place(path);
    problems.push({
      severity: 'error',
      message,
      remedy: remedy ?? 'Name one of the settings and of docs/rules.md.',
      ...(place === undefined || document === undefined ? {} : { place, excerpt: document.excerpt(place) }),
    });
  };
  for (const [name, order] of Object.entries(settings.precedence ?? {})) {
    if (!names.includes(name)) {
      report(
        ['precedence', name],
        `precedence names the attribute ${name}, which is not declared`,
        didYouMean(name, names),
      );
    }
    for (const [at, source] of order.entries()) {
      if (sources.includes(source)) continue;
      report(
        ['precedence', name, at],
        `precedence of ${name} names the source ${source}, which is not there`,
        didYouMean(source, sources),
      );
    }
  }
  return { attributes, problems };
}

/** What the lints of rules go by. */
export function lintSettings({ sources, verifiedDomains = [] }: Settings): LintSettings {
  return {
    selfEditable: new Map(
      sources.map(({ id, type, selfEditable }) => [id, new Set(selfEditable ?? SELF_EDITABLE[type] ?? [])]),
    ),
    verifiedDomains,
    trusted: new Set(sources.filter((source) => source.trusted === true).map((source) => source.id)),
  };
}
