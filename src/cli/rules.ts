import { relative, resolve } from 'node:path';
import { type RuleTestResult, ruleTestResults } from '../app/rule-tests.ts';
import { loadViews } from '../app/views.ts';
import { countProblems } from '../config/render.ts';
import { add, group, type Program } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { indent, rulesText, wrap } from './text.ts';

/** `rules test` */
export function addRules(program: Program): void {
  const rules = group(program, 'rules', 'try out the rules', 'rules test');
  add<{ rules?: string }>(program, rules, {
    usage: 'test',
    about: 'run the tests in the rules files: who should get what; needs no store and no service',
    examples: ['rules test', 'rules test --rules ./new-rules', 'rules test --json'],
    options: (command) => command.option('--rules <folder>', 'another folder than that of the settings'),
    run: async (context, options) => {
      const settings = context.settings();
      const folder = options.rules === undefined ? settings.rules : resolve(context.io.cwd, options.rules);
      const { views, problems } = loadViews({ ...settings, rules: folder }, context.document());
      if (views === undefined) {
        const errors = problems.filter((p) => p.severity === 'error');
        throw new CommandError(EXIT.usage, `the rules can't be used: ${countProblems(errors)}`, { problems: errors });
      }
      const results = ruleTestResults(views, new Date());
      const failed = results.filter((result) => !result.ok).length;
      const { revision, commit = null } = views.rules;
      const verdict =
        results.length === 0
          ? `There are no tests in ${folder}. Write \`tests:\` into a rules file; docs/rules.md shows how.`
          : `${results.length} ${results.length === 1 ? 'test' : 'tests'}, ${failed === 0 ? 'all as expected' : `${failed} failed`}; ${rulesText(revision, commit)}.`;
      return {
        json: { ok: failed === 0, total: results.length, failed, rules: { revision, commit }, tests: results },
        text: [...results.map((result) => resultText(result, context.io.cwd)), verdict].join('\n'),
        exit: results.length === 0 ? EXIT.nothing : failed === 0 ? EXIT.done : EXIT.failed,
      };
    },
  });
}

const COLUMNS = 100;

function resultText({ name, ok, place, lacks, gets, findings }: RuleTestResult, from: string): string {
  if (ok) return `ok      ${name}`;
  const near = relative(from, place.file);
  const file = near === '' || near.startsWith('..') ? place.file : near;
  const below = (text: string): string => indent(wrap(text, COLUMNS - 10), 10);
  return [
    `failed  ${name}`,
    below(`${file}:${place.line}:${place.column}`),
    ...lacks.map((one) => below(`lacks  ${one}`)),
    ...gets.map((one) => below(`gets   ${one}, which is not expected`)),
    ...findings.map(below),
  ].join('\n');
}
