import type { SourceSettings } from '../../model/settings.ts';
import type { Directory, DirectoryKind } from '../directory.ts';
import { readingSettings } from '../options.ts';
import { checkAccess } from './check.ts';
import { optionsJsonSchema } from './options.ts';
import { beginReading } from './reading.ts';
import { declaredBy, setupOf } from './setup.ts';
import type { Connection } from './wire/index.ts';

/** An LDAP directory. Connects to nothing until it is asked for something, and stays connected to nothing after. */
export function openLdap(settings: SourceSettings): Directory {
  const { setup } = setupOf(settings);
  const open = new Set<Connection>();
  return {
    id: settings.id,
    scope: setup.scope,
    check: (signal) => checkAccess(setup, signal),
    read: (since, signal) =>
      beginReading(setup, since, signal, ({ connection }) => {
        for (const one of open) if (one.ended) open.delete(one);
        open.add(connection);
      }),
    close: async () => {
      for (const connection of open) connection.destroy();
      open.clear();
    },
  };
}

export const ldap: DirectoryKind = {
  type: 'ldap',
  about: 'An LDAP directory that is read on schedule: Active Directory, OpenLDAP, 389 Directory Server and others.',
  optionsSchema: optionsJsonSchema,
  open: (settings) => {
    const { options } = setupOf(settings);
    return { directory: openLdap(settings), reading: readingSettings(options) };
  },
  attributes: (settings) => declaredBy(setupOf(settings).setup),
};
