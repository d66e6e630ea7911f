/** The directory contract on a real Active Directory (Samba), behind a proxy that breaks things and keeps to AD's limits. */
import { readFileSync } from 'node:fs';
import { after, describe } from 'node:test';
import { directoryContract } from '../../../test/contracts/directory.ts';
import { DOMAIN, noSamba, type SambaAd, startSamba } from '../../../test/services/samba.ts';
import { ldapProxy } from '../../../test/support/ldap/proxy.ts';
import { rdnValue } from '../../../test/support/ldap/openldap.ts';
import { openLdap } from './index.ts';
import { guidOf } from './values.ts';

const DISABLED = '546';
const ENABLED = '544';

describe('Active Directory', { skip: noSamba }, () => {
  let starting: Promise<SambaAd> | undefined;
  let stages = 0;
  after(async () => (await starting)?.close());

  directoryContract('ldap, Active Directory', async () => {
    starting ??= startSamba();
    const samba = await starting;
    const { writer } = samba;
    const proxy = await ldapProxy({
      host: samba.address,
      port: 636,
      tls: { ca: readFileSync(samba.caFile), servername: 'localhost' },
    });
    const root = `OU=stage-${(stages += 1)},${DOMAIN}`;
    await writer.add(root, { objectClass: ['organizationalUnit'] });
    const names = new Map<string, string>();
    const dn = (id: string): string => names.get(id) ?? `nobody has the id ${id}`;
    const add = async (name: string, values: Readonly<Record<string, readonly string[]>>): Promise<string> => {
      const entry = `CN=${rdnValue(name)},${root}`;
      await writer.add(entry, { ...values, sAMAccountName: [`${name}-${stages}`] });
      const id = guidOf(await writer.getBytes(entry, 'objectGUID'));
      names.set(id, entry);
      return id;
    };
    const open = (options: Readonly<Record<string, unknown>> = {}) =>
      openLdap({
        id: 'corp',
        type: 'ldap',
        options: {
          flavor: 'ad',
          url: proxy.url,
          bindDn: samba.administrator.dn,
          password: samba.administrator.password,
          base: root,
          pageSize: 3,
          timeout: '10s',
          ...options,
        },
      });
    const directory = open();
    return {
      directory,
      otherScope: () => open({ excludeOus: [`OU=old,${root}`] }),
      wrong: { unreachable: () => open({ url: 'ldap://127.0.0.1:1' }), secret: () => open({ password: 'wrong' }) },
      secret: samba.administrator.password,
      addPerson: (name, more) =>
        add(name, {
          objectClass: ['user'],
          userPrincipalName: [`${name}-${stages}@ad.example.test`],
          userAccountControl: [more?.active === false ? DISABLED : ENABLED],
        }),
      disable: (id) => writer.modify(dn(id), 'replace', { userAccountControl: [DISABLED] }),
      rename: async (id, name) => {
        await writer.modify(dn(id), 'replace', { userPrincipalName: [`${name}@ad.example.test`] });
        await writer.rename(dn(id), `CN=${name}`);
        names.set(id, `CN=${name},${root}`);
      },
      removePerson: (id) => writer.remove(dn(id)),
      addGroup: (name, members) =>
        add(name, { objectClass: ['group'], ...(members.length === 0 ? {} : { member: members.map(dn) }) }),
      join: (group, member) => writer.modify(dn(group), 'add', { member: [dn(member)] }),
      part: (group, member) => writer.modify(dn(group), 'delete', { member: [dn(member)] }),
      tellsRemoval: 'explicit',
      tellsParting: 'wholeGroup',
      // What no counter tells: everything below it may have another name now.
      loseCursors: () => writer.add(`OU=inner,${root}`, { objectClass: ['organizationalUnit'] }),
      breaks: {
        connection: () => void (proxy.breaks.cutOnPage = proxy.searches.length + 5),
        limit: () => void (proxy.breaks.limit = { after: 5, code: 4 }),
        silence: () => void (proxy.breaks.silent = true),
        entry: async (id) => void (proxy.breaks.rewrite = garble(dn(id))),
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
    entry.dn.endsWith(dn)
      ? { ...Object.fromEntries(entry.values), userprincipalname: [Buffer.from([0xff, 0xfe])] }
      : undefined;
