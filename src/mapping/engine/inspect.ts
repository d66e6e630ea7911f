import { RE2JSSyntaxException } from 're2js';
import type { Fault } from './types.ts';
import { RULE_FUNCTIONS } from '../functions/index.ts';
import { didYouMean } from '../../model/suggest.ts';
import { asCall, attributeRead, type CelNode, children } from './nodes.ts';

const COMPREHENSIONS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const MAX_NESTING = 2;
const PATTERNS = new Map(RULE_FUNCTIONS.flatMap((f) => ('compile' in f ? [[f.name, f]] : [])));

/** Functions of CEL that rules may not use, with what to use instead. */
const REFUSED: Readonly<Record<string, string>> = {
  matches: 'use reMatch("…"): its time is bounded',
  dyn: 'it would switch the type check off',
  json: 'it would switch the type check off',
};

/** What may not be said, although the language has it. Runs before the type check. */
export function inspect(root: CelNode, attributes: readonly string[]): Fault | undefined {
  const look = (node: CelNode, nesting: number): Fault | undefined => {
    const call = asCall(node);
    const inside = call?.receiver !== undefined && COMPREHENSIONS.has(call.name) ? nesting + 1 : nesting;
    const fault =
      refusedCall(node) ?? variableFault(node) ?? patternFault(node) ?? hasFault(node) ?? userFault(node, attributes);
    if (fault !== undefined) return fault;
    if (inside > MAX_NESTING) {
      return at(node, `loops (${call?.name ?? ''}) nest deeper than ${MAX_NESTING}`, 'split the rule into several');
    }
    if (attributeRead(node) !== undefined) return undefined;
    for (const child of children(node)) {
      const found = look(child, inside);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return look(root, 0);
}

const at = (node: CelNode, message: string, remedy?: string): Fault => ({
  message,
  ...(remedy !== undefined && { remedy }),
  start: node.start,
  end: node.end,
});

/** Where the name of a call stands: after the receiver, or first. */
function refusedCall(node: CelNode): Fault | undefined {
  const call = asCall(node);
  const why = call === undefined ? undefined : REFUSED[call.name];
  if (call === undefined || why === undefined) return undefined;
  return { ...at(node, `\`${call.name}\` is not allowed in rules`, why), start: call.receiver?.end ?? node.start };
}

function variableFault(node: CelNode): Fault | undefined {
  const call = asCall(node);
  if (call?.receiver === undefined) return undefined;
  if (!COMPREHENSIONS.has(call.name) && call.name !== 'bind') return undefined;
  const variable = call.args[0];
  if (variable?.op !== 'id' || (variable.args !== 'user' && variable.args !== 'now')) return undefined;
  return at(variable, `\`${String(variable.args)}\` is taken`, 'give the loop variable another name');
}

function patternFault(node: CelNode): Fault | undefined {
  const call = asCall(node);
  const pattern = call?.args[0];
  const known = call === undefined ? undefined : PATTERNS.get(call.name);
  if (known === undefined || pattern === undefined) return undefined;
  if (pattern.op !== 'value' || typeof pattern.args !== 'string') {
    return at(pattern, `the pattern of \`${known.name}\` must be a literal`, 'write it in quotes');
  }
  try {
    known.compile(pattern.args);
    return undefined;
  } catch (error) {
    const why = error instanceof RE2JSSyntaxException ? error.message : 'it can not be read';
    return at(pattern, `not a valid pattern: ${why}`, 'RE2 syntax: no look-around, no back-references');
  }
}

function hasFault(node: CelNode): Fault | undefined {
  const call = asCall(node);
  if (call === undefined || call.receiver !== undefined || call.name !== 'has') return undefined;
  const [subject] = call.args;
  if (subject !== undefined && attributeRead(subject) !== undefined) return undefined;
  return at(subject ?? node, '`has` asks for an attribute of the user', 'write has(user.<name>)');
}

/** `user` occurs only as `user.<declared name>`. */
function userFault(node: CelNode, attributes: readonly string[]): Fault | undefined {
  const name = attributeRead(node);
  if (name !== undefined) {
    if (attributes.includes(name)) return undefined;
    const fault = at(node, `no attribute \`${name}\` is declared`, didYouMean(name, attributes));
    return { ...fault, start: node.end - name.length };
  }
  if (node.op === 'id' && node.args === 'user') {
    return at(node, '`user` is not a value by itself', 'write user.<name>');
  }
  return undefined;
}
