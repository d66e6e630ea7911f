import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run as otherEngine } from '@bufbuild/cel';
import * as fc from 'fast-check';
import { condition, DECLARED, meant, type Term, UNKNOWN, user, type User } from '../../test/support/three-valued.ts';
import { createEngine } from './engine.ts';

const engine = createEngine(DECLARED);
const PLACE = { file: 'r.yaml', line: 1, column: 1 };
const NOW = new Date('2030-01-01T00:00:00Z');

/** `undefined`: too large for a rule, which random terms may be. */
function ours(term: Term, person: User): boolean | typeof UNKNOWN | undefined {
  const compiled = engine.compile(term.text, 'bool', PLACE);
  if ('fault' in compiled) {
    assert.match(compiled.fault.message, /too large|more than 4000 characters|characters, more than/, term.text);
    return undefined;
  }
  const outcome = compiled.expression.evaluate({ user: person, covers: new Set(Object.keys(person)), now: NOW });
  return 'value' in outcome ? outcome.value : UNKNOWN;
}

test('conditions mean what the plain reference says: value, none, unknown', () => {
  let decided = 0;
  let open = 0;
  fc.assert(
    fc.property(condition, fc.array(user(false), { minLength: 1, maxLength: 4 }), (term, people) => {
      for (const person of people) {
        const got = ours(term, person);
        if (got === undefined) return;
        const want = meant(term, person);
        if (want === UNKNOWN) open++;
        else decided++;
        assert.equal(got, want, `${term.text}\n  on ${JSON.stringify(person)}`);
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(open > 100 && decided > 1_000, `too few interesting cases: ${open} open, ${decided} decided`);
});

test('with everything delivered they mean what another engine of the language says', () => {
  let compared = 0;
  fc.assert(
    fc.property(condition, user(true), (term, person) => {
      fc.pre(term.own !== true && term.text.length < 2_000);
      const got = ours(term, person);
      if (got === undefined) return;
      const whole = Object.fromEntries(
        Object.entries(person).map(([key, value]) => [key, typeof value === 'number' ? BigInt(value) : value]),
      );
      assert.equal(
        got,
        otherEngine(reworded(term.text), { user: whole } as never),
        `${term.text}\n  on ${JSON.stringify(person)}`,
      );
      compared++;
    }),
    { numRuns: 800 },
  );
  assert.ok(compared > 200);
});

/** An empty list is something that is there, to CEL; to us it is none. */
const reworded = (text: string): string => text.replaceAll('has(user.list1)', '(size(user.list1) > 0)');
