/**
 * The meaning of conditions, written down a second time and as plainly as possible: what the engine has to agree with.
 * A value, none (delivered empty), or unknown (not delivered).
 */
import * as fc from 'fast-check';

export const NONE = Symbol('none');
export const UNKNOWN = Symbol('unknown');
export type Value = string | bigint | boolean | readonly string[] | typeof NONE | typeof UNKNOWN;

/** `null` was delivered empty; what is missing was not delivered. */
export type User = Readonly<Record<string, string | number | boolean | readonly string[] | null>>;

export interface Term {
  readonly text: string;
  /** Uses functions that only our engine has. */
  readonly own?: boolean;
  of(user: User, vars: Readonly<Record<string, string>>): Value;
}

const known = (v: Value): boolean => v !== NONE && v !== UNKNOWN;
/** What has all its operands or nothing: none wins, since no value of the unknown would change that. */
const strict = (values: readonly Value[], f: () => Value): Value =>
  values.includes(NONE) ? NONE : values.includes(UNKNOWN) ? UNKNOWN : f();
const falseIfNone = (v: Value): Value => (v === NONE ? false : v);

/** Kleene: one that decides is enough. */
const and = (values: readonly Value[]): Value => {
  const each = new Set(values.map(falseIfNone));
  return each.has(false) ? false : each.has(UNKNOWN) ? UNKNOWN : true;
};
const or = (values: readonly Value[]): Value => {
  const each = new Set(values.map(falseIfNone));
  return each.has(true) ? true : each.has(UNKNOWN) ? UNKNOWN : false;
};

const made = (parts: readonly Term[], text: string, of: Term['of'], own = false): Term => ({
  text,
  of,
  ...((own || parts.some((p) => p.own)) && { own: true }),
});

const attribute = (name: string): Term => ({
  text: `user.${name}`,
  of: (user) => {
    const value = user[name];
    if (value === undefined) return UNKNOWN;
    if (Array.isArray(value)) return value as readonly string[];
    if (name.startsWith('list')) return [];
    if (value === null || value === '') return NONE;
    return typeof value === 'number' ? BigInt(value) : (value as string | boolean);
  },
});

const TEXTS = ['a', 'b', 'ab', 'A@b'] as const;
const quoted = (text: string): Term => ({ text: JSON.stringify(text), of: () => text });
type Ordered = string | bigint;
const COMPARE: Record<string, (a: Ordered, b: Ordered) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const choice = (c: Term, yes: Term, no: Term): Term =>
  made([c, yes, no], `(${c.text} ? ${yes.text} : ${no.text})`, (user, vars) => {
    const decided = falseIfNone(c.of(user, vars));
    return decided === UNKNOWN ? UNKNOWN : (decided ? yes : no).of(user, vars);
  });

const listElements = (list: Term, user: User): readonly string[] | typeof UNKNOWN => {
  const value = list.of(user, {});
  return value === UNKNOWN ? UNKNOWN : (value as readonly string[]);
};

interface Terms {
  readonly bool: Term;
  readonly text: Term;
  readonly int: Term;
}

