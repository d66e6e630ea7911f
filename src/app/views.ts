import type { SettingsDocument } from '../config/document.ts';
import type { Views } from '../jobs/deps.ts';
import { createEngine, type RuleEngine } from '../mapping/engine.ts';
import { loadRules } from '../mapping/load.ts';
import { compileProfile } from '../mapping/profile.ts';
import type { AttributeDeclaration } from '../model/attributes.ts';
import type { TargetView } from '../model/planning.ts';
import type { Expression, Problem } from '../model/rules.ts';
import type { Settings, TargetSettings } from '../model/settings.ts';
import { targetKinds } from '../targets/index.ts';
import { attributesOf, lintSettings } from './attributes.ts';
import { commitOf } from './commit.ts';
import { correlatorOf } from './correlator.ts';
import { readRulesFolder } from './rules-folder.ts';

export interface LoadedViews {
  /** Only when nothing is wrong. */
  readonly views?: Views;
  /** Everything that is wrong, warnings too. */
  readonly problems: readonly Problem[];
}

/**
 * Reads the rules folder and compiles rules and profiles: what planning goes by. Every problem at once. `retired` are
 * sources that the store knows and the settings don't name any more: rules may still name them, since their people
 * keep what they have.
 */
export function loadViews(
  settings: Settings,
  document?: SettingsDocument,
  retired: readonly string[] = [],
): LoadedViews {
  const files = readRulesFolder(settings.rules);
  const { attributes, problems: unknown } = attributesOf(settings, document);
  const correlation = correlatorOf(settings, attributes, document);
  const misnamed = [...unknown, ...correlation.problems];
  const profiles = loadTargetViews(settings, attributes, document);
  if ('problem' in files) return { problems: [...misnamed, ...profiles.problems, files.problem] };
  const loaded = loadRules({
    files: files.files,
    sources: [...new Set([...settings.sources.map((source) => source.id), ...retired])],
    targets: settings.targets.map(({ id, type }) => ({ id, type })),
    attributes,
    lint: lintSettings(settings),
  });
  const problems = [...misnamed, ...profiles.problems, ...loaded.problems];
  if (loaded.rules === undefined || problems.some((p) => p.severity === 'error')) return { problems };
  const commit = settings.rulesCommit ?? commitOf(settings.rules);
  const rehearsals = settings.targets.filter((target) => target.simulator || target.baseline === 'auto');
  const views = {
    rules: commit === undefined ? loaded.rules : { ...loaded.rules, commit },
    attributes,
    ...(correlation.correlator === undefined ? {} : { correlator: correlation.correlator }),
    targets: profiles.targets,
    needBaseline: needBaseline(settings),
    guard: { limits: settings.guard, rehearsals: new Set(rehearsals.map((target) => target.id)) },
  };
  return { views: loaded.stated ? views : { ...views, unstated: true }, problems };
}

/** Where no file says which rules there are, and there were some before, nobody meant that: people keep what they have. */
export async function withholdLostRules(views: Views, everHadRules: () => Promise<boolean>): Promise<Views> {
  return views.unstated === true && (await everHadRules()) ? { ...views, withheld: true } : views;
}

/** What is told then, and how to end it. */
export const lostRules = (
  folder: string,
  then = ': people keep what they have, and nobody is given anything',
): Problem => ({
  severity: 'error',
  message: `there are no rules in ${folder}, and there were before${then}`,
  remedy: 'Put the rules back. If nobody is to have anything, write a file there that says `rules: []`.',
});

/** A real target gets nothing by itself before its first full plan was applied by hand. */
function needBaseline(settings: Settings): ReadonlySet<string> {
  return new Set(settings.targets.filter((t) => !t.simulator && t.baseline === 'approve').map((t) => t.id));
}

function loadTargetViews(
  settings: Settings,
  attributes: readonly AttributeDeclaration[],
  document: SettingsDocument | undefined,
): { targets: TargetView[]; problems: Problem[] } {
  const engine = createEngine(
    attributes,
    settings.sources.map((source) => source.id),
  );
  const targets: TargetView[] = [];
  const problems: Problem[] = [];
  for (const target of settings.targets) {
    const kind = targetKinds.find((k) => k.type === target.type);
    if (kind === undefined) throw new Error(`no kind of target ${target.type}`);
    const compiled = compileProfile({
      target: target.id,
      templates: { ...kind.profile, ...target.profile },
      attributes,
      engine,
      place: (field) =>
        field in target.profile ? document?.place(['targets', target.id, 'profile', field]) : undefined,
    });
    problems.push(...compiled.problems, ...unusedFields(target, kind.profile, document));
    const scope = scopeOf(target, engine, document);
    if (scope.problem !== undefined) problems.push(scope.problem);
    if (compiled.template === undefined || scope.problem !== undefined) continue;
    targets.push({
      id: target.id,
      mode: target.mode,
      can: kind.can,
      createRoles: target.createRoles && kind.can.createRoles,
      ...(target.idleAfter === undefined ? {} : { idleAfter: target.idleAfter }),
      ...(scope.expression === undefined ? {} : { scope: scope.expression }),
      ...(target.untouchable === undefined ? {} : { untouchable: target.untouchable }),
      ...(target.roles === undefined ? {} : { roles: target.roles }),
      profile: compiled.template,
      adopt: { mode: target.adopt, verifiedDomains: settings.verifiedDomains ?? [] },
    });
  }
  return { targets, problems };
}

/** The condition of a target's `scope`, or what is wrong with it. */
function scopeOf(
  { id, scope }: TargetSettings,
  engine: RuleEngine,
  document: SettingsDocument | undefined,
): { readonly expression?: Expression<boolean>; readonly problem?: Problem } {
  if (scope === undefined) return {};
  const place = document?.place(['targets', id, 'scope']);
  const compiled = engine.compile(scope, 'bool', place ?? { file: `targets.${id}.scope`, line: 1, column: 1 });
  if ('expression' in compiled) return { expression: compiled.expression };
  const { message, remedy } = compiled.fault;
  return {
    problem: {
      severity: 'error',
      message: `scope of the target ${id}: ${message}`,
      ...(remedy === undefined ? {} : { remedy }),
      ...(place === undefined ? {} : { place }),
    },
  };
}

/** A field that this kind of account does not have would be planned as a change for ever. */
function unusedFields(
  target: TargetSettings,
  known: Readonly<Record<string, string>>,
  document: SettingsDocument | undefined,
): Problem[] {
  const unused = Object.keys(target.profile).filter((field) => !(field in known));
  return unused.map((field) => {
    const place = document?.place(['targets', target.id, 'profile', field]);
    return {
      severity: 'error',
      message: `accounts of type ${target.type} have no ${field}`,
      remedy: `Remove it. Fields: ${Object.keys(known).join(', ')}.`,
      ...(place === undefined ? {} : { place }),
    };
  });
}
