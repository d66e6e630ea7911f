import type { RequestListener } from 'node:http';
import type { Log } from '../log.ts';
import type { ListenSettings, ServerSettings, TlsFiles } from '../model/settings.ts';
import { addressMatcher } from '../web/addresses.ts';
import { type CannotListen, type Listening, listen } from '../web/server.ts';
import { readIdentity, signOf } from '../web/tls.ts';

/** An address that is served, with its certificate kept current. */
export interface Open extends Listening {
  /** Reads the certificate again, if there is one. */
  refresh(): void;
}

const LOOK_EVERY_MS = 10_000;
const SOON = 14 * 86_400_000;

/** Serves at an address of the settings. Throws `CannotListen`. */
export async function openListener(
  handler: RequestListener,
  { host, port, tls }: ListenSettings,
  options: { readonly log: Log; readonly allowed?: ((address: string) => boolean) | undefined },
): Promise<Open> {
  const { log, allowed } = options;
  const identity = tls === undefined ? undefined : readIdentity(tls);
  const server = await listen(handler, host, port, { identity, allowed });
  if (tls === undefined || identity === undefined) return { ...server, refresh: () => undefined };
  warnOfEnd(log, tls, identity.until);
  let seen = signOf(tls);
  const refresh = (): void => {
    try {
      const next = readIdentity(tls);
      server.identify(next);
      log.info({ certFile: tls.certFile, until: next.until }, 'the certificate was read again');
      warnOfEnd(log, tls, next.until);
    } catch (error) {
      const { message, remedy } = error as CannotListen;
      log.error({ reason: message, remedy }, 'a new certificate was refused; the old one stays');
    }
  };
  const timer = setInterval(() => {
    const now = signOf(tls);
    if (now === seen) return;
    seen = now;
    refresh();
  }, LOOK_EVERY_MS);
  timer.unref();
  return {
    ...server,
    refresh,
    close: async (limitMs) => {
      clearInterval(timer);
      await server.close(limitMs);
    },
  };
}

function warnOfEnd(log: Log, { certFile }: TlsFiles, until: Date): void {
  if (until.getTime() - Date.now() < SOON) log.warn({ certFile, until }, 'the certificate ends soon, or has ended');
}

/** Who may connect to the address of SCIM: whom the settings allow, and proxies, whose clients are looked at later. */
export function allowedPeers({ scim, trustProxy }: ServerSettings): ((address: string) => boolean) | undefined {
  return scim?.allow === undefined ? undefined : addressMatcher([...scim.allow, ...(trustProxy ?? [])]);
}
