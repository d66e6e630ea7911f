import { heardOf, type Heard } from '../app/watch-sources.ts';
import { formatDuration } from '../config/duration.ts';
import { addSourceActs } from './source-acts.ts';
import { isDirectory, type ReadingsOfSource, readingsOf, readingsText } from './source-readings.ts';
import { suggest } from '../model/suggest.ts';
import type { ListenSettings, Settings } from '../model/settings.ts';
import type { Db } from '../store/db.ts';
import { BURST_LIMIT } from '../model/guard.ts';
import { burstStates } from '../store/leaver-burst.ts';
import { type OperatorWord, sourceStates as knownStates } from '../store/source-state.ts';
import { countDormant, countRecords } from '../store/people-list.ts';
import { listTokens, type TokenInfo } from '../store/tokens.ts';
import { add, group, type Program } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { indent, plural, table, when } from './text.ts';
import { tokenState } from './tokens.ts';

interface SourceState {
  readonly id: string;
  readonly type: string;
  /** `never heard`, `heard`, `silent`. */
  readonly state: string;
  readonly users: number;
  readonly groups: number;
  /** Last write that changed something. */
  readonly lastChange: Date | null;
  /** Last request with a valid token, to the minute. */
  readonly lastHeard: Date | null;
  /** Milliseconds. */
  readonly maxSilence: number | null;
  readonly tokens: readonly TokenInfo[];
  /** An operator's pause. */
  readonly paused: OperatorWord | null;
  /** Who left or was suspended recently, beside how many may at a time. */
  readonly leavers: Leavers;
  readonly address: string;
  /** Of a directory: how it is read. */
  readonly reading?: ReadingsOfSource;
}

interface Leavers {
  /** Within `windowMs`. */
  readonly recently: number;
  /** Null before the service has counted anybody. */
  readonly allowed: number | null;
  /** People who wait for approval because there were more. */
  readonly held: number;
  readonly windowMs: number;
  /** Disabled already when the source first told of them. */
  readonly dormant: number;
}

/** `sources list|show|refresh|accept|retire|succeed` */
export function addSources(program: Program): void {
  const sources = group(program, 'sources', 'where people come from', 'sources list');
  add(program, sources, {
    usage: 'list',
    about: 'every source, how much it told of and when',
    examples: ['sources list'],
    run: async (context) => {
      const states = await readSources(context);
      const rows = states.map((s) => [
        s.id,
        s.type,
        `${s.paused === null ? s.state : 'paused'}${s.leavers.held === 0 ? '' : ', burst'}`,
        String(s.users),
        String(s.groups),
        when(s.lastChange),
        when(s.reading === undefined ? s.lastHeard : s.reading.sealedAt),
      ]);
      const head = ['SOURCE', 'TYPE', 'STATE', 'USERS', 'GROUPS', 'LAST CHANGE', 'LAST HEARD'];
      return { json: states, text: table(head, rows) };
    },
  });
  add(program, sources, {
    usage: 'show <id>',
    about: 'one source: address, tokens, how much it told of and when',
    examples: ['sources show okta'],
    run: async (context, _options, id = '') => {
      const state = await findSource(context, id);
      return { json: state, text: shown(state) };
    },
  });
  addSourceActs(program, sources);
}

function shown(state: SourceState): string {
  if (state.reading !== undefined) {
    const told = `  told of      ${state.users} users, ${state.groups} groups`;
    return [
      `${state.id}  ${state.type}  ${state.state}`,
      told,
      ...leaversText(state),
      ...readingsText(state.reading, state.id),
    ].join('\n');
  }
  const { id, maxSilence, tokens } = state;
  const limit = maxSilence === null ? 'no maxSilence is set' : `maxSilence ${formatDuration(maxSilence)}`;
  const rows = tokens.map((t) => [t.id, t.name, tokenState(t), when(t.createdAt), when(t.lastUsedAt)]);
  return [
    `${id}  ${state.type}  ${state.state}`,
    `  address      ${state.address}`,
    `  told of      ${state.users} users, ${state.groups} groups`,
    `  last change  ${when(state.lastChange)}`,
    `  last heard   ${when(state.lastHeard)} (${limit})`,
    ...leaversText(state),
    '',
    rows.length === 0
      ? `  no tokens: make one with drawbridge tokens create --source ${id}`
      : indent(table(['TOKEN', 'NAME', 'STATE', 'MADE', 'LAST USED'], rows), 2),
  ].join('\n');
}

