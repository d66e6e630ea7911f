import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue, QueuedLane } from '../../src/jobs/queue.ts';
import type { Lane } from '../../src/model/job.ts';

export interface QueueStage {
  /** Two targets, `a` and `b`, with four lanes of each worked on at a time, and four urgent ones. */
  open(): Promise<Queue>;
  /** What it holds outlives it, for the next one that is opened. */
  readonly keeps?: boolean;
  /** Throws away whatever the queue holds. Undefined for one that can't be robbed. */
  readonly rob?: () => Promise<void>;
  close(): Promise<void>;
}

const lane = (person: string, target = 'a', urgent = false): QueuedLane => ({ target, person, urgent });

async function until(what: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!what()) {
    if (performance.now() > end) assert.fail(`not so after ${ms} ms: ${what.toString()}`);
    await sleep(2);
  }
}

/** A handler that waits until it is let go, and says who came and how many were there at once. */
function gatekeeper(): {
  readonly seen: string[];
  readonly handle: (lane: Lane) => Promise<void>;
  readonly go: () => void;
  most: number;
  inside: number;
} {
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const keeper = {
    seen: [] as string[],
    most: 0,
    inside: 0,
    go: () => release(),
    handle: async ({ target, person }: Lane) => {
      keeper.seen.push(`${target}/${person}`);
      keeper.inside += 1;
      keeper.most = Math.max(keeper.most, keeper.inside);
      await gate;
      keeper.inside -= 1;
    },
  };
  return keeper;
}

