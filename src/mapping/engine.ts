import type { AttributeDeclaration, AttributeType } from '../model/attributes.ts';
import { createCelEngine } from './engine/cel.ts';
import type { RuleEngine } from './engine/types.ts';
import { isNone, toCel } from './engine/values.ts';

export { MAX_EXPRESSION } from './engine/types.ts';
export type { Compiled, ExpressionFacts, Fault, ResultTypes, RuleEngine, Sound } from './engine/types.ts';

/**
 * `user.<name>` for each declaration, `user.from("<source>").<name>` for each of `sources`, `user.groups` (names), and
 * `now`. Costly: make one for many expressions.
 */
export function createEngine(attributes: readonly AttributeDeclaration[], sources: readonly string[] = []): RuleEngine {
  return createCelEngine(attributes, sources);
}

/** May an attribute of this type have the value? Empty values may be given to any. */
export const isValueOf = (value: unknown, type: AttributeType): boolean =>
  isNone(value) || toCel(value, type) !== undefined;
