import { existsSync } from 'node:fs';
import { retired } from '../app/figures.ts';
import { runRuleTests } from '../app/rule-tests.ts';
import { specialOnStore } from '../app/special-on-store.ts';
import { scimSources } from '../app/scim-sources.ts';
import { endingMessage, endingRemedy, heardOf } from '../app/watch-sources.ts';
import { recoveryNow } from '../app/guardian.ts';
import { inRecovery } from '../app/recovery.ts';
import { rulesOnStore } from '../app/rules-on-store.ts';
import { findSimulator } from '../app/simulators.ts';
import { openTargets } from '../app/targets.ts';
import { countProblems, renderProblem } from '../config/render.ts';
import { warnings } from '../config/warnings.ts';
import { directoryKinds } from '../directories/index.ts';
import { Failure } from '../model/failure.ts';
import type { Problem } from '../model/rules.ts';
import type { Settings, SourceSettings, TargetSettings } from '../model/settings.ts';
import { openEmbedded } from '../store/embedded/index.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { countRecords } from '../store/people-list.ts';
import { storedExtensions } from '../store/stored-extensions.ts';
import { listTokens } from '../store/tokens.ts';
import { targetStates } from '../store/target-state.ts';
import type { Db } from '../store/db.ts';
import { openDb } from '../store/pool.ts';
import { asUnavailable } from '../store/unavailable.ts';
import type { SettingsDocument } from '../config/document.ts';
import type { CannotListen } from '../web/server.ts';
import { readIdentity } from '../web/tls.ts';
import { add, type Answer, type Program } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { progress } from './io.ts';
import { indent, printable, when, wrap } from './text.ts';
import { loadViews } from '../app/views.ts';
import { knownSources } from '../store/source-state.ts';
import { loadViewsOf } from './planning.ts';

/** One thing that was tried out. */
interface Tried {
  readonly what: 'store' | 'target' | 'source';
  readonly id: string;
  readonly ok: boolean;
  readonly message: string;
  readonly remedy?: string;
  /** What a directory gave to this account, a line each. */
  readonly found?: readonly string[];
}

/** One attempt at reaching a target. Milliseconds. */
const LIMIT_MS = 30_000;

interface CheckOptions {
  readonly connect?: boolean;
  readonly strict?: boolean;
}

/** `check` */
export function addCheck(program: Program): void {
  add<CheckOptions>(program, program.root, {
    usage: 'check',
    about: 'everything that is wrong with settings and rules, the tests in rules files too, and what to do',
    examples: ['check', 'check --connect', 'check --strict --json'],
    options: (command) =>
      command
        .option(
          '--connect',
          'also try addresses, keys and rights of store and targets, and hold the rules against the store',
        )
        .option('--strict', 'warnings count as errors'),
    run: async (context, options) => {
      const problems = await allProblems(context);
      const errors = problems.some((p) => p.severity === 'error');
      const leftOver: Problem[] = [];
      const tried = errors || options.connect !== true ? [] : await tryOut(context, leftOver);
      const found = [...problems, ...leftOver];
      const strict = options.strict === true ? found.map((p): Problem => ({ ...p, severity: 'error' })) : found;
      return answer(context, strict, tried, errors || (options.strict === true && strict.length > 0));
    },
  });
}

function answer(context: Context, problems: readonly Problem[], tried: readonly Tried[], errors: boolean): Answer {
  const failed = tried.filter((one) => !one.ok).length;
  const verdict = errors
    ? `Settings or rules can't be used: ${countProblems(problems)}.`
    : failed > 0
      ? `Settings and rules are right; ${failed} of ${tried.length} could not be reached as they say.`
      : `Settings and rules can be used: ${countProblems(problems)}.`;
  const lines = [
    ...problems.map((problem) => renderProblem(problem, context.io.cwd)),
    ...tried.map((t) =>
      [
        `${t.ok ? 'ok    ' : 'failed'}  ${t.what} ${t.id}: ${t.message}`,
        ...[...(t.remedy === undefined ? [] : [t.remedy]), ...(t.found ?? [])].map((line) =>
          indent(wrap(printable(line), 92), 8),
        ),
      ].join('\n'),
    ),
    verdict,
  ];
  return {
    json: { ok: !errors && failed === 0, file: context.file, problems, tried },
    text: context.secrets.strip(lines.join('\n')),
    exit: errors ? EXIT.usage : failed > 0 ? EXIT.failed : EXIT.done,
  };
}

