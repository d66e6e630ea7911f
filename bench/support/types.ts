/** What a bench gives: plain data, kept as JSON and shown as a table. */
export interface Figure {
  /** What was measured: `GET /Users/:id`. */
  readonly name: string;
  /** Median over `rounds` where there are several. */
  readonly value: number;
  readonly unit: string;
  readonly rounds?: readonly number[];
  /** Milliseconds. */
  readonly p99?: number;
  /** Of the measured process, in MB (1 000 000 bytes): the most it held in memory while this was measured. */
  readonly peakMb?: number;
  /** CPU time of the measured process for one request or item, in ms. */
  readonly cpuMs?: number;
  /** The same of the PostgreSQL server with all its processes. */
  readonly storeCpuMs?: number;
  /** To a peer in the same run: the median of each round's ratio. */
  readonly ratio?: { readonly to: string; readonly value: number };
  /** What we aim for, and whether this run reached it. Left out for peers and for what has no aim. */
  readonly aim?: { readonly text: string; readonly reached: boolean };
}

/** How much is done. `quick` only shows that a bench still runs; its figures mean nothing. */
export interface Scale {
  readonly quick: boolean;
  /** `full` in a full run, else `quick`. */
  pick(full: number, quick: number): number;
  /** Tells the one who waits what is going on. */
  say(text: string): void;
}

export interface Bench {
  /** As in `npm run bench -- NAME`, and the file's name. */
  readonly name: string;
  readonly title: string;
  /** What is measured and how, for docs/performance.md. */
  readonly about: string;
  /** What the figures mean, what falls short and why; kept by hand, Markdown. */
  readonly notes: string;
  /** Bounded in count and time. Leaves no process and no file behind. */
  run(scale: Scale): Promise<readonly Figure[]>;
}
