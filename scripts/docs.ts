/** `npm run docs`: fills in the tables of docs/rules.md that are made from the code. A test holds them current. */
import { readFileSync, writeFileSync } from 'node:fs';
import { RULE_FUNCTIONS } from '../src/mapping/functions/index.ts';
import { CORE_ATTRIBUTES, SELF_EDITABLE } from '../src/model/attributes.ts';

const FILE = new URL('../docs/rules.md', import.meta.url);

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
      return `| ${[`\`${signature(f.signature)}\``, f.about, shown].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    }),
  ].join('\n');

/** The text with what stands between `<!-- NAME -->` and `<!-- /NAME -->` made anew. */
function fill(text: string, name: string, content: string): string {
  const pattern = new RegExp(`(<!-- ${name} -->\n)[^]*?(\n<!-- /${name} -->)`);
  if (!pattern.test(text)) throw new Error(`docs/rules.md has no place for ${name}`);
  return text.replace(pattern, (_, before: string, after: string) => `${before}${content}${after}`);
}

/** docs/rules.md as it has to be. */
export function rulesPage(current: string): string {
  return fill(fill(current, 'attributes', attributes()), 'functions', functions());
}

if (import.meta.main) writeFileSync(FILE, rulesPage(readFileSync(FILE, 'utf8')));
