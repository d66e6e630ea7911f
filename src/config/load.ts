import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Problem } from '../model/rules.ts';
import type { Settings } from '../model/settings.ts';
import { build } from './build.ts';
import { readDocument, type SettingsDocument } from './document.ts';
import { override } from './environment.ts';
import { checkExtensions } from './extension-issues.ts';
import { complainer, optionIssues } from './issues.ts';
import { optionNames, type Kind, type Kinds } from './kinds.ts';
import { literalSecrets, secretsOfUrl } from './literals.ts';
import { namesAt } from './names.ts';
import { secretSettings } from './secret-settings.ts';
import { resolveReferences } from './references.ts';
import { sourceSchema, targetSchema } from './entries.ts';
import { NOT_YET, settingsSchema, type SettingsFile } from './schema.ts';
import { suggest } from '../model/suggest.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface Loaded {
  /** Only when nothing is wrong. */
  readonly settings?: Settings;
  /** Everything that is wrong, in the order of the file. */
  readonly problems: readonly Problem[];
  /** What must never be shown or logged. Also given when something is wrong. */
  readonly secrets: readonly string[];
  /** Where values stand, for problems that others find in them; undefined when the file can't be read. */
  readonly document?: SettingsDocument;
}

/** Reads and checks a settings file. Never throws for what the file holds: every problem is told, at once. */
export function loadSettings(options: { file: string; env: Env; kinds: Kinds }): Loaded {
  const file = resolve(options.file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { problems: [unreadable(file, error)], secrets: [] };
  }
  const document = readDocument(file, text);
  if (document.problems.length > 0) return { problems: document.problems, secrets: [], document };
  return check(document, options.env, options.kinds);
}

function check(document: SettingsDocument, env: Env, kinds: Kinds): Loaded {
  const literals = literalSecrets(document.value);
  const resolved = resolveReferences(document.value, {
    file: document.file,
    env,
    isSecret: secretSettings(document.value, kinds),
  });
  const secrets = [...resolved.secrets, ...literals.map((l) => l.value), ...secretsOfUrl(env['DATABASE_URL'])];
  const silent = resolved.problems.map((p) => p.path);
  const told = complainer(document, [], secrets);
  for (const { path, message, remedy } of resolved.problems) told.add(path, `can't be resolved: ${message}`, remedy);

  const rest = complainer(document, silent, secrets);
  const value = resolved.value ?? {};
  const parsed = settingsSchema.safeParse(value);
  if (!parsed.success) {
    for (const issue of optionIssues(parsed.error, value)) {
      const [known, notYet] = [issue.unknown ?? [], (key: string) => NOT_YET[[...issue.path, key].join('.')]];
      for (const key of known) {
        const instead = notYet(key);
        if (instead !== undefined) rest.add([...issue.path, key], `is not for use: ${instead}`);
      }
      const others = known.filter((key) => notYet(key) === undefined);
      if (issue.unknown === undefined) rest.addAll([], [issue], []);
      else if (others.length > 0) rest.addUnknown(issue.path, others, namesAt(settingsSchema, issue.path));
    }
  }
  checkKinds(value, kinds, rest);
  checkTwins(value, rest);
  checkExtensions(value, rest.add);
  const overridden = override(env);
  const problems = [...told.problems, ...rest.problems].toSorted(byPlace).concat(overridden.problems);
  secrets.push(...secretsOfUrl(storeUrl(value)));
  if (problems.length > 0 || !parsed.success) return { problems, secrets, document };
  return { settings: build(document.file, parsed.data, overridden), problems, secrets, document };
}

/** Runs beside the schema, so that a mistake in one place does not hide those in others. */
function checkKinds(value: unknown, kinds: Kinds, told: ReturnType<typeof complainer>): void {
  for (const [place, schema, list] of [
    ['sources', sourceSchema, kinds.sources],
    ['targets', targetSchema, kinds.targets],
  ] as const) {
    const entries = (value as Partial<Record<string, unknown>>)[place];
    if (entries === null || typeof entries !== 'object' || Array.isArray(entries)) continue;
    const common = Object.keys(schema.shape);
    for (const [id, entry] of Object.entries(entries)) {
      if (entry === null || typeof entry !== 'object' || typeof entry.type !== 'string') continue;
      const kind = list.find((k) => k.type === entry.type);
      if (kind === undefined) {
        told.add([place, id, 'type'], ...unknownType(entry.type, list));
        continue;
      }
      const options = Object.fromEntries(Object.entries(entry).filter(([key]) => !common.includes(key)));
      // Wrong common settings are told by the schema; here they only have to be of some right shape.
      const shared = schema.safeParse(entry);
      const base = shared.success ? shared.data : { ...STAND_IN, simulator: entry.simulator === true };
      const issues = (kind as Kind<unknown>).check({ ...base, id, type: entry.type, options });
      told.addAll([place, id], issues, [...common, ...optionNames(kind)]);
    }
  }
}

/**
 * Two targets that are one system would each take the other's accounts for somebody else's, and both write to them. The
 * same type with the same options is that; where they only lead to the same place, `expect` and the marks tell.
 */
function checkTwins(value: unknown, told: ReturnType<typeof complainer>): void {
  const targets = (value as Partial<Record<string, unknown>>)['targets'];
  if (targets === null || typeof targets !== 'object') return;
  const common = new Set(Object.keys(targetSchema.shape).filter((key) => key !== 'type'));
  const seen = new Map<string, string>();
  for (const [id, entry] of Object.entries(targets)) {
    if (entry === null || typeof entry !== 'object' || entry.simulator === true) continue;
    const own = Object.entries(entry).filter(([key]) => !common.has(key));
    if (own.length < 2) continue;
    const system = JSON.stringify(own.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const other = seen.get(system);
    if (other === undefined) seen.set(system, id);
    else {
      const message = `is the same system as the target ${other}: both would own its accounts`;
      told.add(['targets', id], message, 'Remove one of them; rules may give any number of roles at one target.');
    }
  }
}

const STAND_IN = { mode: 'observe', baseline: 'approve', adopt: 'ask', createRoles: false, profile: {} } as const;

function unknownType(type: string, list: ReadonlyArray<{ readonly type: string }>): [string, string] {
  const known = list.map((k) => k.type);
  const near = suggest(type, known);
  return [
    `"${type}" is not supported in this version`,
    `${near === undefined ? '' : `Did you mean "${near}"? `}Supported: ${known.join(', ')}.`,
  ];
}

function storeUrl(value: unknown): string | undefined {
  const url = (value as Partial<SettingsFile>).store?.url;
  return typeof url === 'string' ? url : undefined;
}

function byPlace(a: Problem, b: Problem): number {
  return (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0);
}

function unreadable(file: string, error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const missing = code === 'ENOENT';
  return {
    severity: 'error',
    message: missing ? `there is no settings file ${file}` : `the settings file ${file} can't be read (${code})`,
    remedy: missing
      ? 'Name it with --config FILE or DRAWBRIDGE_CONFIG; config/drawbridge.yaml of the project is an example.'
      : 'Give this user the right to read it.',
  };
}
