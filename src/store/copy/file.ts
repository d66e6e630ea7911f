import { createReadStream, rmSync } from 'node:fs';
import { access, link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createGunzip, createGzip, type Gzip } from 'node:zlib';
import { once } from 'node:events';
import { StoreRefused } from '../errors.ts';
import { type CopyLines, copyLines } from './lines.ts';

/** What a system says of a file that can't be used, with what to do. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'Correct the path.',
  EACCES: 'Give this user the right, or name another file.',
  EEXIST: 'Name another file, or move that one away: a copy is never overwritten.',
  ENOSPC: 'Free disk space there, or name a file on another disk.',
  EISDIR: 'Name a file, not a folder.',
  EROFS: 'Name a file on a disk that can be written.',
};

function unusable(file: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const remedy = code === undefined ? undefined : REMEDIES[code];
  if (remedy === undefined) return error;
  const what = code === 'EEXIST' ? 'is there already' : `can't be used (${code})`;
  return new StoreRefused(`${file} ${what}`, { remedy, cause: error });
}

const isZipped = (file: string): boolean => file.endsWith('.gz');

/**
 * Has `work` write a new file of mode 0600; gzip when its name ends with .gz. It is there whole and safe on disk, or
 * not at all. Throws `StoreRefused` when it can't be written or is there already. Gives its size in bytes too.
 */
export async function writeFileWhole<T>(
  file: string,
  work: (write: (chunk: Buffer) => Promise<void>) => Promise<T>,
): Promise<{ readonly result: T; readonly bytes: number }> {
  const part = `${file}.${process.pid}.part`;
  // A command that a signal ends runs no `finally`.
  const clear = (): void => rmSync(part, { force: true });
  process.once('exit', clear);
  try {
    await refuseExisting(file);
    const handle = await open(part, 'wx', 0o600);
    try {
      const toDisk = async (chunk: Buffer): Promise<void> => void (await handle.writeFile(chunk));
      const result = isZipped(file) ? await zipping(toDisk, work) : await work(toDisk);
      await handle.sync();
      const { size } = await handle.stat();
      await settle(part, file);
      await syncFolder(dirname(file));
      return { result, bytes: size };
    } finally {
      await handle.close();
      await rm(part, { force: true });
    }
  } catch (error) {
    throw (error as NodeJS.ErrnoException | null)?.syscall === undefined ? error : unusable(file, error);
  } finally {
    process.off('exit', clear);
  }
}

async function refuseExisting(file: string): Promise<void> {
  const found = await access(file).then(
    () => true,
    () => false,
  );
  if (found) throw Object.assign(new Error('it is there'), { code: 'EEXIST', syscall: 'open' });
}

/** A rename would take the place of a file that was made meanwhile; where there are no links it must do. */
async function settle(part: string, file: string): Promise<void> {
  try {
    await link(part, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    await rename(part, file);
  }
}

async function zipping<T>(
  toDisk: (chunk: Buffer) => Promise<void>,
  work: (write: (chunk: Buffer) => Promise<void>) => Promise<T>,
): Promise<T> {
  const gzip = createGzip({ level: 6 });
  const flowing = drain(gzip, toDisk);
  // Its failure comes out where it is waited for.
  flowing.catch(() => gzip.destroy());
  const write = async (chunk: Buffer): Promise<void> => {
    if (gzip.write(chunk)) return;
    await Promise.race([once(gzip, 'drain'), flowing]);
  };
  try {
    const result = await work(write);
    gzip.end();
    await flowing;
    return result;
  } finally {
    gzip.destroy();
  }
}

async function drain(gzip: Gzip, toDisk: (chunk: Buffer) => Promise<void>): Promise<void> {
  for await (const chunk of gzip) await toDisk(chunk as Buffer);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Reads a file by lines while `work` runs; unzipped when it is gzip, whatever its name. Throws `StoreRefused`. */
export async function readFileByLines<T>(file: string, work: (lines: CopyLines) => Promise<T>): Promise<T> {
  const zipped = await beginsLikeGzip(file).catch((error: unknown) => Promise.reject(unusable(file, error)));
  const stream = createReadStream(file, { highWaterMark: 256 << 10 });
  const source = zipped ? stream.pipe(createGunzip()) : stream;
  // pipe() hands on no errors.
  stream.on('error', (error) => source.destroy(error));
  try {
    return await work(copyLines(file, source));
  } finally {
    stream.destroy();
    source.destroy();
  }
}

async function beginsLikeGzip(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}
