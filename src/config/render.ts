import { relative } from 'node:path';
import type { Problem } from '../model/rules.ts';

/** A problem for people: `file:line:column`, what is wrong, the line with a caret, what to do. No line end. */
export function renderProblem(problem: Problem, from: string = process.cwd()): string {
  const { place, severity, message, excerpt, remedy } = problem;
  const where = place === undefined ? '' : `${shorter(place.file, from)}:${place.line}:${place.column}: `;
  const lines = [`${where}${severity}: ${message}`];
  if (excerpt !== undefined && excerpt !== '') lines.push(...excerpt.split('\n').map((line) => `    ${line}`));
  if (remedy !== undefined && remedy !== '') lines.push(`  ${remedy}`);
  return lines.join('\n');
}

/** `3 errors, 1 warning`. */
export function countProblems(problems: readonly Problem[]): string {
  const errors = problems.filter((p) => p.severity === 'error').length;
  const warnings = problems.length - errors;
  const parts = [
    ...(errors > 0 ? [`${errors} error${errors === 1 ? '' : 's'}`] : []),
    ...(warnings > 0 ? [`${warnings} warning${warnings === 1 ? '' : 's'}`] : []),
  ];
  return parts.join(', ') || 'no problems';
}

/** The file as seen from a folder, where that is shorter than its whole path. */
export function shorter(file: string, from: string): string {
  const near = relative(from, file);
  return near === '' || near.startsWith('..') ? file : near;
}
