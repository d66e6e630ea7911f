import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What is counted at the moment of asking; the app reads it from store and jobs. */
export interface Figures {
  readonly dirty: number;
  /** Records of which somebody has to say whose they are. */
  readonly cases: number;
  /** The store is in recovery. */
  readonly recovery: boolean;
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
  /** Leavers of each source within its window, how many may, and people who are held because there were more. */
  readonly bursts: ReadonlyArray<{
    readonly source: string;
    readonly leaves: number;
    readonly allowed: number;
    readonly held: number;
  }>;
  /** Roles of which the settings say how many are to have them at least. */
  readonly roles: ReadonlyArray<{
    readonly target: string;
    readonly role: string;
    readonly members: number;
    readonly minMembers: number;
  }>;
  /** Push sources: when they were last heard, and whether that is too long ago. */
  readonly heard: ReadonlyArray<{ readonly source: string; readonly lastHeard: Date | null; readonly silent: boolean }>;
  /** Seconds to the end of each token that has one and was not revoked; below 0 it has ended. */
  readonly tokens: ReadonlyArray<{
    readonly id: string;
    readonly name: string;
    readonly source: string;
    readonly seconds: number;
  }>;
  /** Directories: how old what we know of each is, seconds; null before the first sealed reading. */
  readonly readings: ReadonlyArray<{
    readonly source: string;
    readonly ageSeconds: number | null;
    readonly stale: boolean;
    readonly missing: number;
  }>;
  /** The last look at all access: when (ISO 8601), how much was given, how much of it without a complete chain. */
  readonly verified?: { readonly at: string; readonly items: number; readonly broken: number };
}

/** Seconds from a source's word to access gone. The objective is p99 below 2 s. */
const LEAVER_BUCKETS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800, 7200];

/** Clients that have a series of their own; all further ones share `other`. */
const MAX_CLIENTS = 200;

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
  /** A SCIM client's irregular form was read. */
  irregular(info: { readonly source: string; readonly client: string; readonly form: string }): void;
  /** A SCIM request was refused that would have made an active user inactive. */
  leaveRefused(source: string): void;
  /** A reading of a source ended. */
  reading(reading: {
    readonly source: string;
    readonly state: string;
    readonly readMs: number | null;
    readonly admitMs: number | null;
  }): void;
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
  const irregular = new Counter({
    name: 'drawbridge_scim_irregular_total',
    help: 'Forms that stricter servers refuse and that were read, by source, token name and form (docs/scim.md)',
    labelNames: ['source', 'client', 'form'],
    registers,
  });
  const leaveRefused = new Counter({
    name: 'drawbridge_scim_leaves_refused_total',
    help: 'Refused requests that would have made an active user inactive: somebody may still have access',
    labelNames: ['source'],
    registers,
  });
  const clients = new Set<string>();
  const readings = new Counter({
    name: 'drawbridge_readings_total',
    help: 'Readings of directories, by source and how they ended (sealed, unsealed, failed)',
    labelNames: ['source', 'state'],
    registers,
  });
  const readingTime = new Histogram({
    name: 'drawbridge_reading_seconds',
    help: 'Time of readings that came to their end, by source and part (read, admit)',
    labelNames: ['source', 'part'],
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600],
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
    irregular: ({ source, client, form }) => {
      // Tokens come and go over the months that a process runs; each is a series that is kept.
      const known = clients.has(`${source}/${client}`) || clients.size < MAX_CLIENTS;
      if (known) clients.add(`${source}/${client}`);
      irregular.inc({ source, client: known ? client : 'other', form });
    },
    leaveRefused: (source) => leaveRefused.inc({ source }),
    reading: ({ source, state, readMs, admitMs }) => {
      readings.inc({ source, state });
      if (readMs !== null) readingTime.observe({ source, part: 'read' }, readMs / 1000);
      if (admitMs !== null) readingTime.observe({ source, part: 'admit' }, admitMs / 1000);
    },
  };
}

