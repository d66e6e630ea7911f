import { Failure } from '../../model/failure.ts';
import { partOf } from './groups.ts';
import type { Session } from './session.ts';
import { searchAll } from './wire/index.ts';

/** A list that changes while it is read in parts is read anew, so many times. */
const TRIES = 3;

/**
 * All values of an attribute that the server gives in parts. The parts belong together only if the entry did not change
 * meanwhile; undefined when it did so again and again, or went away. Throws Failure.
 */
export async function wholeList(
  session: Session,
  dn: string,
  attribute: string,
  signal: AbortSignal,
): Promise<Buffer[] | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const values = await tryWholeList(session, dn, attribute, signal);
    if (values !== 'moved') return values;
  }
  return undefined;
}

async function tryWholeList(
  session: Session,
  dn: string,
  attribute: string,
  signal: AbortSignal,
): Promise<Buffer[] | 'moved' | undefined> {
  const { connection, controls } = session;
  const values: Buffer[] = [];
  let version: string | undefined;
  for (;;) {
    const [entry] = await searchAll(
      connection,
      {
        base: dn,
        scope: 'base',
        filter: '(objectClass=*)',
        attributes: [`${attribute};range=${values.length}-*`, 'uSNChanged'],
        controls,
      },
      signal,
      { missing: true },
    );
    if (entry === undefined) return undefined;
    const found = entry.values.get('usnchanged')?.[0]?.toString() ?? '';
    if (version !== undefined && version !== found) return 'moved';
    version = found;
    const part = partOf(entry, attribute);
    if (part === undefined) return values.length === 0 ? values : 'moved';
    if (part.from !== values.length) return 'moved';
    // The messages that they came in go: a list of a million names must not hold them all.
    for (const value of part.values) values.push(Buffer.from(value));
    if (part.last) return values;
    if (part.values.length === 0) {
      throw new Failure(
        { kind: 'retry' },
        `${connection.at} gives the members of ${dn} in parts, and one of them is empty`,
        {
          remedy: 'It is tried again. If it stays so, look at the log of the server.',
        },
      );
    }
  }
}
