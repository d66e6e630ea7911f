import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addGroup, addUser, drawbridge, folderWith, type Ran, urlOf } from '../../test/support/command-line.ts';
import { testDatabase } from '../../test/support/database.ts';
import { userFields } from '../scim/facts.ts';
import { appendEvents } from '../store/events.ts';
import { insertPlan, insertSteps } from '../store/plans.ts';
import { createResources } from '../store/resources.ts';
import { CommandError } from './exit.ts';
import { readMoment } from './explain-at.ts';

const SETTINGS = `
sources: { okta: { type: scim } }
targets: { sdm: { type: strongdm, mode: full, simulator: true } }
`;
const WRITER = { source: 'okta', actor: 'scim:okta/test' };

test('explain --at: records, groups, what was given and why, as it was then', async () => {
  const database = await testDatabase();
  const { db } = database;
  const folder = folderWith({ 'd.yaml': SETTINGS, 'rules/r.yaml': 'rules: []\n' });
  const resources = createResources(db);
  const ask = async (at: Date | string, ...more: string[]): Promise<Ran> => {
    const time = typeof at === 'string' ? at : at.toISOString();
    const args = ['explain', 'ann@example.com', ...more, '--at', time, '--config', 'd.yaml'];
    return drawbridge(args, { DATABASE_URL: urlOf(database.config) }, folder.path);
  };
  /** A moment between two changes. The history counts in microseconds, the command in milliseconds. */
  const moment = async (): Promise<Date> => {
    const row = await db.row<{ at: Date }>({
      text: `select clock_timestamp() + interval '2 ms' as at, pg_sleep(0.005)`,
    });
    assert.ok(row);
    return row.at;
  };
  try {
    await addUser(db, 'okta', 'zoe@example.com');
    const before = await moment();
    const ann = await addUser(db, 'okta', 'ann@example.com', { title: 'DBA' });
    const dba = await addGroup(db, 'okta', 'DBA', [ann]);
    const gone = await addGroup(db, 'okta', 'Old crew', [ann]);
    const { person } = (await db.row<{ person: string }>({
      text: 'select person from person_record pr join record r on r.key = pr.record_key where r.anchor = $1',
      values: [ann],
    })) as { person: string };
    const causes = [
      { rule: 'dbas', record: { source: 'okta', anchor: ann }, path: [{ id: `okta/${dba}` as const, name: 'DBA' }] },
    ];
    const plan = 'ab'.repeat(32);
    const id = await insertPlan(db, {
      hash: plan,
      kind: 'partial',
      actor: 'drawbridge',
      rulesRevision: 'c0ffee'.repeat(4),
      counts: { steps: 1 },
    });
    await insertSteps(db, id, [
      {
        target: 'sdm',
        person,
        basis: 'b',
        generation: 0,
        state: 'pending',
        changes: [{ op: 'grant', item: 'role:prod', after: { role: 'prod' }, causes, risk: 'low' }],
      },
    ]);
    const base = { actor: 'drawbridge', person, target: 'sdm' };
    const applied = (op: string, object: string, answer: string) =>
      appendEvents(db, [{ ...base, kind: 'change.applied', object, detail: { op, plan, answer } }]);
    await appendEvents(db, [
      { ...base, actor: 'local:eve', kind: 'hold.approved', object: 'role:prod', detail: { reason: 'ticket 7' } },
    ]);
    await applied('create', 'account', 'account a-1');
    await applied('grant', 'role:prod', 'attachment aa-1');
    const then = await moment();
    await resources.change(WRITER, 'user', ann, () => ({
      fields: userFields({ userName: 'ann@example.com', title: 'Manager', active: false }),
    }));
    await resources.changeMembers(WRITER, dba, { type: 'delta', add: new Set(), remove: new Set([ann]) });
    await resources.remove(WRITER, 'group', gone);
    await applied('block', 'account', 'suspended');
    await applied('revoke', 'role:prod', 'detached');
    const later = await moment();
    await resources.remove(WRITER, 'user', ann);

    const was = (await ask(then)).out;
    assert.match(was, /record okta\/.*: active, last changed .* by\s+scim:okta\/test/);
    assert.match(was, /title DBA/);
    assert.match(was, /groups: DBA of okta \(since .*, scim:okta\/test\); Old crew of okta|groups: Old crew.*DBA/s);
    assert.match(was, /role prod: given .* by plan abababababab, rules c0ffeec0ffee/);
    assert.match(was, /by rule dbas, group DBA, record\s+okta\//);
    assert.match(was, /approved .* by local:eve: ticket 7/);
    assert.match(was, /the target answered: attachment aa-1/);
    assert.ok(
      was.split('\n').every((line) => line.length <= 100),
      was,
    );
    assert.doesNotMatch((await ask(then, 'sdm/other')).out, /role prod/);
    assert.doesNotMatch((await ask(then, 'sdm/prod')).out, /account: made/);

    const left = (await ask(later)).out;
    assert.match(left, /disabled, last changed/);
    assert.match(left, /title Manager/);
    assert.match(left, /in no group/);
    assert.match(left, /sdm: sign-in blocked since/);
    assert.match(left, /account: made/);
    assert.doesNotMatch(left, /role prod/);

    assert.match((await ask(before)).out, /no source had told of this person by then/);
    assert.match((await ask('2001-01-01')).out, /The history begins .*: of before nothing is known/);
    const json = (await ask(then, '--json')).json<{
      targets: Array<{ items: Array<{ item: string }> }>;
      groups: unknown[];
    }>();
    assert.deepEqual(
      json.targets[0]?.items.map((i) => i.item),
      ['account', 'role:prod'],
    );
    assert.equal(json.groups.length, 2);
    assert.equal((await ask(then, '--why-not')).code, 2);
    assert.match((await ask('yesterday')).err, /"yesterday" is no time/);
  } finally {
    folder.remove();
    await database.close();
  }
});

test('moments: dates, times in UTC or with a zone, how long ago; nothing that is to come', () => {
  const now = new Date('2026-11-25T12:00:00Z');
  const iso = (text: string): string => readMoment(text, now).toISOString();
  assert.equal(iso('2026-11-20'), '2026-11-20T00:00:00.000Z');
  assert.equal(iso('2026-11-20 10:15'), '2026-11-20T10:15:00.000Z');
  assert.equal(iso('2026-11-20T10:15:30.5Z'), '2026-11-20T10:15:30.500Z');
  assert.equal(iso('2026-11-20T10:15:00+01:00'), '2026-11-20T09:15:00.000Z');
  assert.equal(iso('1d12h'), '2026-11-24T00:00:00.000Z');
  for (const text of ['2026-11-26', 'soon', '', '20.11.2026', '2026-13-01']) {
    assert.throws(() => readMoment(text, now), CommandError, text);
  }
});
