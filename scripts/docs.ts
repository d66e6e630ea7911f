/**
 * `npm run docs`: fills in what docs/rules.md has from the code, and docs/scim-suites.md from the published suites as
 * they are run. A test holds both current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { RULE_FUNCTIONS } from '../src/mapping/functions/index.ts';
import { CORE_ATTRIBUTES, SELF_EDITABLE } from '../src/model/attributes.ts';
import { SUITES } from '../test/scim/suites/index.ts';
import { type Check, counts, type Suite, words } from '../test/scim/suites/suite.ts';

/** A row of a table; what is in the cells can't end them. */
const row = (...cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`;

const attributes = (): string =>
  [
    '| attribute | type | | self-editable |',
    '|---|---|---|---|',
    ...CORE_ATTRIBUTES.map(
      (a) => `| \`${a.name}\` | ${a.type} | ${a.about} | ${SELF_EDITABLE['scim']?.includes(a.name) ? 'yes' : ''} |`,
    ),
  ].join('\n');

const signature = (text: string): string =>
  text.replaceAll('google.protobuf.Timestamp', 'timestamp').replace(/^User\./, 'user.');
const shownValue = (value: unknown): string => (typeof value === 'bigint' ? String(value) : JSON.stringify(value));

const functions = (): string =>
  [
    '| function | gives | example |',
    '|---|---|---|',
    ...RULE_FUNCTIONS.map((f) => {
      const example = f.examples[0];
      const shown = example ? `\`${example.expression}\` → \`${shownValue(example.gives)}\`` : '';
      return row(`\`${signature(f.signature)}\``, f.about, shown);
    }),
  ].join('\n');

const suites = (): string => {
  const all = SUITES.map((suite) => ({ suite, ...counts(suite) }));
  return [
    '| suite | requests | checks | hold | judged wrong | departures | seen to elsewhere |',
    '|---|---|---|---|---|---|---|',
    ...all.map(({ suite, ...n }) =>
      row(suite.name, ...[n.requests, n.checks, n.hold, n.wrong, n.departures, n.elsewhere].map(String)),
    ),
  ].join('\n');
};

/** Checks that are judged by one and the same reason stand in one row. */
function judgements({ steps }: Suite): string[] {
  const byReason = new Map<string, Array<{ readonly step: string; readonly check: Check }>>();
  for (const { name, checks } of steps) {
    for (const check of checks) {
      const reason = check.judged?.why ?? check.elsewhere;
      if (reason === undefined) continue;
      byReason.set(reason, [...(byReason.get(reason) ?? []), { step: name, check }]);
    }
  }
  return [...byReason].map(([reason, found]) => {
    const judged = found[0]?.check.judged;
    return row(
      found.map(({ step }) => step).join('; '),
      [...new Set(found.map(({ check }) => words(check.wants)))].join('; '),
      judged === undefined ? 'seen to elsewhere' : `${judged.as}: ${judged.section}`,
      reason,
      judged?.instead ?? '',
    );
  });
}

const judged = (): string =>
  SUITES.map((suite) => {
    const rows = judgements(suite);
    const head = `## ${suite.name}\n\n${suite.about}. Source: ${suite.source}.\n`;
    if (rows.length === 0) return `${head}\nEvery check holds.`;
    return [head, '| request | the suite wants | judged | why | what we do |', '|---|---|---|---|---|', ...rows].join(
      '\n',
    );
  }).join('\n\n');

/** The text with what stands between `<!-- NAME -->` and `<!-- /NAME -->` made anew. */
function fill(text: string, name: string, content: string): string {
  const pattern = new RegExp(`(<!-- ${name} -->\n)[^]*?(\n<!-- /${name} -->)`);
  if (!pattern.test(text)) throw new Error(`the page has no place for ${name}`);
  return text.replace(pattern, (_, before: string, after: string) => `${before}${content}${after}`);
}

/** docs/rules.md as it has to be. */
export function rulesPage(current: string): string {
  return fill(fill(current, 'attributes', attributes()), 'functions', functions());
}

/** docs/scim-suites.md as it has to be. */
export function suitesPage(current: string): string {
  return fill(fill(current, 'suites', suites()), 'judged', judged());
}

if (import.meta.main) {
  for (const [name, page] of [
    ['rules', rulesPage],
    ['scim-suites', suitesPage],
  ] as const) {
    const file = new URL(`../docs/${name}.md`, import.meta.url);
    writeFileSync(file, page(readFileSync(file, 'utf8')));
  }
}
