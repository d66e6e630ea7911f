/** A test suite that somebody publishes for SCIM servers, said again as data. `suites.test.ts` runs it. */
export interface Suite {
  readonly name: string;
  /** Whose it is and what it is for, one sentence for docs/scim-suites.md. */
  readonly about: string;
  /** Where it is published, and which version this is. */
  readonly source: string;
  /** In the order of the suite: later ones use what earlier ones saved. */
  readonly steps: readonly Step[];
}

/** One request, and what the suite wants of the answer. */
export interface Step {
  readonly name: string;
  readonly request: Request;
  /** Variables for later steps, by path in the answer. `{{name}}` in paths, bodies and expectations stands for them. */
  readonly save?: Readonly<Record<string, string>>;
  /** Not of the suite: what it asks to be there before. */
  readonly given?: true;
  /** None: the suite sends it, and looks at the result later. */
  readonly checks: readonly Check[];
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base address, encoded where it has to be. */
  readonly path: string;
  /** An object is sent as JSON, text as it is. */
  readonly body?: unknown;
  readonly type?: string;
}

/** One assertion of the suite. */
export interface Check {
  readonly wants: Expectation;
  /** We answer otherwise, and why. */
  readonly judged?: Judgement;
  /** What a test that has to hold on any machine can't assert: where it is seen to instead. */
  readonly elsewhere?: string;
}

export interface Judgement {
  /** `wrong`: the RFC says, or leaves, otherwise. `departure`: the check is right by the letter, and we keep from it. */
  readonly as: 'wrong' | 'departure';
  /** `RFC 7644 3.5.2` */
  readonly section: string;
  readonly why: string;
  /** What we answer, in words and as asserted. */
  readonly instead: string;
  readonly answers: readonly Expectation[];
  /** Asserted of one more request: the same wish in the form of the RFC, or that nothing else has changed. */
  readonly further?: { readonly request: Request; readonly answers: readonly Expectation[] };
}

/**
 * What an answer has to be. `at` is a path of keys: `Resources/0/id`, `*` for each element; '' is the whole.
 * - `is`: that value; of an object the keys named, of an array each element in its place; `{ $some: […] }` is an array
 *   that has these among others
 * - `has`: the array at the path has this element
 * - `filled`: there is something, and not nothing in the form of '', [] or {}
 * - `empty`: there is nothing, or '' or [] (RFC 7643 2.5 holds nothing, null and [] for the same); `none`: nothing or null
 */
export type Expectation =
  | { readonly status: number | readonly number[] }
  | { readonly at: string; readonly is: unknown }
  | { readonly at: string; readonly has: unknown }
  | { readonly at: string; readonly filled: true }
  | { readonly at: string; readonly empty: true }
  | { readonly at: string; readonly none: true }
  | { readonly at: string; readonly type: 'number' | 'string' | 'boolean' }
  | { readonly header: string; readonly says: string }
  | { readonly text: string }
  | { readonly noText: string }
  | { readonly withinMs: number };

/** Counts of a suite, for the document: what is asserted in `suites.test.ts`. */
export function counts(suite: Suite): {
  readonly requests: number;
  readonly checks: number;
  readonly wrong: number;
  readonly departures: number;
  readonly elsewhere: number;
  readonly hold: number;
} {
  const checks = suite.steps.flatMap((step) => step.checks);
  const judged = (as: Judgement['as']): number => checks.filter((check) => check.judged?.as === as).length;
  const [wrong, departures] = [judged('wrong'), judged('departure')];
  const elsewhere = checks.filter((check) => check.elsewhere !== undefined).length;
  return {
    requests: suite.steps.filter((step) => step.given !== true).length,
    checks: checks.length,
    wrong,
    departures,
    elsewhere,
    hold: checks.length - wrong - departures - elsewhere,
  };
}

export const status = (code: number | readonly number[]): Check => ({ wants: { status: code } });
export const is = (at: string, value: unknown): Check => ({ wants: { at, is: value } });
export const has = (at: string, value: unknown): Check => ({ wants: { at, has: value } });
export const filled = (at: string): Check => ({ wants: { at, filled: true } });
export const isNumber = (at: string): Check => ({ wants: { at, type: 'number' } });
export const text = (part: string): Check => ({ wants: { text: part } });

/** The expectation in a few words, for reports and the document. */
export function words(wants: Expectation): string {
  if ('status' in wants) return `status ${[wants.status].flat().join(' or ')}`;
  if ('header' in wants) return `the header ${wants.header} says ${wants.says}`;
  if ('text' in wants) return `the body contains ${JSON.stringify(wants.text)}`;
  if ('noText' in wants) return `the body does not contain ${JSON.stringify(wants.noText)}`;
  if ('withinMs' in wants) return `an answer within ${wants.withinMs} ms`;
  if ('is' in wants) return `${wants.at} is ${JSON.stringify(wants.is)}`;
  if ('has' in wants) return `${wants.at} has ${JSON.stringify(wants.has)}`;
  if ('type' in wants) return `${wants.at} is a ${wants.type}`;
  if ('none' in wants) return `there is no ${wants.at}`;
  return 'filled' in wants ? `${wants.at} is not empty` : `${wants.at} is empty`;
}