/** Of the settings; and where these can be used, of the rules too. */
async function allProblems(context: Context): Promise<readonly Problem[]> {
  let settings: Settings;
  try {
    settings = context.settings();
  } catch (error) {
    if (error instanceof CommandError && error.problems.length > 0) return error.problems;
    throw error;
  }
  const document = context.document();
  const loaded = await loadViewsOf(context, false);
  // Of an empty folder one warning is enough.
  const rules = [
    ...loaded.problems.filter((p) => p.severity === 'error' || p.place !== undefined),
    ...(loaded.views === undefined ? [] : runRuleTests(loaded.views, new Date())),
  ];
  if (document === undefined) return rules;
  const count = loaded.views?.rules.rules.length ?? 1;
  return [
    ...rules,
    ...tlsProblems(settings, document),
    ...warnings(settings, { document, env: context.io.env, rules: count }),
  ];
}

/** Certificates and keys that the service would refuse to start with. */
function tlsProblems({ server }: Settings, document: SettingsDocument): Problem[] {
  return [
    { path: ['server', 'tls'], files: server.tls },
    { path: ['server', 'scim', 'tls'], files: server.scim?.tls },
  ].flatMap(({ path, files }) => {
    try {
      if (files !== undefined) readIdentity(files);
      return [];
    } catch (error) {
      const { message, remedy } = error as CannotListen;
      const place = document.place(path);
      return [{ severity: 'error' as const, message, remedy, place, excerpt: document.excerpt(place) }];
    }
  });
}

/** `leftOver` takes the warnings about what only the store still knows. */
async function tryOut(context: Context, leftOver: Problem[]): Promise<Tried[]> {
  const settings = context.settings();
  const shown = progress(context.io, 'trying to connect');
  try {
    const store = await tryStore(settings, leftOver);
    const targets = await Promise.all(settings.targets.map((target) => tryTarget(target, settings)));
    const sources = await Promise.all(settings.sources.map(trySource));
    return [store, ...sources, ...targets];
  } finally {
    shown.done();
  }
}

async function trySource(settings: SourceSettings): Promise<Tried> {
  const { id, type } = settings;
  const kind = directoryKinds.find((k) => k.type === type);
  if (kind === undefined) {
    return { what: 'source', id, ok: true, message: `${type}: it connects to us, nothing to try` };
  }
  const { directory } = kind.open(settings);
  try {
    const found = await directory.check(AbortSignal.timeout(LIMIT_MS));
    return { what: 'source', id, ok: true, message: `${type}: address, credentials and rights are right`, found };
  } catch (error) {
    return failed('source', id, error);
  } finally {
    await directory.close();
  }
}

