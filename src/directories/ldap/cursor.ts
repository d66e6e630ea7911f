import { createHash } from 'node:crypto';
import * as z from 'zod';

/**
 * How many entries there are and which, in one number: ids are put together by exclusive or, so that their order means
 * nothing. Held against a later one it tells whether any entry went or came.
 */
const digest = z.strictObject({ count: z.int().min(0), mix: z.string().regex(/^[0-9a-f]{32}$/) });
export type Digest = z.output<typeof digest>;

const usn = z.strictObject({
  v: z.literal(1),
  kind: z.literal('usn'),
  /** Of the domain controller: its counter means nothing to another one, nor to itself after a restore. */
  invocationId: z.string(),
  usn: z.string().regex(/^\d{1,19}$/),
  /** Our clock when the reading began, ms: whose accountExpires passed since then is read again. */
  at: z.int(),
  url: z.string(),
});

const stamped = z.strictObject({
  v: z.literal(1),
  kind: z.enum(['csn', 'time']),
  /** Change numbers, one for each server that writes; or one time. */
  stamps: z.array(z.string()).min(1),
  /** Second of the server up to which `users` and `groups` count, as generalized time. */
  before: z.string(),
  users: digest,
  groups: digest,
  /** Ids of those that were made since then, as far as there were few. */
  fresh: z.array(z.string()),
  url: z.string(),
});

const cursor = z.discriminatedUnion('kind', [usn, stamped]);
export type UsnCursor = z.output<typeof usn>;
export type StampedCursor = z.output<typeof stamped>;
export type Cursor = z.output<typeof cursor>;

/** Undefined for what is no cursor of ours. */
export function parseCursor(text: string): Cursor | undefined {
  try {
    return cursor.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Mixes ids one by one. */
export class Mixer {
  #count = 0;
  readonly #words = new Uint32Array(4);

  add(id: string): void {
    const plain = id.replaceAll('-', '');
    const hex = /^[0-9a-f]{32}$/i.test(plain) ? plain : createHash('sha256').update(id).digest('hex');
    this.#count += 1;
    for (let i = 0; i < 4; i++)
      this.#words[i] = (this.#words[i] as number) ^ Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16);
  }

  digest(): Digest {
    return { count: this.#count, mix: [...this.#words].map((word) => word.toString(16).padStart(8, '0')).join('') };
  }
}
