import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted at the moment of asking; the app reads it from store and jobs. */
export interface Figures {
  readonly dirty: number;
  readonly jobs: ReadonlyArray<{ readonly target: string; readonly pending: number; readonly parked: number }>;
  readonly paused: ReadonlyArray<{ readonly target: string; readonly paused: boolean }>;
  readonly sources: ReadonlyArray<{
    readonly source: string;
    readonly users: number;
    readonly groups: number;
    readonly lastChange: Date | null;
  }>;
  /** Changes that the guard holds for approval. */
  readonly holds: ReadonlyArray<{ readonly target: string; readonly n: number }>;
  /** End of each token that has one and is valid, by token id. */
  readonly tokens: ReadonlyArray<{ readonly id: string; readonly source: string; readonly expiresAt: Date }>;
}

/** Seconds from a source's word to access gone. The objective is p99 below 2 s. */
const LEAVER_BUCKETS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800, 7200];

/** The metrics of one service, in a registry of their own: two services in one process don't mix. */
export interface Metrics {
  readonly contentType: string;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  http(labels: { method: string; route: string; status: number }, seconds: number): void;
  scim(source: string, status: number): void;
  /** A lane was worked on; `verdict` is `done`, or the verdict of the failure. */
  job(target: string, verdict: string): void;
  plan(seconds: number): void;
  leaver(target: string, seconds: number): void;
  rules(loaded: boolean): void;
}

export function createMetrics(figures: () => Promise<Figures>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const http = new Histogram({
    name: 'drawbridge_http_request_seconds',
    help: 'Time of HTTP requests',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  });
  const scim = new Counter({
    name: 'drawbridge_scim_requests_total',
    help: 'SCIM requests by source and status',
    labelNames: ['source', 'status'],
    registers,
  });
  const job = new Counter({
    name: 'drawbridge_jobs_total',
    help: 'Jobs carried out, by target and verdict (done, retry, refused, broken, moved, doubtful)',
    labelNames: ['target', 'verdict'],
    registers,
  });
  const plan = new Histogram({ name: 'drawbridge_plan_seconds', help: 'Time to make a plan', registers });
  const leaver = new Histogram({
    name: 'drawbridge_leaver_seconds',
    help: "From the source's word that a person left or is suspended to the target's confirmation of the block",
    labelNames: ['target'],
    buckets: LEAVER_BUCKETS,
    registers,
  });
  const rules = new Counter({
    name: 'drawbridge_rules_loads_total',
    help: 'Times that the rules were read, by result (loaded, refused)',
    labelNames: ['result'],
    registers,
  });
  const show = addGauges(registry);
  return {
    contentType: registry.contentType,
    text: async () => {
      show(await figures().catch(() => undefined));
      return registry.metrics();
    },
    http: (labels, seconds) => http.observe(labels, seconds),
    scim: (source, status) => scim.inc({ source, status }),
    job: (target, verdict) => job.inc({ target, verdict }),
    plan: (seconds) => plan.observe(seconds),
    leaver: (target, seconds) => leaver.observe({ target }, seconds),
    rules: (loaded) => rules.inc({ result: loaded ? 'loaded' : 'refused' }),
  };
}

/** Gauges that are set before they are shown, all from one look at the store. */
function addGauges(registry: Registry): (now: Figures | undefined) => void {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const dirty = gauge('drawbridge_dirty', 'Changes that wait to be planned');
  const jobs = gauge('drawbridge_jobs', 'Jobs that wait or are parked, by target', ['target', 'state']);
  const paused = gauge('drawbridge_target_paused', '1 for a target that gets no work', ['target']);
  const holds = gauge('drawbridge_holds', 'Changes that the guard holds for approval', ['target']);
  const records = gauge('drawbridge_records', 'Users and groups that sources have told of', ['source', 'kind']);
  const changed = gauge('drawbridge_source_last_change_seconds', 'Unix time of the last change', ['source']);
  const expiry = gauge('drawbridge_token_expiry_seconds', 'Unix time when a token ends', ['token', 'source']);
  const up = gauge('drawbridge_store_up', '1 when the store answered');
  return (now) => {
    for (const one of [dirty, jobs, paused, holds, records, changed, expiry]) one.reset();
    up.set(now === undefined ? 0 : 1);
    if (now === undefined) return;
    dirty.set(now.dirty);
    for (const { target, pending, parked } of now.jobs) {
      jobs.set({ target, state: 'pending' }, pending);
      jobs.set({ target, state: 'parked' }, parked);
    }
    for (const one of now.paused) paused.set({ target: one.target }, one.paused ? 1 : 0);
    for (const { target, n } of now.holds) holds.set({ target }, n);
    for (const { source, users, groups, lastChange } of now.sources) {
      records.set({ source, kind: 'user' }, users);
      records.set({ source, kind: 'group' }, groups);
      if (lastChange !== null) changed.set({ source }, lastChange.getTime() / 1000);
    }
    for (const { id, source, expiresAt } of now.tokens) expiry.set({ token: id, source }, expiresAt.getTime() / 1000);
  };
}
