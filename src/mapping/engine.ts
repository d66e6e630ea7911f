import type { AttributeDeclaration } from '../model/attributes.ts';
import { createCelEngine } from './engine/cel.ts';
import type { RuleEngine } from './engine/types.ts';

export { MAX_EXPRESSION } from './engine/types.ts';
export type { Compiled, Fault, ResultTypes, RuleEngine } from './engine/types.ts';

/** `user.<name>` for each declaration, `user.groups` (names), and `now`. Costly: make one for many expressions. */
export function createEngine(attributes: readonly AttributeDeclaration[]): RuleEngine {
  return createCelEngine(attributes);
}
