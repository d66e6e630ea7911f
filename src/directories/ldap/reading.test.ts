/** What is odd about reading directories, on a real OpenLDAP behind a proxy that keeps to the limits of other servers. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';
import { noSlapd, type Slapd, startSlapd, SUFFIX } from '../../../test/services/slapd.ts';
import { addGroup, addUser, groupDn, NOBODY, sourceSettings, userDn } from '../../../test/support/ldap/openldap.ts';
import { ldapProxy, type LdapProxy } from '../../../test/support/ldap/proxy.ts';
import { dbTest } from '../../../test/support/jobs.ts';
import { reader, stands } from '../../../test/support/readings.ts';
import { Failure } from '../../model/failure.ts';
import type { Fact, PersonRecord, Reading } from '../../model/facts.ts';
import type { Directory } from '../directory.ts';
import { openLdap } from './index.ts';

const LIMIT_MS = 60_000;
const signal = (): AbortSignal => AbortSignal.timeout(LIMIT_MS);

interface Taken {
  readonly scope: Reading['scope'];
  readonly facts: readonly Fact[];
  readonly end: ReturnType<Reading['end']>;
}

async function take(directory: Directory, since?: string): Promise<Taken> {
  const reading = await directory.read(since, signal());
  const facts: Fact[] = [];
  for await (const fact of reading.facts) facts.push(fact);
  return { scope: reading.scope, facts, end: reading.end() };
}

const people = ({ facts }: Taken): PersonRecord[] => facts.flatMap((f) => (f.type === 'person' ? [f.person] : []));
const members = ({ facts }: Taken, group: string): string[] =>
  facts.flatMap((f) => (f.type === 'member' && f.group === group ? [f.member] : [])).toSorted();
const isWhole = ({ facts }: Taken, group: string): boolean =>
  facts.some((f) => f.type === 'wholeGroup' && f.group === group);
const cursorOf = ({ end }: Taken): string => {
  assert.ok(end.sealed, end.sealed ? '' : end.because);
  return end.cursor ?? '';
};
const because = ({ end }: Taken): string => (end.sealed ? 'sealed' : end.because);

describe('readings of OpenLDAP', { skip: noSlapd }, () => {
  let slapd: Slapd;
  let proxy: LdapProxy;
  let root: string;
  let parts = 0;
  before(async () => void (slapd = await startSlapd()));
  after(() => slapd?.close());
  beforeEach(async () => {
    proxy = await ldapProxy({ port: Number(new URL(slapd.url).port) });
    root = `ou=part-${(parts += 1)},${SUFFIX}`;
    await slapd.writer.add(root, { objectClass: ['organizationalUnit'] });
  });
  afterEach(() => proxy.close());

  const open = (options: Readonly<Record<string, unknown>> = {}): Directory =>
    openLdap(sourceSettings(slapd, { url: proxy.url, base: root, pageSize: 100, timeout: '20s', ...options }));
  const user = (name: string, more = {}, below = root): Promise<string> => addUser(slapd, name, more, below);
  const group = (name: string, list: readonly string[], below = root): Promise<string> =>
    addGroup(slapd, name, list, below);

  test('names that only a parser of distinguished names survives are members, however the server spells them', async () => {
    const odd = [
      'Müller, Jürgen',
      'Smith + Wesson',
      'Ann "Annie" Oakley',
      'Back\\Slash Bob',
      '#hash Harry',
      'a<b>c; Semi',
      'Equal=Sign Eve',
      'Ti\u0302lde',
      '李 小龍',
      '*Star (Paren)*',
      ' leading',
      'trailing ',
      'İstanbul ı',
    ];
    const ids: string[] = [];
    for (const name of odd) ids.push(await user(name));
    const id = await group('odd, "group"', [...odd.map((name) => userDn(name, root).replace('uid=', 'UID=')), NOBODY]);
    const taken = await take(open());
    assert.deepEqual(
      people(taken)
        .map((p) => p.id)
        .toSorted(),
      ids.toSorted(),
    );
    assert.deepEqual(members(taken, id), ids.toSorted());
    assert.ok(isWhole(taken, id));
    assert.ok(taken.end.sealed);
    assert.deepEqual(taken.end.notes, undefined, 'the placeholder of groups that must not be empty is nobody');
  });

  test('attributes of several values, photos and empty ones are read as rules want them', async () => {
    await user('ann', {
      mail: ['b@example.com', 'a@example.com'],
      title: ['Zweite', 'Erste'],
      givenName: ['Ann'],
      departmentNumber: ['42'],
      employeeNumber: ['007'],
      jpegPhoto: [Buffer.from([0xff, 0xd8, 0xff])],
      description: ['x', 'y'],
      preferredLanguage: ['de'],
    });
    const directory = open({
      attributes: {
        notes: { from: 'description', type: 'list<string>' },
        made: { from: 'createTimestamp', type: 'timestamp' },
        title: false,
        costCenter: ['roomNumber', 'departmentNumber'],
      },
    });
    const [person] = people(await take(directory));
    assert.ok(person);
    assert.deepEqual(person.emails, ['a@example.com', 'b@example.com']);
    const { made, ...attributes } = person.attributes;
    assert.ok(made instanceof Date && Math.abs(made.getTime() - Date.now()) < 3_600_000);
    assert.deepEqual(attributes, {
      dn: userDn('ann', root),
      givenName: 'Ann',
      familyName: 'ann',
      department: '42',
      costCenter: '42',
      employeeNumber: '007',
      preferredLanguage: 'de',
      notes: ['x', 'y'],
    });
  });

  test('lists that come in parts are read whole, and a list that changes meanwhile is read again', async () => {
    const count = 3_001;
    const names = Array.from({ length: count }, (_, i) => `u${i}`);
    const ids = new Map<string, string>();
    for (const name of names) ids.set(name, await user(name));
    const big: Array<readonly [string, number]> = [];
    for (const size of [1_499, 1_500, 1_501, 3_000, 3_001])
      big.push([
        await group(
          `g${size}`,
          names.slice(0, size).map((n) => userDn(n, root)),
        ),
        size,
      ]);
    proxy.breaks.maxValRange = 1_500;
    const taken = await take(open({ pageSize: 1_000 }));
    for (const [id, size] of big) {
      assert.deepEqual(
        members(taken, id),
        names
          .slice(0, size)
          .map((n) => ids.get(n) ?? '')
          .toSorted(),
        String(size),
      );
      assert.ok(isWhole(taken, id));
    }
    assert.ok(taken.end.sealed);
  });

  test('an unpaged limit, and a page larger than the server gives, are not taken for the whole', async () => {
    for (let i = 0; i < 12; i++) await user(`u${i}`);
    proxy.breaks.maxPageSize = 10;
    const taken = await take(open({ pageSize: 50 }));
    assert.equal(people(taken).length, 10);
    assert.match(
      because(taken),
      /the server stopped at its size limit for this account while it gave the people below ou=part/,
    );
    assert.equal((await take(open({ pageSize: 10 }))).end.sealed, true);
  });

  test('the limit of the account in the middle of pages is not taken for the whole', async () => {
    const { dn: bindDn, password } = slapd.limited;
    for (let i = 0; i < 210; i++) await user(`u${i}`);
    const taken = await take(open({ bindDn, password, pageSize: 50, url: slapd.url }));
    assert.equal(people(taken).length, 200);
    assert.match(because(taken), /size limit/);
  });

  test('empty pages in between lose nobody', async () => {
    for (let i = 0; i < 7; i++) await user(`u${i}`);
    proxy.breaks.emptyPages = true;
    const taken = await take(open({ pageSize: 3 }));
    assert.equal(people(taken).length, 7);
    assert.ok(taken.end.sealed);
  });

  test('a connection that is cut in the middle of a page, and a server that is down, take nothing', async () => {
    for (let i = 0; i < 30; i++) await user(`u${i}`);
    const directory = open({ pageSize: 4 });
    const cursor = cursorOf(await take(directory));
    proxy.breaks.cutOnPage = proxy.searches.length + 10;
    await assert.rejects(
      take(directory),
      (error) =>
        error instanceof Failure && error.verdict.kind === 'retry' && /closed the connection/.test(error.message),
    );
    assert.equal(proxy.connections, 0, 'no connection is left behind');
    proxy.breaks.cutOnPage = undefined;
    assert.equal((await take(directory, cursor)).scope, 'changes');
    const gone = open({ url: 'ldap://127.0.0.1:1' });
    await assert.rejects(take(gone), (error) => error instanceof Failure && /nobody listens there/.test(error.message));
  });

  test('a reference to another server keeps the seal back, unless the settings say otherwise', async () => {
    await user('ann');
    proxy.breaks.reference = 'ldap://other.example.com/ou=x,dc=example,dc=test';
    assert.match(because(await take(open())), /lies on another server \(ldap:\/\/other/);
    assert.equal((await take(open({ ignoreReferrals: true }))).end.sealed, true);
  });

  test('a base that is not there, and one that is no name, say so', async () => {
    const wrong = open({ base: `ou=nowhere,${root}` });
    const says = (error: unknown): boolean =>
      error instanceof Failure &&
      error.verdict.kind === 'broken' &&
      /there is nothing of this name/.test(error.message) &&
      /Correct base/.test(error.remedy ?? '');
    await assert.rejects(take(wrong), says);
    await assert.rejects(wrong.check(signal()), says);
  });

  test('a group with members out of scope, and nested groups, is read; what was left out is told', async () => {
    const inside = await user('ann');
    const other = `ou=other-${parts},${SUFFIX}`;
    await slapd.writer.add(other, { objectClass: ['organizationalUnit'] });
    await user('eve', {}, other);
    const inner = await group('inner', [userDn('ann', root)]);
    const outer = await group('outer', [
      groupDn('inner', root),
      userDn('eve', other),
      groupDn('outer', root),
      `uid=nobody-at-all,${root}`,
    ]);
    const taken = await take(open());
    assert.deepEqual(members(taken, outer), [inner, outer].toSorted());
    assert.deepEqual(members(taken, inner), [inside]);
    assert.deepEqual(taken.end.notes, ['2 members of groups are not among the people and groups that are read']);
    assert.ok(taken.end.sealed);
  });

  test('excluded units and groups are told as out of scope, and who is disabled there as disabled', async () => {
    const old = `ou=Former,${root}`;
    await slapd.writer.add(old, { objectClass: ['organizationalUnit'] });
    const [left, moved] = [await user('left', {}, old), await user('moved', {}, old)];
    await slapd.writer.modify(userDn('left', old), 'add', { pwdAccountLockedTime: ['000001010000Z'] });
    await user('ann');
    const hidden = await group('Tmp-1', [userDn('ann', root)]);
    const { facts, end } = await take(open({ excludeOus: [old.toUpperCase()], excludeGroups: ['tmp-*'] }));
    assert.ok(end.sealed);
    assert.deepEqual(
      facts
        .filter((f) => f.type === 'gone' || f.type === 'disabled')
        .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      [
        { type: 'disabled', id: left },
        ...[
          { type: 'gone' as const, id: hidden, evidence: 'scoped-out' as const },
          { type: 'gone' as const, id: moved, evidence: 'scoped-out' as const },
        ].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      ].toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    );
  });

  test('what says that somebody is disabled may be chosen; a lock-out says nothing', async () => {
    await user('locked', { employeeType: ['Staff'] });
    await slapd.writer.modify(userDn('locked', root), 'add', { pwdAccountLockedTime: ['20261125080000Z'] });
    await user('former', { employeeType: ['FORMER'] });
    await user('ann', { employeeType: ['Staff'] });
    const active = async (options: object): Promise<Record<string, boolean>> =>
      Object.fromEntries(people(await take(open({ ...options }))).map((p) => [p.userName, p.active]));
    assert.deepEqual(await active({}), { ann: true, former: true, locked: true });
    const disabled = ['pwdAccountLockedTime', { attribute: 'employeeType', values: ['former', 'retired'] }];
    assert.deepEqual(await active({ disabled }), { ann: true, former: false, locked: true });
  });

  test('groups that name members by user name are read too', async () => {
    const id = await user('ann');
    await slapd.writer.add(groupDn('unix', root), {
      objectClass: ['posixGroup'],
      cn: ['unix'],
      gidNumber: ['7'],
      memberUid: ['ann', 'stranger'],
    });
    const unix = await slapd.writer.get(groupDn('unix', root), 'entryUUID');
    const taken = await take(open({ groupFilter: '(objectClass=posixGroup)', memberUid: true }));
    assert.deepEqual(members(taken, unix), [id]);
    assert.ok(isWhole(taken, unix));
  });

  test('changes: a move, a rename of somebody in a group, a new filter match, an entry that left the filter', async () => {
    const unit = `ou=Inner,${root}`;
    await slapd.writer.add(unit, { objectClass: ['organizationalUnit'] });
    const ann = await user('ann', { employeeType: ['Staff'] });
    const eve = await user('eve', { employeeType: ['Visitor'] });
    const team = await group('team', [userDn('ann', root)]);
    const directory = open({ userFilter: '(&(objectClass=inetOrgPerson)(employeeType=Staff))' });
    let cursor = cursorOf(await take(directory));
    await slapd.writer.rename(userDn('ann', root), 'uid=anna', unit);
    let taken = await take(directory, cursor);
    assert.equal(taken.scope, 'changes');
    assert.deepEqual(
      people(taken).map((p) => [p.id, p.userName]),
      [[ann, 'anna']],
    );
    cursor = cursorOf(taken);
    // The group's entry was rewritten and not marked as changed: by id nothing changed.
    await slapd.writer.modify(groupDn('team', root), 'add', { member: [userDn('eve', root)] });
    taken = await take(directory, cursor);
    assert.deepEqual(members(taken, team), [ann]);
    assert.deepEqual(people(taken), []);
    cursor = cursorOf(taken);
    // Comes in by a change of its own, which marks no group.
    await slapd.writer.modify(userDn('eve', root), 'replace', { employeeType: ['Staff'] });
    taken = await take(directory, cursor);
    assert.ok(people(taken).some((p) => p.id === eve));
    assert.ok(members(taken, team).includes(eve));
    if (taken.scope === 'full') assert.deepEqual(members(taken, team), [ann, eve].toSorted());
    cursor = cursorOf(taken);
    await slapd.writer.modify(userDn('eve', root), 'replace', { employeeType: ['Visitor'] });
    taken = await take(directory, cursor);
    assert.equal(taken.scope, 'full');
    assert.deepEqual(
      people(taken).map((p) => p.id),
      [ann],
    );
    cursor = cursorOf(taken);
    await slapd.writer.rename(unit, 'ou=Renamed');
    taken = await take(directory, cursor);
    assert.equal(taken.scope, 'full', 'what lies below has another name, and nothing marks it');
    assert.equal(people(taken)[0]?.attributes['dn'], `uid=anna,ou=Renamed,${root}`);
  });

  test('a rename in the middle of a full reading keeps the seal back', async () => {
    const ann = await user('ann');
    const team = await group('team', [userDn('ann', root)]);
    const reading = await open().read(undefined, signal());
    const facts: Fact[] = [];
    for await (const fact of reading.facts) {
      facts.push(fact);
      // People were told of by the old name; groups come now.
      if (fact.type === 'person') await slapd.writer.rename(userDn('ann', root), 'uid=anna');
    }
    const taken = { scope: reading.scope, facts, end: reading.end() };
    if (members(taken, team).length === 0) assert.match(because(taken), /renamed while they were read/);
    else assert.deepEqual(members(taken, team), [ann]);
  });

  test('a reading that is stopped leaves no connection behind', async () => {
    for (let i = 0; i < 20; i++) await user(`u${i}`);
    const stop = new AbortController();
    const directory = open({ pageSize: 5 });
    const reading = await directory.read(undefined, stop.signal);
    await assert.rejects(
      async () => {
        for await (const _ of reading.facts) stop.abort(new Error('enough'));
      },
      (error) => error instanceof Error && error.message === 'enough',
    );
    for (let i = 0; i < 100 && proxy.connections > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(proxy.connections, 0);
  });

  test('many entries that can not be understood keep the seal back: an attribute is not to be read any more', async () => {
    for (let i = 0; i < 12; i++) await user(`u${i}`);
    proxy.breaks.rewrite = (entry) =>
      entry.dn.startsWith('uid=') ? { ...Object.fromEntries(entry.values), uid: [], cn: [], mail: [] } : undefined;
    const taken = await take(open());
    assert.match(
      because(taken),
      /^12 entries can not be understood, such as one because it has no uid, and no mail, and no cn$/,
    );
  });

  test('pages of any size give the same facts', async () => {
    const count = 23;
    for (let i = 0; i < count; i++) await user(`u${i}`, i % 3 === 0 ? { employeeType: ['Staff'] } : {});
    for (let g = 0; g < 5; g++)
      await group(
        `g${g}`,
        Array.from({ length: 4 + g }, (_, i) => userDn(`u${(g * 5 + i) % count}`, root)),
      );
    const told = async (pageSize: number): Promise<string[]> => {
      const taken = await take(open({ pageSize }));
      assert.ok(taken.end.sealed);
      return taken.facts.map((fact) => JSON.stringify(fact)).toSorted();
    };
    const all = await told(1_000);
    assert.equal(all.length, count + 5 * 2 + (4 + 5 + 6 + 7 + 8));
    for (const size of [1, 2, 3, 5, 7, 22, 23, 24]) assert.deepEqual(await told(size), all, `pages of ${size}`);
  });

  test('a server without change numbers: changes by time, and everything again when somebody went', async () => {
    const ids = [await user('ann'), await user('bob'), await user('eve')];
    const team = await group('team', [userDn('ann', root)]);
    const directory = open({ flavor: 'generic', userFilter: '(objectClass=inetOrgPerson)' });
    const first = await take(directory);
    assert.equal(people(first).length, 3);
    await slapd.writer.modify(userDn('bob', root), 'replace', { title: ['Boss'] });
    await slapd.writer.modify(groupDn('team', root), 'add', { member: [userDn('eve', root)] });
    const second = await take(directory, cursorOf(first));
    assert.equal(second.scope, 'changes');
    assert.equal(people(second).find((p) => p.id === ids[1])?.attributes['title'], 'Boss');
    assert.deepEqual([...new Set(members(second, team))], [ids[0], ids[2]].toSorted());
    await slapd.writer.remove(userDn('bob', root));
    const third = await take(directory, cursorOf(second));
    assert.equal(third.scope, 'full');
    assert.deepEqual(
      people(third)
        .map((p) => p.id)
        .toSorted(),
      [ids[0], ids[2]].toSorted(),
    );
    assert.deepEqual(
      third.end.notes?.filter((note) => note.includes('everything')),
      ['everything was read: somebody went, or came in by a change'],
    );
  });

  test('nothing changed: one look at the change number, and no search for people', async () => {
    await user('ann');
    const directory = open();
    const cursor = cursorOf(await take(directory));
    const before = proxy.searches.length;
    const taken = await take(directory, cursor);
    assert.deepEqual([taken.scope, taken.facts], ['changes', []]);
    assert.equal(cursorOf(taken), cursor);
    assert.deepEqual(proxy.searches.slice(before), ['', SUFFIX]);
  });

  dbTest('an answer of two where there were ten takes nothing, and waits for a word', async (db) => {
    for (let i = 0; i < 10; i++) await user(`u${i}`);
    const read = reader(db);
    assert.equal((await read.full(open())).state, 'sealed');
    // As a directory does that lets nobody in particular see a few entries.
    const few = await read.full(open({ userFilter: '(|(uid=u0)(uid=u1))' }));
    assert.equal(few.state, 'unsealed');
    assert.match(few.because ?? '', /8 of 10 users are missing/);
    assert.ok(Object.values(await stands(db, 'corp')).every((state) => state === 'there'));
    await assert.rejects(take(open({ bindDn: undefined, password: undefined, anonymous: true })), Failure);
  });

  dbTest('what is read from a directory that is cut on its seventh page takes nothing', async (db) => {
    for (let i = 0; i < 30; i++) await user(`u${i}`);
    const read = reader(db);
    const directory = open({ pageSize: 4 });
    assert.equal((await read.full(directory)).state, 'sealed');
    proxy.breaks.cutOnPage = proxy.searches.length + 10;
    const broken = await read.full(directory);
    assert.equal(broken.state, 'failed');
    assert.match(broken.because ?? '', /closed the connection/);
    assert.ok(Object.values(await stands(db, 'corp')).every((state) => state === 'there'));
  });
});
