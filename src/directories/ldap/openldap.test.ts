/** The directory contract on a real OpenLDAP, behind a proxy that breaks things. */
import { after, describe } from 'node:test';
import { directoryContract } from '../../../test/contracts/directory.ts';
import { noSlapd, type Slapd, startSlapd, SUFFIX } from '../../../test/services/slapd.ts';
import { ldapProxy } from '../../../test/support/ldap/proxy.ts';
import { addGroup, addUser, groupDn, rdnValue, sourceSettings, userDn } from '../../../test/support/ldap/openldap.ts';
import { openLdap } from './index.ts';

describe('OpenLDAP', { skip: noSlapd }, () => {
  let starting: Promise<Slapd> | undefined;
  let stages = 0;
  after(async () => (await starting)?.close());

  directoryContract('ldap, OpenLDAP', async () => {
    starting ??= startSlapd();
    const slapd = await starting;
    const { writer } = slapd;
    const proxy = await ldapProxy({ port: Number(new URL(slapd.url).port) });
    // Each stage has a part of the tree for itself.
    const root = `ou=stage-${(stages += 1)},${SUFFIX}`;
    await writer.add(root, { objectClass: ['organizationalUnit'] });
    const names = new Map<string, string>();
    const dn = (id: string): string => {
      const found = names.get(id);
      if (found === undefined) throw new Error(`nobody has the id ${id}`);
      return found;
    };
    const named = (id: string, name: string): string => {
      names.set(id, name);
      return id;
    };
    const open = (options: Readonly<Record<string, unknown>> = {}) =>
      openLdap(sourceSettings(slapd, { url: proxy.url, base: root, pageSize: 3, timeout: '10s', ...options }));
    const directory = open();
    return {
      directory,
      otherScope: () => open({ userFilter: '(&(objectClass=inetOrgPerson)(uid=a*))' }),
      wrong: { unreachable: () => open({ url: 'ldap://127.0.0.1:1' }), secret: () => open({ password: 'wrong' }) },
      secret: slapd.reader.password,
      addPerson: async (name, more) => {
        const id = await addUser(slapd, name, {}, root);
        if (more?.active === false)
          await writer.modify(userDn(name, root), 'add', { pwdAccountLockedTime: ['000001010000Z'] });
        return named(id, userDn(name, root));
      },
      disable: (id) => writer.modify(dn(id), 'add', { pwdAccountLockedTime: ['000001010000Z'] }),
      rename: async (id, name) => {
        await writer.rename(dn(id), `uid=${rdnValue(name)}`);
        named(id, userDn(name, root));
      },
      removePerson: (id) => writer.remove(dn(id)),
      addGroup: async (name, members) => named(await addGroup(slapd, name, members.map(dn), root), groupDn(name, root)),
      join: (group, member) => writer.modify(dn(group), 'add', { member: [dn(member)] }),
      part: (group, member) => writer.modify(dn(group), 'delete', { member: [dn(member)] }),
      tellsRemoval: 'readsAll',
      tellsParting: 'wholeGroup',
      loseCursors: async () => {
        // What no change number tells: everything below has another name now.
        const unit = `ou=inner,${root}`;
        await writer.add(unit, { objectClass: ['organizationalUnit'] });
      },
      breaks: {
        connection: () => void (proxy.breaks.cutOnPage = proxy.searches.length + 7),
        limit: () => void (proxy.breaks.limit = { after: 4, code: 4 }),
        silence: () => void (proxy.breaks.silent = true),
        entry: (id) =>
          writer
            .modify(dn(id), 'replace', { displayName: ['x'] })
            .then(() => void (proxy.breaks.rewrite = garble(dn(id)))),
      },
      close: async () => {
        await directory.close();
        await proxy.close();
      },
    };
  });
});

/** The name that people sign in with is no text any more. */
const garble =
  (dn: string) => (entry: { readonly dn: string; readonly values: ReadonlyMap<string, readonly Buffer[]> }) =>
    entry.dn === dn ? { ...Object.fromEntries(entry.values), uid: [Buffer.from([0xff, 0xfe])] } : undefined;
