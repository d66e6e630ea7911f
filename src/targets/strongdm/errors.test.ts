import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Metadata } from '@grpc/grpc-js';
import { failure } from '../../../test/contracts/target.ts';
import { addRole, settingsFor } from '../../../test/support/strongdm.ts';
import { Failure } from '../../model/failure.ts';
import type { Change } from '../../model/plan.ts';
import type { Doing } from './errors.ts';
import { failureOf } from './errors.ts';
import { openStrongDm } from './index.ts';
import { RateLimitMetadataSchema } from './proto/sdm_pb.gen.ts';
import { StatusSchema } from './proto/status_pb.gen.ts';
import { startSim } from './sim/index.ts';
import { CallError, Code } from './wire.ts';

const NOW = new Date('2026-05-05T12:00:00Z');
const READ: Doing = { kind: 'read', scope: 'all', host: 'sdm.test:443', permission: 'user:list' };
const WRITE: Doing = { kind: 'write', scope: 'one', host: 'sdm.test:443', permission: 'user:create' };

function verdict(code: number, doing: Doing, details = 'said', metadata = new Metadata()) {
  const found = failureOf(new CallError('Accounts.X', { code, details, metadata }), doing, NOW);
  assert.ok(found instanceof Failure);
  return found.verdict;
}

test('each status has its verdict, for one object and for all, for reads and for writes', () => {
  const table: ReadonlyArray<readonly [code: number, one: string, all: string]> = [
    [Code.INVALID_ARGUMENT, 'refused', 'refused'],
    [Code.NOT_FOUND, 'moved', 'moved'],
    [Code.ALREADY_EXISTS, 'refused', 'refused'],
    [Code.PERMISSION_DENIED, 'refused', 'broken'],
    [Code.UNAUTHENTICATED, 'broken', 'broken'],
    [Code.UNIMPLEMENTED, 'broken', 'broken'],
    [Code.RESOURCE_EXHAUSTED, 'retry', 'retry'],
    [Code.INTERNAL, 'doubtful', 'retry'],
    [Code.UNAVAILABLE, 'doubtful', 'retry'],
    [Code.DEADLINE_EXCEEDED, 'doubtful', 'retry'],
    [Code.CANCELLED, 'doubtful', 'retry'],
    [2, 'doubtful', 'retry'],
  ];
  for (const [code, one, all] of table) {
    assert.equal(verdict(code, WRITE).kind, one, `write ${code}`);
    assert.equal(verdict(code, READ).kind, all, `read ${code}`);
  }
});

test('a write that never left is tried again, not doubtful', () => {
  for (const details of [
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ',
    'Name resolution failed for target dns:nowhere.invalid:443',
    'Deadline exceeded after 10.001s,Waiting for LB pick',
  ]) {
    assert.equal(verdict(Code.UNAVAILABLE, WRITE, details).kind, 'retry', details);
  }
});

test('the wait after a refusal for the rate is what the server says, by its own clock, within bounds', () => {
  const wait = (resetAt: Date | undefined, date?: Date): number | undefined => {
    const metadata = new Metadata();
    const rate = create(RateLimitMetadataSchema, resetAt === undefined ? {} : { resetAt: timestampFromDate(resetAt) });
    const status = create(StatusSchema, { code: 8, details: [anyPack(RateLimitMetadataSchema, rate)] });
    metadata.set('grpc-status-details-bin', Buffer.from(toBinary(StatusSchema, status)));
    if (date !== undefined) metadata.set('date', date.toUTCString());
    const found = verdict(Code.RESOURCE_EXHAUSTED, READ, 'slow down', metadata);
    return found.kind === 'retry' ? found.afterMs : undefined;
  };
  const at = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);
  assert.equal(wait(at(7)), 7000);
  assert.equal(wait(at(-7)), 250);
  assert.equal(wait(at(86_400)), 120_000);
  assert.equal(wait(at(3607), at(3600)), 7000);
  assert.equal(wait(undefined), 15_000);
  const bare = verdict(Code.RESOURCE_EXHAUSTED, READ);
  assert.ok(bare.kind === 'retry' && bare.afterMs === 15_000);
  const rubbish = new Metadata();
  rubbish.set('grpc-status-details-bin', Buffer.from('ffff', 'hex'));
  assert.equal(verdict(Code.RESOURCE_EXHAUSTED, READ, 'x', rubbish).kind, 'retry');
});

test('the same target works again once the system is back', async () => {
  const sim = await startSim();
  const target = openStrongDm(settingsFor(sim), { instance: 'bridge-1' });
  const soon = (): AbortSignal => AbortSignal.timeout(10_000);
  const grant: Change = {
    op: 'create',
    item: 'account',
    causes: [],
    risk: 'low',
    after: { login: 'a@t.test', displayName: 'A B', firstName: 'A', lastName: 'B' },
  };
  const ref = { person: 'p_a', login: 'a@t.test' };
  await target.check(soon());
  await sim.close();
  await failure(target.apply(ref, grant, soon()), 'retry');
  const back = await startSim({ port: sim.port, accessKey: sim.accessKey, secretKey: sim.secretKey });
  try {
    await addRole(back, 'reader');
    const until = Date.now() + 10_000;
    let applied;
    while (applied === undefined && Date.now() < until) {
      applied = await target.apply(ref, grant, soon()).catch(() => undefined);
    }
    assert.equal(applied?.account.mark, 'p_a');
  } finally {
    await target.close();
    await back.close();
  }
});