/** Gauges that are set before they are shown, all from one look at the store. */
function addGauges(registry: Registry): (now: Figures | undefined) => void {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const dirty = gauge('drawbridge_dirty', 'Changes that wait to be planned');
  const cases = gauge('drawbridge_cases', 'Open cases: records of which somebody has to say whose they are');
  const recovery = gauge('drawbridge_store_recovery', '1 while the store is in recovery: an operator has to confirm');
  const jobs = gauge('drawbridge_jobs', 'Jobs that wait or are parked, by target', ['target', 'state']);
  const paused = gauge('drawbridge_target_paused', '1 for a target that gets no work', ['target']);
  const holds = gauge('drawbridge_holds', 'Changes that the guard holds for approval', ['target']);
  const leaves = gauge(
    'drawbridge_source_leavers',
    'People who left or were suspended within the window of leaverBurst',
    ['source'],
  );
  const allowed = gauge('drawbridge_source_leavers_allowed', 'How many may before the further ones are held', [
    'source',
  ]);
  const burst = gauge(
    'drawbridge_burst_held',
    'People who left in a burst and are held for approval: they still have access',
    ['source'],
  );
  const members = gauge('drawbridge_role_members', 'To how many a role with minMembers was given', ['target', 'role']);
  const lacking = gauge(
    'drawbridge_role_members_missing',
    'How many are lacking to the minMembers of a role: people left, and nobody took their place',
    ['target', 'role'],
  );
  const records = gauge('drawbridge_records', 'Users and groups that sources have told of', ['source', 'kind']);
  const changed = gauge('drawbridge_source_last_change_seconds', 'Unix time of the last change', ['source']);
  const expiry = gauge('drawbridge_token_expires_seconds', 'Seconds until a token ends; below 0 it has', [
    'source',
    'name',
    'token',
  ]);
  const heard = gauge('drawbridge_source_last_heard_seconds', 'Unix time of the last valid request', ['source']);
  const silent = gauge('drawbridge_source_silent', '1 for a source that was silent for too long', ['source']);
  const age = gauge('drawbridge_source_age_seconds', 'Time since the last sealed reading began', ['source']);
  const stale = gauge(
    'drawbridge_source_stale',
    '1 for a source that was not read whole for too long: its people are frozen',
    ['source'],
  );
  const missing = gauge('drawbridge_source_missing', 'Records whose entry is missing and whose grace runs', ['source']);
  const given = gauge('drawbridge_access_items', 'Accounts, roles and aliases that the last look at all access saw');
  const broken = gauge('drawbridge_access_broken', 'Those of them without a complete chain (drawbridge access verify)');
  const looked = gauge('drawbridge_access_verified_seconds', 'Unix time of the last look at all access');
  const up = gauge('drawbridge_store_up', '1 when the store answered');
  return (now) => {
    const more = [leaves, allowed, burst, members, lacking];
    const told = [
      dirty,
      cases,
      recovery,
      jobs,
      paused,
      holds,
      records,
      changed,
      expiry,
      heard,
      silent,
      age,
      stale,
      missing,
    ];
    for (const one of [...told, ...more]) one.reset();
    up.set(now === undefined ? 0 : 1);
    if (now === undefined) return;
    if (now.verified !== undefined) {
      given.set(now.verified.items);
      broken.set(now.verified.broken);
      looked.set(Date.parse(now.verified.at) / 1000);
    }
    dirty.set(now.dirty);
    cases.set(now.cases);
    recovery.set(now.recovery ? 1 : 0);
    for (const { target, pending, parked } of now.jobs) {
      jobs.set({ target, state: 'pending' }, pending);
      jobs.set({ target, state: 'parked' }, parked);
    }
    for (const one of now.paused) paused.set({ target: one.target }, one.paused ? 1 : 0);
    for (const { target, n } of now.holds) holds.set({ target }, n);
    for (const { target, role, members: n, minMembers } of now.roles) {
      members.set({ target, role }, n);
      lacking.set({ target, role }, Math.max(0, minMembers - n));
    }
    for (const one of now.bursts) {
      leaves.set({ source: one.source }, one.leaves);
      allowed.set({ source: one.source }, one.allowed);
      burst.set({ source: one.source }, one.held);
    }
    for (const { source, users, groups, lastChange } of now.sources) {
      records.set({ source, kind: 'user' }, users);
      records.set({ source, kind: 'group' }, groups);
      if (lastChange !== null) changed.set({ source }, lastChange.getTime() / 1000);
    }
    for (const { source, lastHeard, silent: isSilent } of now.heard) {
      if (lastHeard !== null) heard.set({ source }, lastHeard.getTime() / 1000);
      silent.set({ source }, isSilent ? 1 : 0);
    }
    for (const { id, name, source, seconds } of now.tokens) expiry.set({ source, name, token: id }, seconds);
    for (const one of now.readings) {
      if (one.ageSeconds !== null) age.set({ source: one.source }, one.ageSeconds);
      stale.set({ source: one.source }, one.stale ? 1 : 0);
      missing.set({ source: one.source }, one.missing);
    }
  };
}
