import type { Settings } from '../model/settings.ts';
import type { Db } from '../store/db.ts';
import { countRecords } from '../store/people-list.ts';
import { listTokens } from '../store/tokens.ts';
import { add, group, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { table, when } from './text.ts';

interface SourceState {
  readonly id: string;
  readonly type: string;
  readonly users: number;
  readonly groups: number;
  readonly lastChange: Date | null;
  /** Last time that one of its tokens was used. */
  readonly lastSeen: Date | null;
  readonly tokens: number;
  readonly address: string;
}

/** `sources list|show` */
export function addSources(program: Program): void {
  const sources = group(program, 'sources', 'where people come from', 'sources list');
  add(program, sources, {
    usage: 'list',
    about: 'every source, how much it told of and when',
    examples: ['sources list'],
    run: async (context) => {
      const states = await context.withStore(({ db }, settings) => readSources(db, settings));
      const rows = states.map((s) => [
        s.id,
        s.type,
        String(s.users),
        String(s.groups),
        when(s.lastChange),
        when(s.lastSeen),
      ]);
      return { json: states, text: table(['SOURCE', 'TYPE', 'USERS', 'GROUPS', 'LAST CHANGE', 'LAST SEEN'], rows) };
    },
  });
  add(program, sources, {
    usage: 'show <id>',
    about: 'one source: address, tokens, how much it told of and when',
    examples: ['sources show okta'],
    run: async (context, _options, id = '') => {
      const states = await context.withStore(({ db }, settings) => readSources(db, settings));
      const state = states.find((s) => s.id === id);
      if (state === undefined) {
        const known = states.map((s) => s.id).join(', ');
        throw new CommandError(EXIT.usage, `there is no source "${id}"`, {
          remedy: `Sources in ${context.file}: ${known}.`,
        });
      }
      const lines = [
        `${state.id}  ${state.type}`,
        `  address      ${state.address}`,
        `  told of      ${state.users} users, ${state.groups} groups`,
        `  last change  ${when(state.lastChange)}`,
        `  last seen    ${when(state.lastSeen)}`,
        `  tokens       ${state.tokens} valid${state.tokens === 0 ? `: make one with drawbridge tokens create --source ${state.id}` : ''}`,
      ];
      return { json: state, text: lines.join('\n') };
    },
  });
}

async function readSources(db: Db, settings: Settings): Promise<SourceState[]> {
  const [counts, tokens] = [await countRecords(db), await listTokens(db)];
  const { host, port, publicUrl } = settings.server;
  const base = publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return settings.sources.map(({ id, type }) => {
    const row = counts.find((r) => r.source === id);
    const own = tokens.filter((t) => t.source === id);
    const used = own.flatMap((t) => (t.lastUsedAt === null ? [] : [t.lastUsedAt.getTime()]));
    const valid = own.filter(
      (t) => t.revokedAt === null && (t.expiresAt === null || t.expiresAt.getTime() > Date.now()),
    );
    return {
      id,
      type,
      users: row?.users ?? 0,
      groups: row?.groups ?? 0,
      lastChange: row?.lastChange ?? null,
      lastSeen: used.length === 0 ? null : new Date(Math.max(...used)),
      tokens: valid.length,
      address: `${base}/scim/${id}/v2`,
    };
  });
}
