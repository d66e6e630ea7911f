import type { Db } from '../store/db.ts';
import { findPeople, type ListedPerson } from '../store/people-list.ts';
import { CommandError, EXIT } from './exit.ts';
import { table } from './text.ts';

/**
 * The one person that a PERSON argument means: by id (`p_…`), or by exact user name, e-mail address, externalId or
 * anchor. Throws a CommandError that lists the candidates where several match.
 */
export async function findPerson(db: Db, text: string): Promise<ListedPerson> {
  const found = await findPeople(db, text);
  const [only, ...others] = found;
  if (only === undefined) {
    throw new CommandError(EXIT.failed, `nobody has the id, user name, e-mail address or externalId "${text}"`, {
      remedy: `Search: drawbridge people list --filter "user:${text.replaceAll('"', '')}*"`,
    });
  }
  if (others.length === 0) return only;
  const byId = found.find((person) => person.id === text);
  if (byId !== undefined) return byId;
  const rows = found.map((p) => [p.id, p.userName, p.email ?? '-', p.life, p.source]);
  throw new CommandError(EXIT.usage, `"${text}" is ${found.length} people`, {
    remedy: `Name one by its id:\n${table(['ID', 'USER NAME', 'E-MAIL', 'LIFE', 'SOURCE'], rows)}`,
  });
}
