import type { Access } from './readback.ts';
import type { Traffic } from './story.ts';

const color = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

export function line(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

export function chapter(title: string, about: string): void {
  line(`\n${paint(1, `── ${title} ${'─'.repeat(Math.max(3, 94 - title.length))}`)}\n${paint(2, about)}`);
}

export function note(text: string): void {
  line(`\n${paint(2, `$ ${text}`)}`);
}

const PROVIDER = { entra: 'Entra ID', okta: 'Okta' } as const;
const SHOWN = 6;

/** The writes of one piece of traffic: the first few, and how many more there were. */
export function arrived(traffic: Traffic, writes: readonly string[]): void {
  line(`${paint(36, PROVIDER[traffic.source])}  ${traffic.fixture}: ${writes.length} requests that write`);
  for (const write of writes.slice(0, SHOWN)) line(`    ${cut(write, 94)}`);
  if (writes.length > SHOWN) line(paint(2, `    … and ${writes.length - SHOWN} more`));
}

export function accessTable(found: Access, why: Readonly<Record<string, string>>, before: Access): void {
  line(paint(2, `${'account'.padEnd(30)} ${'sign-in'.padEnd(8)} ${'roles'.padEnd(12)} why`));
  for (const [login, access] of Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const reason = why[login] ?? (before[login] ? 'was there before: not ours, left alone' : '');
    const sign = access.active ? paint(32, 'active'.padEnd(8)) : paint(31, 'blocked'.padEnd(8));
    line(
      `${cut(login, 30).padEnd(30)} ${sign} ${(access.roles.join(', ') || '–').padEnd(12)} ${cut(reason, 46)}`.trimEnd(),
    );
  }
}

/** Says whether something is as it must be, or what is wrong. */
export function verdict(wrong: readonly string[], right: string): boolean {
  if (wrong.length === 0) line(`  ✓ ${right}`);
  else for (const difference of wrong) line(`  ✗ ${difference}`);
  return wrong.length === 0;
}
