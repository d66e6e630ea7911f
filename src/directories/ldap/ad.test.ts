/** The directory contract on a real Active Directory (Samba), behind a proxy that breaks things and keeps to AD's limits. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test, type TestContext } from 'node:test';
import { directoryContract } from '../../../test/contracts/directory.ts';
import { DOMAIN, noSamba, type SambaAd, startSamba } from '../../../test/services/samba.ts';
import { ldapProxy } from '../../../test/support/ldap/proxy.ts';
import { rdnValue } from '../../../test/support/ldap/openldap.ts';
import { Failure } from '../../model/failure.ts';
import type { Fact, PersonRecord } from '../../model/facts.ts';
import type { Directory } from '../directory.ts';
import { openLdap } from './index.ts';
import { guidOf, toFileTime } from './values.ts';

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

  const signal = (): AbortSignal => AbortSignal.timeout(60_000);
  interface Taken {
    readonly scope: string;
    readonly facts: readonly Fact[];
    readonly cursor: string;
    readonly notes: readonly string[];
  }
  const take = async (directory: Directory, since?: string): Promise<Taken> => {
    const reading = await directory.read(since, signal());
    const facts: Fact[] = [];
    for await (const fact of reading.facts) facts.push(fact);
    const end = reading.end();
    assert.ok(end.sealed, end.sealed ? '' : end.because);
    return { scope: reading.scope, facts, cursor: end.cursor ?? '', notes: end.notes ?? [] };
  };
  const people = ({ facts }: Taken): PersonRecord[] => facts.flatMap((f) => (f.type === 'person' ? [f.person] : []));
  const members = ({ facts }: Taken, group: string): string[] =>
    facts.flatMap((f) => (f.type === 'member' && f.group === group ? [f.member] : [])).toSorted();
  const gone = ({ facts }: Taken): Fact[] => facts.filter((f) => f.type === 'gone' || f.type === 'disabled');

  /** A part of the domain, and what it takes to fill and to read it. */
  async function stage(t: TestContext, options: Readonly<Record<string, unknown>> = {}) {
    starting ??= startSamba();
    const samba = await starting;
    const { writer } = samba;
    const proxy = await ldapProxy({
      host: samba.address,
      port: 636,
      tls: { ca: readFileSync(samba.caFile), servername: 'localhost' },
    });
    t.after(() => proxy.close());
    const n = (stages += 1);
    const root = `OU=stage-${n},${DOMAIN}`;
    await writer.add(root, { objectClass: ['organizationalUnit'] });
    const dn = (name: string): string => `CN=${rdnValue(name)},${root}`;
    const add = async (name: string, values: Readonly<Record<string, readonly string[]>>): Promise<string> => {
      await writer.add(dn(name), { ...values, sAMAccountName: [`${name}-${n}`] });
      return guidOf(await writer.getBytes(dn(name), 'objectGUID'));
    };
    const user = (name: string, more: Readonly<Record<string, readonly string[]>> = {}): Promise<string> =>
      add(name, { objectClass: ['user'], userAccountControl: [ENABLED], ...more });
    const group = (name: string, list: readonly string[] = []): Promise<string> =>
      add(name, { objectClass: ['group'], ...(list.length === 0 ? {} : { member: list }) });
    const source = openLdap({
      id: 'corp',
      type: 'ldap',
      options: {
        flavor: 'ad',
        url: proxy.url,
        bindDn: samba.administrator.dn,
        password: samba.administrator.password,
        base: root,
        timeout: '20s',
        ...options,
      },
    });
    t.after(() => source.close());
    return { samba, writer, proxy, root, dn, user, group, source };
  }

  test('primary groups, which stand in no list, in full readings and in changes', async (t) => {
    const { writer, dn, user, group, source, root } = await stage(t);
    const [ann, bob] = [await user('ann'), await user('bob')];
    const [old, next] = [await group('old', [dn('ann')]), await group('next', [dn('ann'), dn('bob')])];
    const rid = (await writer.getBytes(dn('old'), 'objectSid')).readUInt32LE(24);
    await writer.modify(dn('ann'), 'replace', { primaryGroupID: [String(rid)] });
    const first = await take(source);
    assert.deepEqual(members(first, old), [ann]);
    assert.deepEqual(members(first, next), [ann, bob].toSorted());
    const other = (await writer.getBytes(dn('next'), 'objectSid')).readUInt32LE(24);
    await writer.modify(dn('ann'), 'replace', { primaryGroupID: [String(other)] });
    const second = await take(source, first.cursor);
    assert.equal(second.scope, 'changes');
    assert.deepEqual(
      [...new Set(members(second, next))],
      [ann, bob].toSorted(),
      'the list is whole, with those who are in it by number',
    );
    assert.deepEqual(members(second, old), [ann], 'the old primary group became a usual one');
    assert.ok(!people(second).some((p) => p.id === bob));
    assert.ok(root.length > 0);
  });

  test('who moves out of the base is out of scope; who was disabled on the way is disabled; who is deleted is gone', async (t) => {
    const { writer, dn, user, group, source } = await stage(t);
    const [moved, left, deleted, stays] = [
      await user('moved'),
      await user('left'),
      await user('deleted'),
      await user('stays'),
    ];
    const team = await group('team', [dn('deleted'), dn('stays')]);
    const { cursor } = await take(source);
    const elsewhere = `OU=elsewhere-${stages},${DOMAIN}`;
    await writer.add(elsewhere, { objectClass: ['container'].map(() => 'organizationalUnit') });
    const after = (await take(source, cursor)).cursor;
    await writer.rename(dn('moved'), 'CN=moved', elsewhere);
    await writer.modify(dn('left'), 'replace', { userAccountControl: [DISABLED] });
    await writer.rename(dn('left'), 'CN=left', elsewhere);
    await writer.remove(dn('deleted'));
    await writer.add(`CN=pc,${elsewhere}`, { objectClass: ['computer'], sAMAccountName: [`pc${stages}$`] });
    const taken = await take(source, after);
    assert.equal(taken.scope, 'changes');
    const pc = guidOf(await writer.getBytes(`CN=pc,${elsewhere}`, 'objectGUID'));
    assert.ok(!taken.facts.some((f) => 'id' in f && f.id === pc), 'a computer is nobody');
    assert.deepEqual(
      gone(taken)
        .filter((f) => [moved, left, deleted].includes('id' in f ? (f.id ?? '') : ''))
        .toSorted((a, b) => (a.type + JSON.stringify(a) < b.type + JSON.stringify(b) ? -1 : 1)),
      [
        { type: 'disabled' as const, id: left },
        { type: 'gone' as const, id: deleted, evidence: 'explicit' as const },
        { type: 'gone' as const, id: moved, evidence: 'scoped-out' as const },
      ].toSorted((a, b) => (a.type + JSON.stringify(a) < b.type + JSON.stringify(b) ? -1 : 1)),
    );
    assert.deepEqual(people(taken), []);
    assert.ok(!taken.facts.some((f) => f.type === 'gone' && f.id === stays));
    const full = await take(source);
    assert.deepEqual(members(full, team), [stays]);
    assert.deepEqual(
      people(full).map((p) => p.id),
      [stays],
    );
  });

  test('an end date that passes by itself disables, though nothing changed', async (t) => {
    const { user, source } = await stage(t);
    const soon = new Date(Date.now() + 1_500);
    const ann = await user('ann', { accountExpires: [toFileTime(soon)] });
    await user('bob', { accountExpires: ['0'] });
    const eve = await user('eve', { accountExpires: [toFileTime(new Date(Date.now() - 86_400_000))] });
    let { cursor, ...first } = await take(source);
    const states = new Map(people({ ...first, cursor }).map((p) => [p.id, p.active]));
    assert.equal(states.get(eve), false);
    assert.equal([...states.values()].filter(Boolean).length >= 1, true);
    assert.deepEqual(
      people({ ...first, cursor }).find((p) => p.id === ann)?.attributes['accountExpires'],
      new Date(Math.floor(soon.getTime())),
    );
    let active = states.get(ann);
    while (active !== false) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const next = await take(source, cursor);
      cursor = next.cursor;
      active = people(next).find((p) => p.id === ann)?.active ?? active;
    }
  });

  test('lock-out, a password that has to be changed and a computer say nothing; a shared mailbox is nobody', async (t) => {
    const { writer, dn, user, source, proxy, group } = await stage(t);
    const [ann, room] = [await user('ann', { pwdLastSet: ['0'] }), await user('room')];
    await writer.add(dn('pc'), { objectClass: ['computer'], sAMAccountName: [`pc-${stages}$`] });
    await group('list', [dn('pc'), dn('ann')]);
    await writer.add(dn('mail'), { objectClass: ['group'], sAMAccountName: [`mail-${stages}`], groupType: ['2'] });
    proxy.breaks.rewrite = (entry) =>
      entry.dn.includes('CN=room')
        ? { ...Object.fromEntries(entry.values), msexchrecipienttypedetails: ['16'] }
        : undefined;
    const taken = await take(source);
    assert.deepEqual(
      people(taken).map((p) => [p.id, p.active]),
      [[ann, true]],
    );
    assert.deepEqual(gone(taken), [{ type: 'gone', id: room, evidence: 'scoped-out' }]);
    assert.deepEqual(
      taken.facts.flatMap((f) => (f.type === 'group' ? [f.group.displayName] : [])),
      ['list'],
      'distribution lists are no groups',
    );
  });

  test('members of another forest are left out and told of; managers are told by id', async (t) => {
    const { writer, dn, user, group, source } = await stage(t);
    const boss = await user('boss');
    await user('ann', { manager: [dn('boss')] });
    const team = await group('team', [dn('boss')]);
    await writer.modify(dn('team'), 'add', { member: ['<SID=S-1-5-21-1111111111-2222222222-3333333333-1107>'] });
    const taken = await take(source);
    assert.deepEqual(members(taken, team), [boss]);
    assert.deepEqual(taken.notes.length, 1);
    assert.match(taken.notes[0] ?? '', /^1 members of groups come from another forest/);
    assert.equal(people(taken).find((p) => p.attributes['manager'] !== undefined)?.attributes['manager'], boss);
  });

  test('lists in parts, also when the group changes between them', async (t) => {
    const { writer, dn, user, group, source, proxy } = await stage(t);
    const ids: string[] = [];
    for (let i = 0; i < 11; i++) ids.push(await user(`u${i}`));
    const team = await group(
      'team',
      ids.map((_, i) => dn(`u${i}`)),
    );
    proxy.breaks.maxValRange = 4;
    assert.deepEqual(members(await take(source), team), ids.toSorted());
    let changed = false;
    proxy.breaks.onRange = async (_, from) => {
      if (from !== 4 || changed) return;
      changed = true;
      await writer.modify(dn('team'), 'delete', { member: [dn('u0')] });
    };
    const taken = await take(source);
    assert.ok(changed);
    assert.deepEqual(members(taken, team), ids.slice(1).toSorted());
    changed = false;
    proxy.breaks.onRange = async (_, from) => {
      if (from !== 4) return;
      changed = !changed;
      await writer.modify(dn('team'), changed ? 'delete' : 'add', { member: [dn('u1')] });
    };
    const reading = await source.read(undefined, signal());
    const facts: Fact[] = [];
    for await (const fact of reading.facts) facts.push(fact);
    const end = reading.end();
    assert.ok(!end.sealed && /the group team changed again and again/.test(end.because));
    assert.ok(!facts.some((f) => f.type === 'wholeGroup' && f.group === team));
  });

  test('an excluded group has no members, not by number either; references of several values are names', async (t) => {
    const { writer, dn, user, group, source } = await stage(t, {
      excludeGroups: ['Every*'],
      attributes: { lists: { from: 'memberOf', type: 'list<string>' } },
    });
    const ann = await user('ann');
    await group('Everybody', [dn('ann')]);
    const team = await group('team', [dn('ann'), dn('Everybody')]);
    const rid = (await writer.getBytes(dn('Everybody'), 'objectSid')).readUInt32LE(24);
    await writer.modify(dn('ann'), 'replace', { primaryGroupID: [String(rid)] });
    const taken = await take(source);
    assert.deepEqual(
      taken.facts
        .flatMap((f) => (f.type === 'member' ? [`${f.group}>${f.member}`] : []))
        .filter((pair) => pair.endsWith(ann)),
      [`${team}>${ann}`],
    );
    // The primary group of before became a usual one.
    assert.deepEqual(people(taken)[0]?.attributes['lists'], [`CN=Domain Users,CN=Users,${DOMAIN}`, dn('team')]);
  });

  test('another domain controller, and one that was restored, is read whole', async (t) => {
    const { user, source } = await stage(t);
    await user('ann');
    const { cursor } = await take(source);
    const told = JSON.parse(cursor) as Record<string, unknown>;
    const other = await take(source, JSON.stringify({ ...told, invocationId: '00000000-0000-0000-0000-000000000000' }));
    assert.equal(other.scope, 'full');
    assert.deepEqual(other.notes, [
      'everything was read: another domain controller answers, or the same after a restore',
    ]);
    assert.equal((await take(source, JSON.stringify({ ...told, usn: '999999999' }))).scope, 'full');
  });

  test('an ordinary account is enough to read; check says what it can not see', async (t) => {
    const { samba, writer, proxy, dn, user, group, root } = await stage(t);
    await user('reader', { userPrincipalName: [`reader-${stages}@ad.example.test`] });
    await writer.modify(dn('reader'), 'replace', { unicodePwd: [Buffer.from('"Passw0rd!Reader"', 'utf16le')] });
    await writer.modify(dn('reader'), 'replace', { userAccountControl: ['512'] });
    await user('ann', { department: ['SRE'] });
    await group('team', [dn('ann')]);
    const as = (options: object): Directory =>
      openLdap({
        id: 'c',
        type: 'ldap',
        options: {
          flavor: 'ad',
          url: samba.secureUrl,
          caFile: samba.caFile,
          serverName: 'localhost',
          base: root,
          ...options,
        },
      });
    const reader = as({ bindDn: `reader-${stages}@ad.example.test`, password: 'Passw0rd!Reader' });
    const found = await reader.check(signal());
    assert.match(
      found.join('\n'),
      /^2 people below OU=stage-\d+,DC=ad,DC=example,DC=test match \(sAMAccountType=805306368\), such as/m,
    );
    assert.match(found.join('\n'), /^1 groups below .* such as team$/m);
    const first = await take(reader);
    assert.deepEqual(people(first).length, 2);
    // Real domain controllers show deleted objects to administrators only; this one is not as strict.
    for (const code of [32, 50]) {
      proxy.breaks.hides = { base: /^<WKGUID=/, code };
      const { dn: bindDn, password } = samba.administrator;
      const behind = as({ url: proxy.url, bindDn, password });
      assert.match((await behind.check(signal())).join('\n'), /^warning: the account can not see deleted objects/m);
      const before = await take(behind);
      await writer.modify(dn('team'), 'replace', { description: [`now ${code}`] });
      const after = await take(behind, before.cursor);
      assert.equal(after.scope, 'changes', 'everything else is read all the same');
    }
    const administrator = await as({
      bindDn: samba.administrator.dn,
      password: samba.administrator.password,
      userFilter: '(&(sAMAccountType=805306368)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))',
    }).check(signal());
    assert.ok(!administrator.some((line) => line.includes('deleted objects')));
    assert.ok(administrator.some((line) => line.startsWith('warning: userFilter leaves out disabled accounts')));
  });

  test('a sign-in without TLS, with a wrong password and of a disabled account says what is wrong', async (t) => {
    const { samba, user, dn } = await stage(t);
    await user('off', { userAccountControl: ['546'] });
    const says = async (options: object, pattern: RegExp): Promise<void> => {
      const source = openLdap({
        id: 'c',
        type: 'ldap',
        options: {
          flavor: 'ad',
          url: `ldap://${samba.address}`,
          bindDn: samba.administrator.dn,
          password: samba.administrator.password,
          ...options,
        },
      });
      await assert.rejects(source.check(signal()), (error) => {
        assert.ok(error instanceof Failure, String(error));
        assert.match(error.message, pattern);
        assert.equal(error.verdict.kind, 'broken');
        return true;
      });
    };
    await says({}, /takes no password without TLS/);
    const secure = { url: samba.secureUrl, caFile: samba.caFile, serverName: 'localhost' };
    await says({ ...secure, password: 'wrong' }, /the name or the password is wrong/);
    await says({ ...secure, caFile: undefined }, /is not trusted/);
    await says({ ...secure, bindDn: dn('off'), password: 'x' }, /refused the sign-in/);
  });
});

/** The name that people sign in with is no text any more. */
const garble =
  (dn: string) => (entry: { readonly dn: string; readonly values: ReadonlyMap<string, readonly Buffer[]> }) =>
    entry.dn.endsWith(dn)
      ? { ...Object.fromEntries(entry.values), userprincipalname: [Buffer.from([0xff, 0xfe])] }
      : undefined;
