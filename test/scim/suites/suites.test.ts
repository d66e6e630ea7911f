import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Reply, useScim } from '../server.ts';
import { difference, fill, valueAt } from './compare.ts';
import { SUITES } from './index.ts';
import { ATTRIBUTES, scim2Tester } from './scim2-tester.ts';
import { counts, type Request, words } from './suite.ts';

for (const suite of SUITES) {
  describe(`published suite: ${suite.name}`, () => {
    const { server } = useScim();
    const variables = new Map<string, unknown>();

    const send = ({ method, path, body, type }: Request): Promise<Reply> =>
      server.send(
        method,
        String(fill(path, variables)),
        fill(body, variables),
        type === undefined ? {} : { 'content-type': type },
      );

    for (const [i, step] of suite.steps.entries()) {
      test(`${i + 1}. ${step.name}`, async () => {
        const reply = await send(step.request);
        for (const [name, at] of Object.entries(step.save ?? {})) variables.set(name, valueAt(reply.body, at));
        const problems = step.checks
          .filter((check) => check.judged === undefined && check.elsewhere === undefined)
          .map((check) => difference(check.wants, reply, variables))
          .filter((problem) => problem !== undefined);
        assert.deepEqual(problems, []);
        for (const { wants, judged } of step.checks) {
          if (judged === undefined) continue;
          const holds = difference(wants, reply, variables) === undefined;
          assert.ok(!holds, `judged ${judged.as} (${judged.section}), and holds nevertheless: ${words(wants)}`);
          assert.deepEqual(
            judged.answers.map((answer) => difference(answer, reply, variables)).filter((d) => d !== undefined),
            [],
          );
          if (judged.further === undefined) continue;
          const right = await send(judged.further.request);
          assert.deepEqual(
            judged.further.answers.map((answer) => difference(answer, right, variables)).filter((d) => d !== undefined),
            [],
          );
        }
      });
    }
  });
}

describe('the published suites are whole', () => {
  const { server } = useScim();

  test("Okta's SPEC test has its ten requests and 44 assertions", () => {
    const spec = SUITES.find((suite) => suite.name.includes('SPEC'));
    assert.ok(spec !== undefined);
    const { requests, checks } = counts(spec);
    assert.deepEqual([requests, checks], [10, 44]);
  });

  test('scim2-tester goes over every attribute that /Schemas says may be written', async () => {
    assert.ok(scim2Tester.steps.length > 0);
    const { Resources } = (await server.send('GET', '/Schemas')).body;
    interface Told {
      readonly name: string;
      readonly mutability: string;
    }
    const told = (Resources as ReadonlyArray<{ readonly id: string; readonly attributes: readonly Told[] }>)
      .filter(({ id }) => !id.startsWith('urn:okta:'))
      .flatMap(({ id, attributes }) =>
        attributes
          .filter((a) => a.mutability !== 'readOnly')
          .map((a) => (id.includes(':core:') ? a.name : `${id}:${a.name}`)),
      );
    const gone = new Set(Object.values(ATTRIBUTES).flatMap((list) => list.map((attribute) => attribute.path)));
    assert.deepEqual(
      told.filter((path) => !gone.has(path)),
      [],
    );
  });
});
