import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../log.ts';
import { createBurstAlert } from './burst-alert.ts';

test('a burst is told at once and each time that it has doubled, by source, and anew when it was over', () => {
  const told: string[] = [];
  const write = (line: string): void => {
    const { level, source, people, remedy } = JSON.parse(line) as Record<string, unknown>;
    assert.match(String(remedy), /holds list --filter burst:/);
    told.push(`${String(level)} ${String(source)} ${String(people)}`);
  };
  const alert = createBurstAlert(createLog({ level: 'info', write }));
  const at = (minutes: number): Date => new Date(Date.UTC(2030, 0, 1) + minutes * 60_000);
  const more = (source: string, people: number, minutes: number): void =>
    alert({ bursts: new Map([[source, people]]) }, at(minutes));
  alert({ bursts: new Map() }, at(0));
  assert.equal(told.length, 0);
  more('okta', 1, 0);
  for (let i = 0; i < 2000; i++) more('okta', 1, 1);
  more('ad', 3, 2);
  more('okta', 5, 70);
  const lines: readonly string[] = told;
  assert.equal(new Set(lines.map((line) => line.split(' ')[0])).size, 1);
  assert.deepEqual(
    lines.map((line) => line.split(' ').slice(1).join(' ')),
    [...[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024].map((n) => `okta ${n}`), 'ad 3', 'okta 5'],
  );
});
