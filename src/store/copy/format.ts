import * as z from 'zod';
import { StoreRefused } from '../errors.ts';

/**
 * The file with a copy of a store, one JSON value a line (UTF-8):
 *
 *     {"drawbridge":"store","format":1,"store":"db_…",…}    header
 *     {"table":"meta"}                                       then its rows, an array each: values in PostgreSQL's text
 *     ["instance","\"db_…\""]                                form, in the order of the header's columns, or null
 *     {"sequences":{"event_id":"42",…}}                      the last number given out; null for none yet
 *     {"end":{"rows":{"meta":1,…},"sha256":"…"}}             trailer; the digest is of all bytes before this line
 */
export const FORMAT = 1;

const NAME = /^[a-z_][a-z0-9_]{0,62}$/;
const name = z.string().regex(NAME);

const headerSchema = z.object({
  drawbridge: z.literal('store'),
  format: z.literal(FORMAT),
  /** Random id of the store. */
  store: z.string().min(1),
  /** Of Drawbridge, and of the PostgreSQL server. */
  version: z.string(),
  server: z.string(),
  createdAt: z.iso.datetime({ offset: true }),
  /** Names of the migrations that made its schema, in order. */
  migrations: z.array(z.string().min(1)).min(1),
  /** Monthly parts of the history. */
  partitions: z.array(z.string().regex(/^event_\d{4}_(0[1-9]|1[0-2])$/)),
  /** Number of the newest event; 0 when there is none. */
  lastEvent: z.int().min(0),
  /** In an order in which what is referred to comes first. */
  tables: z.array(z.object({ name, columns: z.array(name).min(1) })).min(1),
});

export type CopyHeader = z.output<typeof headerSchema>;
export type CopyTable = CopyHeader['tables'][number];

const sectionSchema = z.object({ table: name });
const sequencesSchema = z.object({
  sequences: z.record(
    name,
    z
      .string()
      .regex(/^\d{1,18}$/)
      .nullable(),
  ),
});
const endSchema = z.object({
  end: z.object({ rows: z.record(name, z.int().min(0)), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
});

export type Sequences = z.output<typeof sequencesSchema>['sequences'];
export type CopyEnd = z.output<typeof endSchema>['end'];

/** The header. Throws `StoreRefused` for a file that is none of ours, or of a newer version. */
export function parseHeader(file: string, line: string | undefined): CopyHeader {
  const value = line === undefined ? undefined : json(line);
  const { drawbridge, format } = (value ?? {}) as { drawbridge?: unknown; format?: unknown };
  if (drawbridge !== 'store') {
    throw new StoreRefused(`${file} is no copy of a store`, {
      remedy: 'Name a file that `drawbridge store backup` or `drawbridge store export` wrote.',
    });
  }
  if (typeof format === 'number' && format > FORMAT) {
    throw new StoreRefused(`${file} was written by a newer version of Drawbridge (format ${format})`, {
      remedy: 'Use that version, or a newer one, to read it.',
    });
  }
  return checked(headerSchema, value, file, 1);
}

export const parseSection = (file: string, line: string, at: number): string =>
  checked(sectionSchema, json(line), file, at).table;

export const parseSequences = (file: string, line: string, at: number): Sequences =>
  checked(sequencesSchema, json(line), file, at).sequences;

export const parseEnd = (file: string, line: string, at: number): CopyEnd =>
  checked(endSchema, json(line), file, at).end;

/** A row's values. Throws `StoreRefused` when it has not as many as there are columns. */
export function parseRow(file: string, line: string, at: number, width: number): ReadonlyArray<string | null> {
  const value = json(line);
  const fits = Array.isArray(value) && value.length === width;
  if (fits && value.every((v) => v === null || typeof v === 'string')) return value as Array<string | null>;
  throw damaged(file, at);
}

export function damaged(file: string, at: number): StoreRefused {
  return new StoreRefused(`${file} is damaged at line ${at}: nothing was taken from it`, {
    remedy: 'Fetch the file again from where it was kept, or take an older copy.',
  });
}

export function cutOff(file: string): StoreRefused {
  return new StoreRefused(`${file} is cut off: it ends before its last line, and nothing was taken from it`, {
    remedy: 'Fetch the file again from where it was kept, or take an older copy.',
  });
}

function checked<T>(schema: z.ZodType<T>, value: unknown, file: string, at: number): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw damaged(file, at);
}

function json(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
