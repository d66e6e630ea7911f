import type { Log } from '../log.ts';
import type { Settings } from '../model/settings.ts';
import type { Db } from '../store/db.ts';
import { listTokens, type TokenInfo } from '../store/tokens.ts';
import { scimSources } from './scim-sources.ts';

const DAY = 86_400_000;
/** From when on a token's end is told. */
export const ENDS_SOON = 30 * DAY;
const LOOK_EVERY = 60_000;

/** A valid token that ends within 30 days, or has ended and was not revoked. */
export interface EndingToken {
  readonly id: string;
  readonly name: string;
  readonly expiresAt: Date;
  readonly expired: boolean;
}

/** What a SCIM client made itself heard by, and whether that is too long ago. */
export interface Heard {
  readonly id: string;
  /** Last request with a valid token, to the minute; null when there was none. */
  readonly lastHeard: Date | null;
  /** Milliseconds; null when the settings name none. */
  readonly maxSilence: number | null;
  readonly silent: boolean;
  readonly ending: readonly EndingToken[];
}

/**
 * Every SCIM source of the settings. It is silent when nothing was heard for `maxSilence`, counted from its first token
 * on where it never was. An expired token is told as long as no valid one has taken its place.
 */
export function heardOf(settings: Settings, tokens: readonly TokenInfo[], now: Date): Heard[] {
  return [...scimSources(settings).values()].map(({ id, maxSilence }) => {
    const own = tokens.filter((token) => token.source === id);
    const used = own.flatMap(({ lastUsedAt }) => (lastUsedAt === null ? [] : [lastUsedAt.getTime()]));
    const lastHeard = used.length === 0 ? null : new Date(Math.max(...used));
    const since = lastHeard?.getTime() ?? Math.min(...own.map((token) => token.createdAt.getTime()));
    return {
      id,
      lastHeard,
      maxSilence: maxSilence ?? null,
      silent: maxSilence !== undefined && now.getTime() - since > maxSilence,
      ending: own.flatMap((token) => ending(token, own, now)),
    };
  });
}

function ending({ id, name, expiresAt, revokedAt }: TokenInfo, all: readonly TokenInfo[], now: Date): EndingToken[] {
  if (expiresAt === null || revokedAt !== null || expiresAt.getTime() - now.getTime() > ENDS_SOON) return [];
  const expired = expiresAt <= now;
  const replaced = all.some((t) => t.revokedAt === null && (t.expiresAt === null || t.expiresAt > now));
  return expired && replaced ? [] : [{ id, name, expiresAt, expired }];
}

/** What there is to say of tokens that end, for `check` and the log. */
export function endingMessage(source: string, { name, expiresAt, expired }: EndingToken, now: Date): string {
  const days = Math.max(0, Math.floor((expiresAt.getTime() - now.getTime()) / DAY));
  return expired
    ? `token "${name}" of source ${source} has expired, and no other is valid: its client is shut out`
    : `token "${name}" of source ${source} ends in ${days} ${days === 1 ? 'day' : 'days'}`;
}

export const endingRemedy = (source: string): string =>
  `Make another (drawbridge tokens create --source ${source}), give it to the client, then revoke this one.`;

/** Says once a day which tokens end soon, and once when a source falls silent or is heard again. Gives how to stop. */
export function watchSources(options: { db: Db; settings(): Settings; log: Log; everyMs?: number }): () => void {
  const { db, log } = options;
  const told = new Map<string, number>();
  const silent = new Set<string>();
  const daily = (key: string, at: Date, say: () => void): void => {
    const last = told.get(key);
    if (last !== undefined && at.getTime() - last < DAY) return;
    told.set(key, at.getTime());
    say();
  };
  const look = async (): Promise<void> => {
    const now = new Date();
    for (const one of heardOf(options.settings(), await listTokens(db), now)) {
      for (const token of one.ending) {
        daily(`token/${token.id}`, now, () =>
          log.warn(
            { source: one.id, tokenId: token.id, expiresAt: token.expiresAt, remedy: endingRemedy(one.id) },
            endingMessage(one.id, token, now),
          ),
        );
      }
      const { id: source, lastHeard, maxSilence } = one;
      if (one.silent) {
        silent.add(source);
        daily(`silent/${source}`, now, () =>
          log.warn({ source, lastHeard, maxSilence }, `source ${source} is silent: nobody is removed for that`),
        );
      } else if (silent.delete(source)) {
        told.delete(`silent/${source}`);
        log.info({ source, lastHeard }, `source ${source} is heard again`);
      }
    }
  };
  const quietly = (): void => void look().catch((error: unknown) => log.debug({ err: error }, 'sources not looked at'));
  quietly();
  const timer = setInterval(quietly, options.everyMs ?? LOOK_EVERY);
  timer.unref();
  return () => clearInterval(timer);
}
