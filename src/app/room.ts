import { statfs } from 'node:fs/promises';
import type { Log } from '../jobs/deps.ts';
import { StoreUnavailable } from '../store/errors.ts';
import type { Resources } from '../store/resources.ts';

/**
 * Free bytes below which nothing more is taken in. PostgreSQL can't go on at all once it has no room for its log, not
 * even for reading: the last of it is kept for that, and for leavers.
 */
const LEAST = 64 << 20;
const EVERY_MS = 1_000;

/** Knows whether there is room left where the embedded database lies. */
export interface Room {
  /** Throws `StoreUnavailable` when there is none. */
  require(): void;
  close(): void;
}

/** Looks at the free space of a folder's file system from now on. Where that can't be known there is room. */
export async function watchRoom(folder: string, log: Log, everyMs = EVERY_MS): Promise<Room> {
  let free = Infinity;
  let told = false;
  const look = async (): Promise<void> => {
    free = await statfs(folder).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => Infinity,
    );
    if (free < LEAST && !told) {
      log.error({ folder, free, remedy: REMEDY }, 'the disk is nearly full: only leavers are taken in');
    }
    if (free >= LEAST && told) log.info({ folder, free }, 'the disk has room again: everything is taken in');
    told = free < LEAST;
  };
  await look();
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return {
    require: () => {
      if (free >= LEAST) return;
      const message = `The disk of the store is nearly full: ${Math.floor(free / 2 ** 20)} MiB are free at ${folder}`;
      throw new StoreUnavailable(message, { remedy: REMEDY, code: '53100' });
    },
    close: () => clearInterval(timer),
  };
}

const REMEDY = 'Free disk space where the database lies.';

/** The same resources; what makes the store grow needs room. Who leaves, is disabled or goes out of a group is let through. */
export function needingRoom(resources: Resources, room: Room): Resources {
  return {
    ...resources,
    create: async (...args) => {
      room.require();
      return resources.create(...args);
    },
    change: (writer, kind, id, compute) =>
      resources.change(writer, kind, id, (current) => {
        const wanted = compute(current);
        if (kind !== 'user' || wanted.fields.active) room.require();
        return wanted;
      }),
    changeMembers: async (writer, id, change) => {
      if (change.type === 'set' || change.add.size > 0) room.require();
      return resources.changeMembers(writer, id, change);
    },
  };
}
