import type { AttributeDeclaration } from '../model/attributes.ts';
import type { Reading } from '../model/facts.ts';
import type { ReadingSettings, SourceSettings } from '../model/settings.ts';

/**
 * A source that we read. (A SCIM client is the other kind of source: it writes to us.) It says facts, and whether what
 * it said was whole; what follows from that is for others to decide. Throws nothing but `Failure` (and the abort
 * reason of `signal`), and holds no more than a page in memory. Every kind passes test/contracts/directory.ts.
 */
export interface Directory {
  readonly id: string;
  /**
   * Stands for all that decides what it reads: address, base, filter, attributes; no secret. A cursor that was kept
   * for another scope is not used.
   */
  readonly scope: string;
  /**
   * Prove that address, credentials and rights work; throw a Failure that says what to fix. Gives what it found, a line
   * each, for whoever tries out settings; what is probably not meant begins with `warning:`.
   */
  check(signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Read all of it, or what moved since a cursor. A cursor that it can no longer use gets a `full` reading. Broken off
   * by `signal`, or when `facts` is not read to its end, it leaves no connection behind.
   */
  read(since: string | undefined, signal: AbortSignal): Promise<Reading>;
  close(): Promise<void>;
}

/** One entry of directories/index.ts: how a kind is opened and what its settings are. */
export interface DirectoryKind {
  readonly type: string;
  readonly about: string;
  /** JSON Schema of `options`, for the settings schema. */
  readonly optionsSchema: Readonly<Record<string, unknown>>;
  /** Which records are humans, where the source's settings don't say: an expression over the record. */
  readonly people?: string;
  /** Checks `options`, connects to nothing; throws a ZodError with paths below the source's settings. */
  open(settings: SourceSettings): OpenDirectory;
  /** What rules may use of such a source besides the standard attributes. The options were checked before. */
  attributes?(settings: SourceSettings): readonly AttributeDeclaration[];
}

export interface OpenDirectory {
  readonly directory: Directory;
  readonly reading: ReadingSettings;
}
