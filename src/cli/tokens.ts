import { parseDuration } from '../config/duration.ts';
import { suggest } from '../model/suggest.ts';
import { appendEvents } from '../store/events.ts';
import { createToken, listTokens, revokeToken, type TokenInfo } from '../store/tokens.ts';
import { add, group, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { table, when } from './text.ts';

/** `tokens create|list|revoke` */
export function addTokens(program: Program): void {
  const tokens = group(program, 'tokens', 'tokens that SCIM clients present', 'tokens list');
  add<{ source: string; name?: string; expires?: string }>(program, tokens, {
    usage: 'create',
    about: 'make a token for a source and show it, this once',
    examples: ['tokens create --source okta --name "Okta production" --expires 365d'],
    options: (command) =>
      command
        .requiredOption('--source <id>', 'the source whose SCIM client will use it')
        .option('--name <text>', 'what it is for (default: the source)')
        .option('--expires <duration>', 'when it ends, such as 90d (default: never)'),
    run: async (context, options) => {
      const settings = context.settings();
      const ids = settings.sources.map((source) => source.id);
      if (!ids.includes(options.source)) {
        const near = suggest(options.source, ids);
        throw new CommandError(EXIT.usage, `there is no source "${options.source}"`, {
          remedy: `${near === undefined ? '' : `Did you mean ${near}? `}Sources in ${context.file}: ${ids.join(', ')}.`,
        });
      }
      const expiresAt = expiry(options.expires);
      return context.withStore(async ({ db }) => {
        const made = await db.tx(async (tx) => {
          const token = await createToken(tx, {
            source: options.source,
            name: options.name ?? options.source,
            createdBy: context.actor,
            ...(expiresAt === undefined ? {} : { expiresAt }),
          });
          const { actor } = context;
          await appendEvents(tx, [{ actor, kind: 'token.created', source: options.source, object: token.id }]);
          return token;
        });
        const { id, source, name, token, createdAt, expiresAt: ends, lastUsedAt } = made;
        return {
          json: { id, source, name, token, createdAt, expiresAt: ends, lastUsedAt },
          text: `${token}\n\nToken ${id} for source ${source}${ends === null ? '' : `, valid until ${when(ends)} UTC`}.\nIt is not shown again. The SCIM client sends it as a bearer token to /scim/${source}/v2.`,
        };
      });
    },
  });
  add(program, tokens, {
    usage: 'list',
    about: 'all tokens, without the secrets',
    examples: ['tokens list'],
    run: async (context) =>
      context.withStore(async ({ db }) => {
        const all = await listTokens(db);
        if (all.length === 0)
          return { json: [], text: 'No tokens yet. Make one: drawbridge tokens create --source ID' };
        const rows = all.map((t) => [
          t.id,
          t.source ?? t.scopes.join(','),
          t.name,
          tokenState(t),
          when(t.createdAt),
          when(t.lastUsedAt),
        ]);
        return { json: all, text: table(['ID', 'FOR', 'NAME', 'STATE', 'MADE', 'LAST USED'], rows) };
      }),
  });
  add(program, tokens, {
    usage: 'revoke <id>',
    about: 'end a token, from the next request on',
    examples: ['tokens revoke tok_8jW1cPq0aZx2'],
    run: async (context, _options, id = '') =>
      context.withStore(async ({ db }) => {
        await db.tx(async (tx) => {
          if (!(await revokeToken(tx, id))) {
            throw new CommandError(EXIT.nothing, `there is no valid token ${id}`, {
              remedy: 'See: drawbridge tokens list',
            });
          }
          await appendEvents(tx, [{ actor: context.actor, kind: 'token.revoked', object: id }]);
        });
        return { json: { id, revoked: true }, text: `Token ${id} is revoked.` };
      }),
  });
}

function expiry(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) {
    throw new CommandError(EXIT.usage, `--expires: "${text}" is no duration`, {
      remedy: 'Write it like 90d, 12h or 30m.',
    });
  }
  return new Date(Date.now() + ms);
}

/** valid, revoked, expired, or until when it is valid. */
export function tokenState(token: Pick<TokenInfo, 'revokedAt' | 'expiresAt'>): string {
  if (token.revokedAt !== null) return 'revoked';
  if (token.expiresAt === null) return 'valid';
  return token.expiresAt.getTime() <= Date.now() ? 'expired' : `until ${when(token.expiresAt)}`;
}
