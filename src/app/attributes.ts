import type { SettingsDocument } from '../config/document.ts';
import type { LintSettings } from '../mapping/load.ts';
import { withPrecedence } from '../mapping/precedence.ts';
import { type AttributeDeclaration, SELF_EDITABLE } from '../model/attributes.ts';
import type { Problem } from '../model/rules.ts';
import { directoryKinds } from '../directories/index.ts';
import type { Settings } from '../model/settings.ts';
import { didYouMean } from '../model/suggest.ts';
import { declaredAttributes } from './scim-sources.ts';

/** What the sources of these settings tell of people, and which of them decides; and what is wrong with `precedence:`. */
export function attributesOf(
  settings: Settings,
  document?: SettingsDocument,
): { readonly attributes: readonly AttributeDeclaration[]; readonly problems: readonly Problem[] } {
  const sources = settings.sources.map((source) => source.id);
  const attributes = withPrecedence(allDeclared(settings), sources, settings.precedence);
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

/** Of the standard, of SCIM schemas and of directories. Of one name that several declare the first type holds. */
function allDeclared(settings: Settings): readonly AttributeDeclaration[] {
  const byName = new Map(declaredAttributes(settings).map((a) => [a.name, a]));
  for (const source of settings.sources) {
    const kind = directoryKinds.find((k) => k.type === source.type);
    for (const own of kind?.attributes?.(source) ?? []) {
      const before = byName.get(own.name);
      const { sources, ...rest } = before ?? own;
      // Without sources it is a standard one, which every source may tell.
      byName.set(
        own.name,
        before !== undefined && sources === undefined
          ? before
          : { ...rest, sources: [...(before?.sources ?? []), source.id] },
      );
    }
  }
  return [...byName.values()];
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
