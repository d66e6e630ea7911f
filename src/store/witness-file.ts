import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { Witness } from './witness.ts';

const schema = z.object({
  store: z.string().min(1),
  event: z.int().min(0),
  at: z.string().regex(/^\d+$/).nullable(),
  from: z.int().min(0),
  count: z.int().min(0),
  seen: z.iso.datetime(),
});

/** What stands in a witness file; neither when there is no such file. */
export interface FoundWitness {
  readonly witness?: Witness;
  /** It is there and says nothing: why, and since when, ISO 8601. */
  readonly unreadable?: { readonly because: string; readonly since: string };
}

/** Reads the witness. Never throws for what the file is. */
export async function readWitness(file: string): Promise<FoundWitness> {
  const unreadable = async (because: string): Promise<FoundWitness> => {
    const since = await stat(file).then(
      ({ mtime }) => mtime,
      () => new Date(),
    );
    return { unreadable: { because, since: since.toISOString() } };
  };
  try {
    const parsed = schema.safeParse(parse(await readFile(file, 'utf8')));
    return parsed.success ? { witness: parsed.data } : await unreadable(`the witness ${file} is not one of ours`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    return unreadable(`the witness ${file} can't be read (${code ?? message})`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Writes the witness so that after a power cut either the old or the new one is there, whole. Throws the system's errors. */
export async function writeWitness(file: string, witness: Witness): Promise<void> {
  const fresh = `${file}.${process.pid}.new`;
  await mkdir(dirname(file), { recursive: true });
  try {
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(witness)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw error;
  }
  const folder = await open(dirname(file), 'r');
  await folder.sync().finally(() => folder.close());
}
