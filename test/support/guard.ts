import { spawn } from 'node:child_process';

/**
 * For the end that no handler sees (kill -9): a shell that waits for our end of its pipe to close, then stops the
 * servers below the folder (PostgreSQL, OpenLDAP, Samba) and removes it. Call what it gives once the folder is cleared away in order.
 */
export function guard(folder: string): () => void {
  const script =
    'cat >/dev/null; [ -d "$1" ] || exit 0; for f in "$1"/data/postmaster.pid "$1"/*/postgres/postmaster.pid "$1"/state/*/postmaster.pid; do ' +
    '[ -f "$f" ] && kill -QUIT "$(head -n 1 "$f")"; done; ' +
    'for f in "$1"/slapd.pid "$1"/run/samba.pid; do [ -f "$f" ] && kill -TERM "$(head -n 1 "$f")"; done; sleep 1; rm -rf "$1"';
  const child = spawn('/bin/sh', ['-c', script, 'guard', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => undefined);
  child.unref();
  const stdin = child.stdin as typeof child.stdin & { unref?: () => void };
  stdin.on('error', () => undefined);
  stdin.unref?.();
  return () => stdin.end();
}
