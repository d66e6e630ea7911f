import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { embeddedPid } from '../../src/store/embedded/index.ts';
import { signal } from '../../src/store/embedded/process.ts';
import { openStore, type Store } from '../../src/store/open.ts';
import { temporaryFolder } from '../../test/support/embedded.ts';

/** A folder for the data of one bench, and the embedded store in it, as the service makes it: with fsync. */
export interface Ground {
  readonly folder: string;
  readonly data: string;
  /** Opened by this process too, for filling it. While it is open the server runs on between two services. */
  open(): Promise<Store>;
  /** Process id of the PostgreSQL server that runs now. */
  server(): number;
}

/** Gives `work` a folder with a store, and takes everything away again. */
export async function withGround<T>(work: (ground: Ground) => Promise<T>): Promise<T> {
  const folder = temporaryFolder();
  const data = join(folder, 'data');
  const stores: Store[] = [];
  const clear = (): void => {
    const pid = embeddedPid(data);
    if (pid !== undefined) signal(pid, 'SIGQUIT');
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  process.on('exit', clear);
  try {
    return await work({
      folder,
      data,
      open: async () => {
        const store = await openStore({ kind: 'embedded', folder: data });
        stores.push(store);
        return store;
      },
      server: () => {
        const pid = embeddedPid(data);
        if (pid === undefined) throw new Error('no PostgreSQL server runs on the data folder');
        return pid;
      },
    });
  } finally {
    await Promise.all(stores.map((store) => store.close()));
    process.off('exit', clear);
    clear();
  }
}
