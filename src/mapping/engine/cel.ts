import { Environment } from '@marcbachmann/cel-js';
import type { AttributeDeclaration } from '../../model/attributes.ts';
import type { Expression, ExpressionInput, Outcome, Place } from '../../model/rules.ts';
import { type Compiled, type Fault, MAX_EXPRESSION, type ResultTypes, type RuleEngine } from './types.ts';
import { RULE_FUNCTIONS } from '../functions/index.ts';
import { MAX_STEPS, TooMuch } from './bounds.ts';
import { conjuncts, factsOf } from './facts.ts';
import { inspect } from './inspect.ts';
import { instrument, type Slot } from './instrument.ts';
import { asCall, attributeRead, type CelNode, meaningOf, walk } from './nodes.ts';
import { faultOf, REASONS } from './faults.ts';
import { NONE, Unknown } from './values.ts';

const TIMESTAMP = 'google.protobuf.Timestamp';
const LIMITS = { maxAstNodes: 2_000, maxDepth: 60, maxListElements: 1_000, maxMapEntries: 100, maxCallArguments: 8 };

/** Names of the groups that hold the person, directly or through others: there without being declared. */
const GROUPS: AttributeDeclaration = { name: 'groups', type: 'list<string>', about: "names of the person's groups" };

/** The rule language on @marcbachmann/cel-js. */
export function createCelEngine(declared: readonly AttributeDeclaration[], sources: readonly string[]): RuleEngine {
  const attributes = new Map([...declared, GROUPS].map((a) => [a.name, a]));
  const env = environment(attributes);
  const methods = methodNames(env);

  const read = (text: string): { root: CelNode; given: string; run: (context: object) => unknown } | Fault => {
    if (text.trim() === '') return { message: 'the expression is empty', start: 0, end: 0 };
    if (text.length > MAX_EXPRESSION) {
      const message = `the expression has ${text.length} characters, more than ${MAX_EXPRESSION}`;
      return { message, remedy: 'split the rule into several', start: 0, end: 0 };
    }
    try {
      const parsed = env.parse(text);
      const root = parsed.ast as unknown as CelNode;
      const fault = inspect(root, { attributes, sources });
      if (fault !== undefined) return fault;
      allowHasOfSource(root);
      const checked = parsed.check();
      if (!checked.valid) return faultOf(checked.error, text, methods);
      return { root, given: checked.type ?? 'dyn', run: parsed };
    } catch (error) {
      return faultOf(error, text, methods);
    }
  };

  const engine: RuleEngine = {
    attributes,
    compile<K extends keyof ResultTypes>(text: string, type: K, place: Place): Compiled<ResultTypes[K]> {
      const result = read(text);
      if ('message' in result) return { fault: result };
      const wanted = type === 'timestamp' ? TIMESTAMP : type;
      if (result.given !== wanted) {
        const given = result.given === TIMESTAMP ? 'timestamp' : result.given;
        return { fault: { message: `this gives ${given}, but a ${type} is needed here`, start: 0, end: text.length } };
      }
      const meaning = meaningOf(result.root);
      const facts = factsOf(result.root);
      const parts = type === 'bool' ? conjuncts(result.root).map(({ start, end }) => text.slice(start, end)) : [];
      const slot: Slot = { input: undefined, steps: 0 };
      instrument(result.root, attributes, slot);
      const whole = expressionOf<ResultTypes[K]>(text, type, place, result.run, slot);
      const expression: Expression<ResultTypes[K]> = {
        ...whole,
        reads: facts.reads,
        parts: () => partsOf(engine, parts, expression),
      };
      return { expression, meaning, facts };
    },
  };
  return engine;
}

/** Each part compiled by itself; the whole where one can't stand alone. */
function partsOf(
  engine: RuleEngine,
  texts: readonly string[],
  whole: Expression<unknown>,
): ReadonlyArray<Expression<boolean>> {
  const single = [whole as Expression<boolean>];
  if (texts.length < 2) return single;
  const parts = texts.map((text) => engine.compile(text, 'bool', whole.place));
  return parts.every((part) => 'expression' in part) ? parts.map((part) => part.expression) : single;
}

/**
 * CEL with our functions, made once: registering a function twice in one process is refused, even in two environments.
 * The tree is given our own evaluation; the registration is for the type check alone.
 */
const BASE = base();

function base(): Environment {
  const env = new Environment({ limits: LIMITS });
  const known = new Set(env.getDefinitions().functions.map((f) => f.name));
  for (const f of RULE_FUNCTIONS) {
    if (!known.has(f.name) && !('of' in f)) env.registerFunction(f.signature, () => undefined, { async: false });
  }
  return env;
}

function environment(attributes: ReadonlyMap<string, AttributeDeclaration>): Environment {
  const fields: Record<string, string> = {};
  for (const { name, type } of attributes.values()) fields[name] = type === 'timestamp' ? TIMESTAMP : type;
  const env = BASE.clone().registerType('User', { fields });
  env.registerFunction('User.from(string): User', () => undefined, { async: false });
  for (const f of RULE_FUNCTIONS) {
    if ('of' in f) env.registerFunction(f.signature, () => undefined, { async: false });
  }
  return env.registerVariable('user', 'User').registerVariable('now', TIMESTAMP);
}

/** The library lets `has` take a chain of names only; `has(user.from("<source>").<name>)` is one for us too. */
function allowHasOfSource(root: CelNode): void {
  for (const node of walk(root)) {
    const call = asCall(node);
    const subject = call?.name === 'has' ? call.args[0] : undefined;
    const { macro } = node.meta;
    if (subject === undefined || macro === undefined || attributeRead(subject)?.source === undefined) continue;
    macro.typeCheck = (checker, _macro, ctx) => {
      checker.check(subject, ctx);
      return checker.getType('bool');
    };
  }
}

const methodNames = (env: Environment): string[] => [...new Set(env.getDefinitions().functions.map((f) => f.name))];

function expressionOf<T>(
  text: string,
  type: keyof ResultTypes,
  place: Place,
  run: (context: object) => unknown,
  slot: Slot,
): Expression<T> {
  const fits = (value: unknown): boolean => (type === 'timestamp' ? isDate(value) : typeof value === TYPEOF[type]);
  return {
    text,
    place,
    evaluate(input: ExpressionInput): Outcome<T> {
      slot.input = input;
      slot.steps = MAX_STEPS;
      try {
        const value = run({ user: NO_FIELDS, now: input.now });
        if (value === '') return { indeterminate: REASONS.none };
        return fits(value) ? { value: value as T } : { indeterminate: `it did not give a ${type}` };
      } catch (error) {
        return { indeterminate: reasonOf(error) };
      } finally {
        slot.input = undefined;
      }
    },
  };
}

const TYPEOF = { bool: 'boolean', string: 'string', timestamp: 'object' } as const;
const NO_FIELDS = {};
const isDate = (value: unknown): boolean => value instanceof Date && !Number.isNaN(value.getTime());

/** In a few words and without values: a reason is stored and shown, and values may be personal. */
function reasonOf(error: unknown): string {
  if (error === NONE) return REASONS.none;
  if (error instanceof Unknown || error instanceof TooMuch) return error.message;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'error';
  return REASONS[code] ?? `evaluation failed (${code.replaceAll('_', ' ')})`;
}
