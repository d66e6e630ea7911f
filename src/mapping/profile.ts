import type { Profile } from '../model/accounts.ts';
import type { AttributeDeclaration } from '../model/attributes.ts';
import type { Expression, ExpressionInput, Place, Problem, ProfileTemplate } from '../model/rules.ts';
import type { Capabilities } from '../model/target.ts';
import { createEngine, type RuleEngine } from './engine.ts';
import { didYouMean } from '../model/suggest.ts';

export type ProfileField = keyof Profile;
export const PROFILE_FIELDS: readonly ProfileField[] = ['login', 'displayName', 'firstName', 'lastName', 'email'];
const REQUIRED: readonly ProfileField[] = ['login', 'displayName'];

export interface ProfileInput {
  readonly target: string;
  /** Expressions by field. */
  readonly templates: Readonly<Record<string, string>>;
  readonly attributes: readonly AttributeDeclaration[];
  /** Where a field's text begins, if that is known. */
  readonly place?: (field: string) => Place | undefined;
  /** Spares making one for each target. */
  readonly engine?: RuleEngine;
}

/** Compiles the templates of one target's accounts; every problem at once. */
export function compileProfile(input: ProfileInput): {
  readonly template?: ProfileTemplate;
  readonly problems: readonly Problem[];
} {
  const engine = input.engine ?? createEngine(input.attributes);
  const problems: Problem[] = [];
  const compiled: Partial<Record<ProfileField, Expression<string>>> = {};
  for (const [field, text] of Object.entries(input.templates)) {
    const where = `profile.${field} of target ${input.target}`;
    const place = input.place?.(field);
    const report = (message: string, remedy?: string, offset = 0): void => {
      problems.push({
        severity: 'error',
        ...(place !== undefined && { place: { ...place, column: place.column + offset } }),
        message: `${where}: ${message}`,
        ...(remedy !== undefined && { remedy }),
        ...(offset >= 0 && text !== '' && !text.includes('\n') && { excerpt: `${text}\n${' '.repeat(offset)}^` }),
      });
    };
    if (!isField(field)) {
      report('there is no such field', didYouMean(field, PROFILE_FIELDS));
      continue;
    }
    const result = engine.compile(text, 'string', place ?? { file: 'settings', line: 1, column: 1 });
    if ('fault' in result) report(result.fault.message, result.fault.remedy, result.fault.start);
    else compiled[field] = result.expression;
  }
  for (const field of REQUIRED) {
    if (input.templates[field] !== undefined) continue;
    const message = `profile.${field} of target ${input.target} is missing`;
    problems.push({
      severity: 'error',
      message,
      remedy: `give an expression, such as user.${field === 'login' ? 'email' : field}`,
    });
  }
  const { login, displayName, firstName, lastName, email } = compiled;
  if (problems.length > 0 || login === undefined || displayName === undefined) return { problems };
  const template: ProfileTemplate = {
    login,
    displayName,
    ...(firstName !== undefined && { firstName }),
    ...(lastName !== undefined && { lastName }),
    ...(email !== undefined && { email }),
  };
  return { template, problems };
}

const isField = (name: string): name is ProfileField => (PROFILE_FIELDS as readonly string[]).includes(name);

/** A field that lacks a value, and why. */
export interface Lack {
  readonly field: ProfileField;
  readonly because: string;
}

/** The profile of one person, or what is missing: login, display name and what the target requires must be there. */
export function evaluateProfile(
  template: ProfileTemplate,
  input: ExpressionInput,
  requires: Capabilities['requires'],
): { readonly profile: Profile } | { readonly lacks: readonly Lack[] } {
  const values: Partial<Record<ProfileField, string>> = {};
  const lacks: Lack[] = [];
  for (const field of PROFILE_FIELDS) {
    const expression = template[field];
    const outcome = expression?.evaluate(input) ?? { indeterminate: 'no template gives it' };
    if ('value' in outcome) values[field] = outcome.value;
    else if (REQUIRED.includes(field) || (requires as readonly string[]).includes(field)) {
      lacks.push({ field, because: outcome.indeterminate });
    }
  }
  const { login, displayName, ...rest } = values;
  if (lacks.length > 0 || login === undefined || displayName === undefined) return { lacks };
  return { profile: { login, displayName, ...rest } };
}