/** What every queue must do. `stage` opens what one test needs. */
export function queueContract(name: string, stage: () => Promise<QueueStage>): void {
  const check = (what: string, body: (queue: Queue, stage: QueueStage) => Promise<void>) =>
    void test(`${name}: ${what}`, async () => {
      const on = await stage();
      const queue = await on.open();
      try {
        await body(queue, on);
      } finally {
        await queue.close(2_000);
        await on.close();
      }
    });

  check('hands out every lane once, urgent ones beside the others, a few at a time', async (queue) => {
    const keeper = gatekeeper();
    const many = Array.from({ length: 40 }, (_, i) => lane(`p${i}`));
    await queue.enqueue([...many, lane('leaver', 'a', true), lane('other', 'b')]);
    await queue.onLane(keeper.handle);
    await until(() => keeper.seen.length === 6);
    assert.ok(keeper.seen.includes('a/leaver'), keeper.seen.join());
    assert.ok(keeper.seen.includes('b/other'), keeper.seen.join());
    await sleep(50);
    assert.equal(keeper.seen.length, 6, keeper.seen.join());
    keeper.go();
    await until(() => keeper.seen.length === 42 && keeper.inside === 0);
    assert.equal(new Set(keeper.seen).size, 42);
    assert.ok(keeper.most <= 9, `${keeper.most} at once`);
  });

  check('does not line up twice what waits, but once more what is under work', async (queue) => {
    const keeper = gatekeeper();
    await queue.enqueue([lane('ann'), lane('ann')]);
    await queue.enqueue([lane('ann')]);
    await queue.onLane(keeper.handle);
    await until(() => keeper.seen.length === 1);
    await queue.enqueue([lane('ann')]);
    await queue.enqueue([lane('ann')]);
    await queue.enqueue([lane('bob')]);
    keeper.go();
    await until(() => keeper.seen.length >= 3 && keeper.inside === 0);
    await sleep(100);
    assert.deepEqual(keeper.seen.toSorted(), ['a/ann', 'a/ann', 'a/bob']);
  });

  check('lets an urgent one pass although the lane waits already', async (queue) => {
    const keeper = gatekeeper();
    await queue.enqueue(Array.from({ length: 20 }, (_, i) => lane(`p${i}`)));
    await queue.enqueue([lane('p19', 'a', true)]);
    await queue.onLane(keeper.handle);
    await until(() => keeper.seen.length === 5);
    assert.ok(keeper.seen.includes('a/p19'), keeper.seen.join());
    keeper.go();
    await until(() => keeper.seen.length >= 20 && keeper.inside === 0);
  });

  check('says which are urgent, and these do not wait for a crowd under work', async (queue) => {
    const crowd = gatekeeper();
    const urgent: string[] = [];
    await queue.onLane(async (given) => {
      if (given.urgent) urgent.push(given.person);
      else await crowd.handle(given);
    });
    await queue.enqueue(Array.from({ length: 100 }, (_, i) => lane(`p${i}`)));
    await until(() => crowd.seen.length === 4);
    await queue.enqueue([lane('leaver', 'a', true), lane('p50', 'a', true)]);
    await until(() => urgent.length === 2);
    assert.deepEqual([urgent.toSorted(), crowd.seen.length], [['leaver', 'p50'], 4]);
    crowd.go();
    await until(() => crowd.seen.length >= 99 && crowd.inside === 0);
  });

  check('leaves to the next one what it did not begin before it closed', async (queue, { open, keeps }) => {
    if (keeps !== true) return;
    const keeper = gatekeeper();
    await queue.onLane(keeper.handle);
    await queue.enqueue(Array.from({ length: 50 }, (_, i) => lane(`p${i}`)));
    await until(() => keeper.seen.length === 4);
    const closed = queue.close(5_000);
    keeper.go();
    await closed;
    assert.equal(keeper.seen.length, 4);
    const next = await open();
    try {
      await next.onLane(keeper.handle);
      await until(() => keeper.seen.length >= 50 && keeper.inside === 0);
      assert.equal(new Set(keeper.seen).size, 50);
    } finally {
      await next.close(2_000);
    }
  });

  check('goes on after a handler that throws', async (queue) => {
    const seen: string[] = [];
    await queue.onLane(async ({ person }) => {
      seen.push(person);
      if (person === 'ann') throw new Error('it broke');
    });
    await queue.enqueue([lane('ann')]);
    await until(() => seen.length === 1);
    await queue.enqueue([lane('bob')]);
    await until(() => seen.length === 2);
    await queue.enqueue([lane('ann')]);
    await until(() => seen.length === 3);
    assert.deepEqual(seen, ['ann', 'bob', 'ann']);
  });

  check('holds back a paused target, and no other', async (queue) => {
    const seen: string[] = [];
    await queue.onLane(async ({ target, person }) => {
      seen.push(`${target}/${person}`);
    });
    await queue.pause('a');
    await queue.enqueue([lane('ann'), lane('bob', 'b')]);
    await until(() => seen.length === 1);
    await sleep(50);
    assert.deepEqual(seen, ['b/bob']);
    await queue.resume('a');
    await until(() => seen.length === 2);
  });

  check('takes any text as a person and target id', async (queue) => {
    const seen: Lane[] = [];
    await queue.onLane(async (given) => {
      seen.push({ target: given.target, person: given.person });
    });
    await queue.enqueue([lane('p:1/ä "x"')]);
    await until(() => seen.length === 1);
    assert.deepEqual(seen, [{ target: 'a', person: 'p:1/ä "x"' }]);
  });

  check('waits for what is running when it closes, and takes nothing more', async (queue) => {
    const keeper = gatekeeper();
    await queue.onLane(keeper.handle);
    await queue.enqueue(Array.from({ length: 10 }, (_, i) => lane(`p${i}`)));
    await until(() => keeper.seen.length === 4);
    const closed = queue.close(5_000);
    await sleep(30);
    keeper.go();
    await closed;
    assert.deepEqual([keeper.seen.length, keeper.inside], [4, 0]);
  });

  check('works on when it was robbed of all it held', async (queue, { rob }) => {
    const keeper = gatekeeper();
    await queue.onLane(keeper.handle);
    await queue.enqueue([lane('ann'), lane('bob')]);
    await until(() => keeper.seen.length === 2);
    await rob?.();
    keeper.go();
    await until(() => keeper.inside === 0);
    await queue.enqueue([lane('ann'), lane('cat')]);
    await until(() => keeper.seen.length === 4);
    assert.deepEqual(keeper.seen.slice(2).toSorted(), ['a/ann', 'a/cat']);
  });
}
