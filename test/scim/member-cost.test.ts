import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Db, Statement } from '../../src/store/db.ts';
import { memberStatement } from '../../src/store/resources/members.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type ScimServer, scimServer } from './server.ts';

const writer = { source: 'okta', actor: 'scim:okta/test' };
const SIZES = [10, 10_000] as const;
const groupOf = (size: number): string => `group-${size}`;

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

const nodes = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

describe('the cost of changing one member', () => {
  let database: TestDatabase;
  let server: ScimServer;
  const statements: string[] = [];

  before(async () => {
    database = await testDatabase();
    server = await scimServer(counting(database.db));
    await database.db.rows({
      text: `insert into record (source, anchor, kind, user_name, name_key, resource)
        select 'okta', 'user-' || n, 'user', 'u' || n, 'u' || n, jsonb_build_object('userName', 'u' || n, 'active', true)
        from generate_series(1, 10100) n`,
    });
    for (const size of SIZES) {
      await database.db.rows({
        text: `with g as (insert into record (source, anchor, kind, name_key, display_name, resource)
            values ('okta', $1::text, 'group', $1, $1, jsonb_build_object('displayName', $1::text)) returning key)
          insert into membership (group_key, member_key)
          select g.key, r.key from g, record r where r.kind = 'user' and r.key <= $2`,
        values: [groupOf(size), size],
      });
    }
  });
  after(async () => {
    await server.close();
    await database.close();
  });

  function counting(db: Db): Db {
    const seen =
      <T>(run: (statement: Statement) => T) =>
      (statement: Statement): T => {
        statements.push(statement.name ?? statement.text);
        return run(statement);
      };
    return {
      rows: <R>(s: Statement) => seen((x) => db.rows<R>(x))(s),
      row: <R>(s: Statement) => seen((x) => db.row<R>(x))(s),
      tx: (work, options) => {
        statements.push('begin');
        return db.tx((tx) => work(counting(tx)), options);
      },
      connection: (work) => db.connection(work),
    };
  }

  test('one statement, whatever the size, and an empty answer', async () => {
    for (const size of SIZES) {
      statements.length = 0;
      const Operations = [
        { op: 'Add', path: 'members', value: [{ value: 'user-10050' }] },
        { op: 'Remove', path: 'members', value: [{ value: 'user-3' }] },
      ];
      const reply = await server.send('PATCH', `/Groups/${groupOf(size)}`, { Operations });
      assert.equal(reply.status, 204);
      assert.deepEqual(statements, ['members-delta']);
      const [row] = await database.db.rows<{ n: number }>({
        text: `select count(*) as n from membership m join record g on g.key = m.group_key where g.anchor = $1`,
        values: [groupOf(size)],
      });
      assert.equal(row?.n, size);
    }
  });

  /** Runs a change for the plan that a prepared statement settles on, and undoes it. */
  async function explain(size: number): Promise<PlanNode> {
    const { text, values } = memberStatement(writer, groupOf(size), {
      type: 'delta',
      add: new Set(['user-10060']),
      remove: new Set(['user-5']),
    });
    return database.db.connection(async (client) => {
      await client.query('begin');
      try {
        await client.query('set local plan_cache_mode = force_generic_plan');
        await client.query(`prepare delta (text, text, text, jsonb, text[], text[]) as ${text}`);
        const literals = (values ?? []).map((v) => literal(v)).join(', ');
        const { rows } = await client.query(`explain (analyze, buffers, format json) execute delta (${literals})`);
        return (rows as Array<{ 'QUERY PLAN': Array<{ Plan: PlanNode }> }>)[0]?.['QUERY PLAN'][0]?.Plan as PlanNode;
      } finally {
        await client.query('rollback');
        await client.query('deallocate all');
      }
    });
  }

  const literal = (value: unknown): string =>
    Array.isArray(value) ? `array[${value.map(literal).join(', ')}]::text[]` : `'${String(value)}'`;

  for (const analyzed of [false, true]) {
    test(`no other membership is read ${analyzed ? 'with' : 'without'} statistics`, async () => {
      if (analyzed) await database.db.rows({ text: 'analyze record, membership' });
      const pages: number[] = [];
      for (const size of SIZES) {
        await explain(size);
        const plan = await explain(size);
        const reads = nodes(plan).filter(
          (n) => n['Relation Name'] === 'membership' && n['Node Type'] !== 'ModifyTable',
        );
        assert.ok(reads.length > 0);
        for (const read of reads) assert.ok(read['Actual Rows'] * read['Actual Loops'] <= 1, JSON.stringify(read));
        pages.push(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']);
      }
      const [small = 0, large = 0] = pages;
      assert.ok(large <= small * 1.5, `${small} pages for 10 members, ${large} for 10 000`);
      assert.ok(large < 300, `${large} pages for one member`);
    });
  }

  test('leaving members out of an answer leaves them unread', async () => {
    for (const query of [
      'excludedAttributes=members',
      'attributes=displayName',
      'excludedAttributes=MEMBERS,externalId',
    ]) {
      statements.length = 0;
      const reply = await server.send('GET', `/Groups/${groupOf(10_000)}?${query}`);
      assert.equal(reply.body.members, undefined);
      assert.deepEqual(statements, ['resource-read-group-false']);
    }
  });

  test('a group of ten thousand is read whole when it is asked for', async () => {
    const reply = await server.send('GET', `/Groups/${groupOf(10_000)}`);
    assert.equal(reply.body.members.length, 10_000);
    assert.ok(reply.body.members.some((m: { value: string }) => m.value === 'user-10050'));
  });

  test('a new user is one statement', async () => {
    statements.length = 0;
    assert.equal((await server.send('POST', '/Users', { userName: 'new' })).status, 201);
    assert.deepEqual(statements, ['resource-create']);
  });
});
