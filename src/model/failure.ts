/** What went wrong, said as what to do about it. */
export type Verdict =
  /** Busy, throttled, unreachable: again later. */
  | { readonly kind: 'retry'; readonly afterMs?: number }
  /** This one thing will not work as it stands: park it with the remedy. */
  | { readonly kind: 'refused' }
  /** Credentials or settings: pause the target, tell someone once. */
  | { readonly kind: 'broken' }
  /** Not as planned any more: plan again. */
  | { readonly kind: 'moved' }
  /** No answer after sending: look before anything else. */
  | { readonly kind: 'doubtful' };

export type VerdictKind = Verdict['kind'];

/**
 * The one error that a Directory or a Target throws. `message` says what happened, `remedy` what an operator can do.
 * Neither holds a secret; personal data only as far as an operator needs it.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly verdict: Verdict;
  readonly remedy: string | undefined;
  constructor(verdict: Verdict, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.verdict = verdict;
    this.remedy = options.remedy;
  }
}
