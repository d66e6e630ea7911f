import type { SettingsDocument } from '../config/document.ts';
import { directoryKinds } from '../directories/index.ts';
import { type CorrelatedSource, createCorrelator } from '../mapping/correlate.ts';
import { createEngine, type ResultTypes, type RuleEngine, type Sound } from '../mapping/engine.ts';
import type { AttributeDeclaration } from '../model/attributes.ts';
import type { Correlator } from '../model/correlation.ts';
import type { Expression, Problem } from '../model/rules.ts';
import type { Settings, SourceSettings } from '../model/settings.ts';
import { didYouMean } from '../model/suggest.ts';

type Path = ReadonlyArray<string | number>;
type Report = (
  path: Path,
  message: string,
  more?: { remedy?: string | undefined; warning?: true; at?: number },
) => void;

/** How these settings correlate records, and everything that is wrong with that. */
export function correlatorOf(
  settings: Settings,
  attributes: readonly AttributeDeclaration[],
  document?: SettingsDocument,
): { readonly correlator?: Correlator; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const report: Report = (path, message, { remedy, warning, at = 0 } = {}) => {
    const place = document?.place(path) ?? document?.keyPlace(path);
    const shown = place === undefined ? undefined : { ...place, column: place.column + at };
    problems.push({
      severity: warning === true ? 'warning' : 'error',
      message,
      ...(remedy === undefined ? {} : { remedy }),
      ...(shown === undefined || document === undefined ? {} : { place: shown, excerpt: document.excerpt(shown) }),
    });
  };
  checkKeys(settings, attributes, report);
  const engine = createEngine(attributes);
  const sources = settings.sources.map((source): CorrelatedSource => {
    const people = compile(engine, source, 'people', report);
    const secondary = compile(engine, source, 'secondary', report);
    return {
      id: source.id,
      issuer: source.issuer ?? '',
      ...(people === undefined ? {} : { people }),
      ...(secondary === undefined ? {} : { secondary }),
    };
  });
  if (problems.some((p) => p.severity === 'error')) return { problems };
  const correlator = createCorrelator(sources, settings.correlation, settings.verifiedDomains);
  return correlator === undefined ? { problems } : { correlator, problems };
}

function checkKeys(settings: Settings, attributes: readonly AttributeDeclaration[], report: Report): void {
  const keys = settings.correlation?.keys;
  const ids = settings.sources.map((source) => source.id);
  if (keys === undefined) {
    if (ids.length > 1) {
      report(['sources'], 'there are several sources and no correlation: whoever is in two of them is two people', {
        warning: true,
        remedy:
          'Say what proves that two records are one human: correlation: { keys: [employeeNumber] }. See docs/people.md.',
      });
    }
    for (const { id, secondary } of settings.sources) {
      if (secondary === undefined) continue;
      const remedy = 'Name the keys by which their owner is found: correlation: { keys: [employeeNumber] }.';
      report(['sources', id, 'secondary'], 'secondary records need correlation keys', { remedy });
    }
    return;
  }
  const names = attributes.map((a) => a.name);
  const seen = new Set<string>();
  for (const [at, key] of keys.entries()) {
    const path = ['correlation', 'keys', at];
    if (seen.has(key.name)) report(path, `the key ${key.name} is there twice`, { remedy: 'Remove one.' });
    seen.add(key.name);
    const used = key.sources === undefined ? [[undefined, key.name] as const] : Object.entries(key.sources);
    for (const [source, attribute] of used) {
      const where = source === undefined ? path : [...path, 'sources', source];
      if (source !== undefined && !ids.includes(source)) {
        report(where, `the key ${key.name} names the source ${source}, which is not there`, {
          remedy: didYouMean(source, ids),
        });
      }
      if (!names.includes(attribute)) {
        report(where, `the key ${key.name} names the attribute ${attribute}, which is not declared`, {
          remedy: didYouMean(attribute, names) ?? 'Name one of docs/rules.md or of a declared schema.',
        });
      }
      if (/^emails?$/.test(attribute) && (settings.verifiedDomains ?? []).length === 0) {
        report(where, `${attribute} is a key and no domain is verified: it finds nobody`, {
          warning: true,
          remedy: 'List the e-mail domains where nobody but you gives out addresses under verifiedDomains.',
        });
      }
    }
  }
}

/** Where the settings say nothing, what is usual for the kind holds. */
function compile(
  engine: RuleEngine,
  source: SourceSettings,
  name: 'people' | 'secondary',
  report: Report,
): Expression<boolean> | undefined {
  const usual = name === 'people' ? directoryKinds.find((k) => k.type === source.type)?.people : undefined;
  const text = source[name] ?? usual;
  if (text === undefined) return undefined;
  const path = ['sources', source.id, name];
  const compiled = engine.compile(text, 'bool', { file: 'settings', line: 1, column: 1 });
  if ('fault' in compiled) {
    const { message, remedy, start } = compiled.fault;
    report(path, `${name} of ${source.id}: ${message}`, { remedy, at: start });
    return undefined;
  }
  const outside = beyondRecord(compiled, text);
  if (name === 'people' && /!=/.test(withoutTexts(text))) {
    report(
      path,
      `people of ${source.id} uses !=, which is false for whoever lacks the attribute: they are no humans then`,
      {
        warning: true,
        remedy: 'Turn it round: !(user.userType == "service").',
      },
    );
  }
  if (outside === undefined) return compiled.expression;
  report(path, `${name} of ${source.id} uses ${outside}`, {
    remedy: 'It is asked of one record by itself, when it is first seen: use the attributes of user alone.',
  });
  return undefined;
}

/** What of an expression hangs on more than one record. */
function beyondRecord({ facts }: Sound<ResultTypes['bool']>, text: string): string | undefined {
  if (facts.groups.length > 0 || facts.anyGroup || facts.groupNames.length > 0) return 'groups';
  if (facts.reads.some((read) => read.name === 'groups')) return 'groups';
  if (facts.reads.some((read) => read.source !== undefined)) return 'user.from';
  return /(?<![.\w])now\b|daysSince|daysUntil/.test(withoutTexts(text)) ? 'the clock' : undefined;
}

/** The expression without what stands in quotes. */
const withoutTexts = (text: string): string => text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""');
