import type { Place, Problem } from '../model/rules.ts';
import type { Settings } from '../model/settings.ts';
import type { SettingsDocument } from './document.ts';
import { literalSecrets } from './literals.ts';
import type { Env } from './load.ts';

/** What `check` tells of settings that can be used as they are. `rules` is the number of rules loaded. */
export function warnings(
  settings: Settings,
  context: { document: SettingsDocument; env: Env; rules: number },
): Problem[] {
  const { document, env, rules } = context;
  const said: Problem[] = [];
  const literals = literalSecrets(document.value);
  const hidden = literals.map((literal) => literal.value);
  const warn = (place: Place | undefined, message: string, remedy: string): void => {
    const shown = place === undefined ? {} : { place, excerpt: document.excerpt(place, hidden) };
    said.push({ severity: 'warning', message, remedy, ...shown });
  };
  const top = document.value as Readonly<Record<string, unknown>>;
  if (settings.targets.length === 0) {
    warn(
      undefined,
      'no targets: people are recorded, and nobody gets access',
      'Add one under targets:, for example with simulator: true.',
    );
  }
  if (rules === 0) {
    warn(
      undefined,
      `no rules in ${settings.rules}: nobody is given access`,
      'Write one; config/rules of the project has examples.',
    );
  }
  if (top['queue'] === undefined) {
    warn(undefined, 'queue is not set: jobs wait in the store', 'Nothing to do; write "queue: {}" to say so.');
  }
  if ((env['DRAWBRIDGE_KEY'] ?? '') === '') {
    warn(
      undefined,
      'DRAWBRIDGE_KEY is not set: secrets can only be referred to in the settings, not kept in the store',
      'Nothing to do as long as sources and targets stand in the settings file.',
    );
  }
  const listening = [
    ['server', settings.server, 'the service'],
    ['server.scim', settings.server.scim, 'SCIM'],
  ] as const;
  for (const [name, one, what] of listening) {
    if (one === undefined || isLocal(one.host) || one.tls !== undefined) continue;
    if (one.publicUrl?.startsWith('https://') === true) continue;
    warn(
      document.place([...name.split('.'), 'listen']),
      `${what} listens on ${one.host} in plain HTTP: tokens can be read on the way`,
      `Set ${name}.tls, or put a proxy with TLS in front and set ${name}.publicUrl to its https address.`,
    );
  }
  for (const { path } of literals) {
    const message = `${path.join('.')} stands in the file itself`;
    warn(document.place(path), message, 'Refer to it: ${env:NAME} or ${file:PATH}.');
  }
  return said;
}

const isLocal = (host: string): boolean => /^(localhost|::1|127(\.\d+){3})$/.test(host);