async function tryStore(settings: Settings, leftOver: Problem[]): Promise<Tried> {
  const { store } = settings;
  const id = store.kind;
  const fine = (message: string): Tried => ({ what: 'store', id, ok: true, message });
  // Trying it out must not make it.
  if (store.kind === 'embedded' && !existsSync(store.folder)) return fine('the first start makes it');
  try {
    const server = store.kind === 'embedded' ? await openEmbedded(store.folder) : undefined;
    const config = server?.config ?? { connectionString: store.kind === 'postgres' ? store.url : '' };
    const { db, pool, close } = openDb(config);
    try {
      const pending = await pendingMigrations(pool);
      const { rows } = await pool.query<{ version: string }>(`select current_setting('server_version') as version`);
      if (pending.length === 0) {
        leftOver.push(...(await retiredWarnings(db, settings)), ...(await sourceWarnings(db, settings)));
        leftOver.push(...(await specialOnStore(db, settings)));
        const { views } = loadViews(settings, undefined, await knownSources(db));
        if (views !== undefined) leftOver.push(...(await rulesOnStore(db, views, new Date())));
        const recovery = await recoveryNow(db, settings.witness);
        if (recovery !== undefined) leftOver.push({ ...inRecovery(recovery), severity: 'warning' });
      }
      const state = pending.length === 0 ? 'up to date' : 'the next start of the service brings it up to date';
      return fine(`PostgreSQL ${rows[0]?.version ?? ''}, ${state}`);
    } catch (error) {
      throw asUnavailable(error, config) ?? error;
    } finally {
      await close();
      await server?.close();
    }
  } catch (error) {
    return failed('store', id, error);
  }
}

async function retiredWarnings(db: Db, settings: Settings): Promise<Problem[]> {
  const { sources, targets } = retired(settings, await countRecords(db), await targetStates(db));
  const warn = (what: string, id: string, then: string): Problem => ({
    severity: 'warning',
    message: `${what} ${id} is in the store and not in the settings any more: ${then}`,
    remedy: 'Put it back into the settings, or leave it if that is meant.',
  });
  return [
    ...sources.map((id) => warn('source', id, 'its people stay as they are, and nobody is removed')),
    ...targets.map((id) => warn('target', id, 'what was given there stays, and no work is done there')),
  ];
}

async function sourceWarnings(db: Db, settings: Settings): Promise<Problem[]> {
  const now = new Date();
  const warn = (message: string, remedy: string): Problem => ({ severity: 'warning', message, remedy });
  const said = heardOf(settings, await listTokens(db), now).flatMap(({ id, silent, lastHeard, ending }) => [
    ...ending.map((token) => warn(endingMessage(id, token, now), endingRemedy(id))),
    ...(silent
      ? [
          warn(
            `source ${id} is silent: last heard ${when(lastHeard)}`,
            'See whether its client still runs, and its token.',
          ),
        ]
      : []),
  ]);
  const known = new Set(
    [...scimSources(settings).values()].flatMap(({ types }) =>
      (types ?? []).flatMap((t) => t.extensions.map((e) => e.id)),
    ),
  );
  const undeclared = (await storedExtensions(db)).filter(({ urn }) => !known.has(urn));
  return [
    ...said,
    ...undeclared.map(({ source, urn, records }) =>
      warn(
        `${records} records of source ${source} hold values of ${urn}, which no settings declare any more`,
        'They are not shown, and go with the next write of each record. Declare the schema again to keep them.',
      ),
    ),
  ];
}

async function tryTarget(target: TargetSettings, settings: Settings): Promise<Tried> {
  const { id } = target;
  const reachable = target.simulator ? await findSimulator(target, settings.data) : target;
  if (reachable === undefined) {
    return {
      what: 'target',
      id,
      ok: true,
      message: 'built-in simulator: it runs with the service, which is not running',
    };
  }
  const opened = openTargets([reachable], 'check').get(id);
  if (opened === undefined) throw new Error(`target ${id} was not opened`);
  try {
    await opened.check(AbortSignal.timeout(LIMIT_MS));
    return { what: 'target', id, ok: true, message: 'address, key, clock and rights are right' };
  } catch (error) {
    return failed('target', id, error);
  } finally {
    await opened.close();
  }
}

function failed(what: Tried['what'], id: string, error: unknown): Tried {
  const message = error instanceof Error ? error.message : String(error);
  const late = error instanceof Error && error.name === 'TimeoutError';
  const remedy =
    error instanceof Failure || (error instanceof Error && 'remedy' in error) ? (error as Failure).remedy : undefined;
  return {
    what,
    id,
    ok: false,
    message: late ? `no answer within ${LIMIT_MS / 1000} s` : message,
    ...(remedy === undefined ? {} : { remedy }),
  };
}
