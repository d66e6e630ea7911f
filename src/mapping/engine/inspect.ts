import type { AttributeDeclaration } from '../../model/attributes.ts';
import type { Fault } from './types.ts';
import { RULE_FUNCTIONS } from '../functions/index.ts';
import { didYouMean } from '../../model/suggest.ts';
import { asCall, attributeRead, type CelNode, children, COMPREHENSIONS, isUser, textLiteral } from './nodes.ts';

const MAX_NESTING = 2;
const LITERALS = new Map(RULE_FUNCTIONS.flatMap((f) => ('compile' in f ? [[f.name, f]] : [])));
const PERSON = new Map(RULE_FUNCTIONS.flatMap((f) => ('of' in f ? [[f.name, f]] : [])));

/** Functions of CEL that rules may not use, with what to use instead. */
const REFUSED: Readonly<Record<string, string>> = {
  matches: 'use reMatch("…"): its time is bounded',
  dyn: 'it would switch the type check off',
  json: 'it would switch the type check off',
};

/** What an expression may name. */
export interface Names {
  readonly attributes: ReadonlyMap<string, AttributeDeclaration>;
  readonly sources: readonly string[];
}

/** What may not be said, although the language has it. Runs before the type check. */
export function inspect(root: CelNode, names: Names): Fault | undefined {
  const look = (node: CelNode, nesting: number): Fault | undefined => {
    const call = asCall(node);
    const inside = call?.receiver !== undefined && COMPREHENSIONS.has(call.name) ? nesting + 1 : nesting;
    const fault =
      refusedCall(node) ?? variableFault(node) ?? literalFault(node) ?? hasFault(node) ?? userFault(node, names);
    if (fault !== undefined) return fault;
    if (inside > MAX_NESTING) {
      return at(node, `loops (${call?.name ?? ''}) nest deeper than ${MAX_NESTING}`, 'split the rule into several');
    }
    if (attributeRead(node) !== undefined) return undefined;
    if (call?.receiver !== undefined && isUser(call.receiver)) return undefined;
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

function literalFault(node: CelNode): Fault | undefined {
  const call = asCall(node);
  const known = call?.receiver === undefined ? undefined : LITERALS.get(call.name);
  const argument = call?.args[0];
  if (known === undefined || argument === undefined) return undefined;
  const literal = textLiteral(argument);
  if (literal === undefined) {
    return at(argument, `the ${known.takes} of \`${known.name}\` must be a literal`, 'write it in quotes');
  }
  try {
    known.compile(literal);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it can not be read';
    return at(argument, `not a valid ${known.takes}: ${why}`, known.hint);
  }
}

function hasFault(node: CelNode): Fault | undefined {
  const call = asCall(node);
  if (call === undefined || call.receiver !== undefined || call.name !== 'has') return undefined;
  const [subject] = call.args;
  if (subject !== undefined && attributeRead(subject) !== undefined) return undefined;
  return at(subject ?? node, '`has` asks for an attribute of the user', 'write has(user.<name>)');
}

/** `user` occurs only as `user.<name>`, `user.from("<source>").<name>` and in functions of the person. */
function userFault(node: CelNode, { attributes, sources }: Names): Fault | undefined {
  const read = attributeRead(node);
  if (read !== undefined) {
    const { name, source } = read;
    const declared = attributes.get(name);
    if (source !== undefined && !sources.includes(source)) return sourceFault(node, source, sources);
    const told = declared !== undefined && (source === undefined || (declared.sources?.includes(source) ?? true));
    if (told && (source === undefined || name !== 'groups')) return undefined;
    const open = [...attributes.values()].filter((a) => source === undefined || a.sources?.includes(source) !== false);
    const message =
      declared === undefined
        ? `no attribute \`${name}\` is declared`
        : `the source ${source} does not tell \`${name}\``;
    const remedy =
      name === 'groups'
        ? 'use user.groups or user.inGroup(…)'
        : didYouMean(
            name,
            open.map((a) => a.name),
          );
    return { ...at(node, message, remedy), start: node.end - name.length };
  }
  const call = asCall(node);
  if (call?.receiver !== undefined && isUser(call.receiver)) return personFault(node, call, sources);
  if (isUser(node)) return at(node, '`user` is not a value by itself', 'write user.<name>');
  return undefined;
}

const sourceFault = (node: CelNode, source: string, sources: readonly string[]): Fault =>
  at(node, `there is no source \`${source}\``, didYouMean(source, sources) ?? 'name a source of the settings');

function personFault(
  node: CelNode,
  { name, args }: NonNullable<ReturnType<typeof asCall>>,
  sources: readonly string[],
): Fault | undefined {
  if (name === 'from') {
    const literal = args.length === 1 && textLiteral(args[0]) !== undefined;
    if (!literal)
      return at(args[0] ?? node, '`from` takes one source, as a literal', 'write user.from("<source>").<name>');
    return at(node, '`user.from(…)` is not a value by itself', 'write user.from("<source>").<name>');
  }
  const known = PERSON.get(name);
  if (known === undefined)
    return at(node, `\`user\` has no function \`${name}\``, didYouMean(name, ['from', ...PERSON.keys()]));
  const wrong = args.find((arg) => textLiteral(arg) === undefined);
  if (wrong !== undefined) return at(wrong, `what \`${name}\` is given must be literals`, 'write it in quotes');
  const source = textLiteral(args[0]);
  return source === undefined || sources.includes(source) ? undefined : sourceFault(args[0] ?? node, source, sources);
}
