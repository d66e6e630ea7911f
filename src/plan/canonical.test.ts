import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { canonical, digest, digestList } from './canonical.ts';

test('canonical JSON as RFC 8785 gives it (3.2.3 and appendix B)', () => {
  assert.equal(
    canonical({
      '\u20ac': 'Euro Sign',
      '\r': 'CR',
      '1': 'One',
      '\u0080': 'Control',
      '\ud83d\ude00': 'Smiley',
      ö: 'o',
      '\ufb33': 'D',
    }),
    '{"\\r":"CR","1":"One","\u0080":"Control","ö":"o","€":"Euro Sign","😀":"Smiley","\ufb33":"D"}',
  );
  assert.equal(
    canonical([Number('333333333.33333329'), 1e30, 4.5, 2e-3, 1e-27, -0]),
    '[333333333.3333333,1e+30,4.5,0.002,1e-27,0]',
  );
  assert.equal(canonical('\u000f\n"\\/'), '"\\u000f\\n\\"\\\\/"');
});

test('what is undefined is not there, a Date is its text, and the rest is refused', () => {
  assert.equal(canonical({ b: undefined, a: [undefined, new Date(0)] }), '{"a":[null,"1970-01-01T00:00:00.000Z"]}');
  for (const bad of [NaN, Infinity, 1n, new Set([1]), new Map(), () => 1])
    assert.throws(() => canonical({ bad }), TypeError);
});

test('the order of keys never matters, every value does', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).toReversed());
      assert.equal(digest(turned), digest(value));
      assert.deepEqual(JSON.parse(canonical(value)), JSON.parse(JSON.stringify(value)));
      assert.notEqual(digest([value]), digest(value));
    }),
  );
});

test('the digest of a list is the same, whether its text was made whole or not', () => {
  fc.assert(fc.property(fc.array(fc.jsonValue()), (list) => assert.equal(digestList(list), digest(list))));
});
