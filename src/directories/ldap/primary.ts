import type { Entry } from './wire/index.ts';
import { anchorOf } from './person.ts';
import type { Session } from './session.ts';

/**
 * The primary group of Active Directory stands as a number at the member and in no list of the group. These are the
 * groups by their security identifiers.
 */
export class PrimaryGroups {
  readonly #bySid = new Map<string, string>();

  add(entry: Entry, session: Session): void {
    const [sid] = entry.values.get('objectsid') ?? [];
    if (sid !== undefined) this.#bySid.set(sid.toString('hex'), anchorOf(entry, session.setup));
  }

  /** The id of the primary group, if it is among those that are read. */
  of(entry: Entry): string | undefined {
    const sid = primarySid(entry);
    return sid === undefined ? undefined : this.#bySid.get(sid.toString('hex'));
  }
}

/** The identifier of the primary group: that of the account with another last number (MS-ADA3 2.121). */
export function primarySid(entry: Entry): Buffer | undefined {
  const [sid] = entry.values.get('objectsid') ?? [];
  const [number] = entry.values.get('primarygroupid') ?? [];
  if (sid === undefined || number === undefined) return undefined;
  const rid = Number(number.toString());
  if (sid.length < 12 || !Number.isSafeInteger(rid) || rid < 0 || rid > 0xffffffff) return undefined;
  const group = Buffer.from(sid);
  group.writeUInt32LE(rid, group.length - 4);
  return group;
}
