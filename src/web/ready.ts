import type { Response } from 'express';
import type { Recovery } from '../model/recovery.ts';

/** What `/readyz` tells. A source that is silent does not make the service unready; its age stands in the body. */
export interface Readiness {
  readonly store: boolean;
  readonly queue: boolean;
  /** `withheld`: they are lost, and people keep what they have. */
  readonly rules: { readonly count: number; readonly withheld: boolean } | null;
  /** The store may be an old copy: nothing is given, and taken only from explicit leavers, until what `ends` says. */
  readonly recovery: (Recovery & { readonly ends: string }) | null;
  /** Not in the settings any more, but in the store: these sources' people and these targets' ledgers stay as they are. */
  readonly retired: { readonly sources: readonly string[]; readonly targets: readonly string[] };
  readonly sources: ReadonlyArray<{
    readonly id: string;
    readonly type: string;
    readonly users: number;
    readonly groups: number;
    /** Since the last change, whole seconds; null when there was none. */
    readonly ageSeconds: number | null;
    /** Last request of a SCIM client with a valid token, to the minute. */
    readonly lastHeard: Date | null;
    /** Nothing was heard for longer than `maxSilence`. */
    readonly silent: boolean;
    /** Who left or was suspended within the window of `leaverBurst`, how many may, and people held beyond that. */
    readonly leavers: { readonly recently: number; readonly allowed: number | null; readonly held: number };
    /** Tokens that end within 30 days, and expired ones that none has replaced. */
    readonly endingTokens: ReadonlyArray<{ readonly id: string; readonly name: string; readonly expiresAt: Date }>;
    /** Of a directory: how it is read. */
    readonly reading?: {
      /** Since the last sealed reading began, whole seconds; null before the first. */
      readonly sealedAgeSeconds: number | null;
      /** How the last reading ended, and why it was not sealed or broke off. */
      readonly last: string | null;
      readonly because: string | null;
      readonly stale: boolean;
      readonly missing: number;
      readonly nextAt: Date | null;
    };
  }>;
  readonly targets: ReadonlyArray<{
    readonly id: string;
    readonly mode: string;
    readonly observedAt: Date | null;
    readonly paused: boolean;
    readonly pending: number;
    readonly parked: number;
  }>;
}

const NOTHING: Readiness = {
  store: false,
  queue: false,
  rules: null,
  recovery: null,
  retired: { sources: [], targets: [] },
  sources: [],
  targets: [],
};

/** 200 when store and queue work, else 503; the body is the same in both. Never waits longer than `limitMs`. */
export async function sendReadiness(response: Response, ask: () => Promise<Readiness>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), limitMs)));
  const found = await Promise.race([ask().catch(() => undefined), late]);
  clearTimeout(timer);
  const body = found ?? NOTHING;
  const ready = body.store && body.queue;
  response.status(ready ? 200 : 503).json({ ready, ...body });
}