function leaversText({ id, leavers, paused }: SourceState): string[] {
  const { recently, allowed, held, windowMs, dormant } = leavers;
  const may = allowed === null ? '' : `; ${allowed} may, further ones are held`;
  return [
    ...(paused === null ? [] : [`  PAUSED       ${when(paused.at)} by ${paused.by}: ${paused.reason}`]),
    `  leavers      ${recently} within ${formatDuration(windowMs)}${may}`,
    ...(held === 0
      ? []
      : [
          `  BURST        ${plural(held, 'person', 'people')} held, with access until you decide:`,
          `               drawbridge holds list --filter burst:${id}`,
        ]),
    ...(dormant === 0
      ? []
      : [
          `  dormant      ${dormant} disabled already when first told of:`,
          `               drawbridge people list --filter "source:${id} dormant:yes"`,
        ]),
  ];
}

async function findSource(context: Context, id: string): Promise<SourceState> {
  const states = await readSources(context);
  const state = states.find((s) => s.id === id);
  if (state !== undefined) return state;
  const known = states.map((s) => s.id);
  const near = suggest(id, known);
  throw new CommandError(EXIT.usage, `there is no source "${id}"`, {
    remedy: `${near === undefined ? '' : `Did you mean ${near}? `}Sources in ${context.file}: ${known.join(', ')}.`,
  });
}

const readSources = (context: Context): Promise<SourceState[]> =>
  context.withStore(({ db }, settings) => statesOf(db, settings));

async function statesOf(db: Db, settings: Settings): Promise<SourceState[]> {
  const [counts, tokens, bursts] = [await countRecords(db), await listTokens(db), await burstStates(db)];
  const known = await knownStates(db);
  const dormant = await countDormant(db);
  const heard = heardOf(settings, tokens, new Date());
  const base = addressOf(settings.server.scim ?? settings.server);
  const states = settings.sources.map(({ id, type, leaverBurst = BURST_LIMIT }): SourceState => {
    const row = counts.find((r) => r.source === id);
    const one = heard.find((h) => h.id === id);
    const { leaves = 0, allowed = null, held = 0 } = bursts.find((b) => b.source === id) ?? {};
    return {
      id,
      type,
      state: stateOf(one),
      users: row?.users ?? 0,
      groups: row?.groups ?? 0,
      lastChange: row?.lastChange ?? null,
      lastHeard: one?.lastHeard ?? null,
      maxSilence: one?.maxSilence ?? null,
      paused: known.get(id)?.paused ?? null,
      tokens: tokens.filter((t) => t.source === id),
      leavers: {
        recently: leaves,
        allowed,
        held,
        windowMs: leaverBurst.windowMs,
        dormant: dormant.get(id) ?? 0,
      },
      address: `${base}/scim/${id}/v2`,
    };
  });
  const read = new Set(settings.sources.filter(isDirectory).map((source) => source.id));
  return Promise.all(
    states.map(async (state) => {
      if (!read.has(state.id)) return state;
      const reading = await readingsOf(db, state.id);
      return { ...state, state: reading.state, reading };
    }),
  );
}

const stateOf = (heard: Heard | undefined): string =>
  heard?.silent === true ? 'silent' : heard?.lastHeard == null ? 'never heard' : 'heard';

function addressOf({ publicUrl, host, port, tls }: ListenSettings): string {
  return publicUrl ?? `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