/** Random terms. Inside a loop, texts may be the loop's variable `e`. */
function terms(loop: boolean): { [K in keyof Terms]: fc.Arbitrary<Terms[K]> } {
  const list = fc.constantFrom('list1', 'list2').map(attribute);
  const variable: Term = { text: 'e', of: (_user, vars) => vars['e'] ?? UNKNOWN };
  return fc.letrec<Terms>((tie: fc.LetrecTypedTie<Terms>) => {
    const compared = (operand: fc.Arbitrary<Term>): fc.Arbitrary<Term> =>
      fc.tuple(fc.constantFrom(...Object.keys(COMPARE)), operand, operand).map(([op, a, b]) =>
        made([a, b], `(${a.text} ${op} ${b.text})`, (user, vars) => {
          const [x, y] = [a.of(user, vars), b.of(user, vars)] as const;
          return falseIfNone(strict([x, y], () => COMPARE[op]?.(x as Ordered, y as Ordered) ?? UNKNOWN));
        }),
      );
    const loops = fc
      .tuple(list, fc.constantFrom('exists', 'all'), loop ? fc.constant(variable) : terms(true).bool)
      .map(([l, kind, body]) =>
        made([body], `${l.text}.${kind}(e, ${body === variable ? 'e == "a"' : body.text})`, (user) => {
          const elements = listElements(l, user);
          if (elements === UNKNOWN) return UNKNOWN;
          const each = elements.map((e) => (body === variable ? e === 'a' : body.of(user, { e })));
          return kind === 'exists' ? or(each) : and(each);
        }),
      );
    return {
      bool: fc.oneof(
        { depthSize: 'small', withCrossShrink: true, maxDepth: 5 },
        fc.boolean().map((b): Term => ({ text: String(b), of: () => b })),
        fc.constantFrom('flag1', 'flag2').map(attribute),
        fc.constantFrom('text1', 'text2', 'int1', 'flag1', 'list1').map((name): Term => ({
          text: `has(user.${name})`,
          of: (user) => {
            const value = attribute(name).of(user, {});
            return value === UNKNOWN ? UNKNOWN : value !== NONE && !(Array.isArray(value) && value.length === 0);
          },
        })),
        compared(tie('text')),
        compared(tie('int')),
        fc.tuple(tie('text'), fc.array(tie('text'), { maxLength: 3 })).map(([x, elements]) =>
          made([x, ...elements], `(${x.text} in [${elements.map((e) => e.text).join(', ')}])`, (user, vars) => {
            const wanted = x.of(user, vars);
            if (!known(wanted)) return falseIfNone(wanted);
            const each = new Set(elements.map((e) => e.of(user, vars)));
            return each.has(wanted) ? true : each.has(UNKNOWN) ? UNKNOWN : false;
          }),
        ),
        fc.tuple(tie('text'), list).map(([x, l]) =>
          made([x], `(${x.text} in ${l.text})`, (user, vars) => {
            const wanted = x.of(user, vars);
            const elements = listElements(l, user);
            if (wanted === NONE) return false;
            if (wanted === UNKNOWN || elements === UNKNOWN) return UNKNOWN;
            return elements.includes(wanted as string);
          }),
        ),
        fc.tuple(tie('text'), tie('text')).map(([a, b]) =>
          made([a, b], `${a.text}.startsWith(${b.text})`, (user, vars) => {
            const [x, y] = [a.of(user, vars), b.of(user, vars)] as const;
            return falseIfNone(strict([x, y], () => String(x).startsWith(String(y))));
          }),
        ),
        tie('bool').map((b) =>
          made([b], `!(${b.text})`, (user, vars) => {
            const value = b.of(user, vars);
            return known(value) ? value !== true : value;
          }),
        ),
        fc
          .tuple(tie('bool'), tie('bool'))
          .map(([a, b]) =>
            made([a, b], `(${a.text} && ${b.text})`, (user, vars) => and([a.of(user, vars), b.of(user, vars)])),
          ),
        fc
          .tuple(tie('bool'), tie('bool'))
          .map(([a, b]) =>
            made([a, b], `(${a.text} || ${b.text})`, (user, vars) => or([a.of(user, vars), b.of(user, vars)])),
          ),
        fc.tuple(tie('bool'), tie('bool'), tie('bool')).map(([c, yes, no]) => choice(c, yes, no)),
        loops,
      ),
      text: fc.oneof(
        { depthSize: 'small', withCrossShrink: true, maxDepth: 3 },
        fc.constantFrom(...TEXTS).map(quoted),
        fc.constantFrom('text1', 'text2').map(attribute),
        ...(loop ? [fc.constant(variable)] : []),
        fc.tuple(tie('text'), tie('text')).map(([a, b]) =>
          made([a, b], `(${a.text} + ${b.text})`, (user, vars) => {
            const [x, y] = [a.of(user, vars), b.of(user, vars)] as const;
            return strict([x, y], () => String(x) + String(y));
          }),
        ),
        tie('text').map((a) =>
          made(
            [a],
            `${a.text}.localPart()`,
            (user, vars) => {
              const x = a.of(user, vars);
              return strict([x], () => /^(.+)@/s.exec(String(x))?.[1] ?? NONE);
            },
            true,
          ),
        ),
        fc.tuple(tie('bool'), tie('text'), tie('text')).map(([c, yes, no]) => choice(c, yes, no)),
      ),
      int: fc.oneof(
        { depthSize: 'small', withCrossShrink: true, maxDepth: 2 },
        fc.integer({ min: 0, max: 3 }).map((n): Term => ({ text: String(n), of: () => BigInt(n) })),
        fc.constant(attribute('int1')),
        fc.tuple(tie('int'), tie('int')).map(([a, b]) =>
          made([a, b], `(${a.text} + ${b.text})`, (user, vars) => {
            const [x, y] = [a.of(user, vars), b.of(user, vars)] as const;
            return strict([x, y], () => (x as bigint) + (y as bigint));
          }),
        ),
        tie('text').map((a) =>
          made([a], `size(${a.text})`, (user, vars) => {
            const x = a.of(user, vars);
            return strict([x], () => BigInt(String(x).length));
          }),
        ),
      ),
    };
  });
}

/** A condition and what it means. */
export const condition: fc.Arbitrary<Term> = terms(false).bool;

/** What the condition comes to for a rule: none is false there too. */
export const meant = (term: Term, user: User): boolean | typeof UNKNOWN => {
  const value = falseIfNone(term.of(user, {}));
  return value === UNKNOWN ? UNKNOWN : value === true;
};

const maybe = <T>(value: fc.Arbitrary<T>, whole: boolean): fc.Arbitrary<T | null | undefined> =>
  whole ? value : fc.oneof({ weight: 3, arbitrary: value }, fc.constant(null), fc.constant(undefined));

/** A person. `whole`: everything was delivered, and nothing is empty. */
export const user = (whole: boolean): fc.Arbitrary<User> => {
  const text = fc.constantFrom(...TEXTS);
  const list = fc.array(text, { maxLength: 3 });
  return fc
    .record({
      text1: maybe(text, whole),
      text2: maybe(text, whole),
      int1: maybe(fc.integer({ min: 0, max: 3 }), whole),
      flag1: maybe(fc.boolean(), whole),
      flag2: maybe(fc.boolean(), whole),
      list1: maybe(list, whole),
      list2: maybe(list, whole),
    })
    .map((values) => Object.fromEntries(Object.entries(values).filter(([, v]) => v !== undefined)) as User);
};

export const DECLARED = [
  { name: 'text1', type: 'string', about: '' },
  { name: 'text2', type: 'string', about: '' },
  { name: 'int1', type: 'int', about: '' },
  { name: 'flag1', type: 'bool', about: '' },
  { name: 'flag2', type: 'bool', about: '' },
  { name: 'list1', type: 'list<string>', about: '' },
  { name: 'list2', type: 'list<string>', about: '' },
] as const;
