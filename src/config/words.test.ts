import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from './duration.ts';
import { suggest } from '../model/suggest.ts';

test('durations read as they are written', () => {
  const cases: ReadonlyArray<readonly [string, number | undefined]> = [
    ['250ms', 250],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['5', undefined],
    ['m', undefined],
    ['5 m', undefined],
    ['-5m', undefined],
    ['5M', undefined],
    ['', undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
  assert.equal(formatDuration(5_400_000), '1h 30m');
  assert.equal(formatDuration(93_784_000), '1d 2h');
  assert.equal(formatDuration(250), '250ms');
});

test('the nearest word is suggested, and none when nothing is near', () => {
  assert.equal(suggest('lisen', ['listen', 'publicUrl']), 'listen');
  assert.equal(suggest('tragets', ['sources', 'targets']), 'targets');
  assert.equal(suggest('publicurl', ['listen', 'publicUrl']), 'publicUrl');
  assert.equal(suggest('xyz', ['listen', 'publicUrl']), undefined);
  assert.equal(suggest('mode', []), undefined);
});
