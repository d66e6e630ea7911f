import { CASE_FIELDS, type CaseTerm, listCases, type StoredCase } from '../store/correlation/case-list.ts';
import type { Db } from '../store/db.ts';
import { CommandError, EXIT } from './exit.ts';
import { likePattern, parseFilter } from './filter.ts';

/** The terms of a `--filter`; without `any`, and where the state is not asked for, open cases only. */
export function readCaseTerms(filter: string | undefined, any: boolean): CaseTerm[] {
  const terms = parseFilter(filter, CASE_FIELDS).map(({ field, value }): CaseTerm => ({
    field: field as CaseTerm['field'],
    like: likePattern(value),
  }));
  return any || terms.some((term) => term.field === 'state') ? terms : [...terms, { field: 'state', like: 'open' }];
}

/** The case whose id this is, or begins. Throws a CommandError. */
export async function oneCase(db: Db, id: string): Promise<StoredCase> {
  const [found, more] = await listCases(db, { terms: [{ field: 'id', like: likePattern(`${id}*`) }], limit: 2 });
  if (found === undefined || id.length < 6) {
    throw new CommandError(EXIT.failed, `there is no case "${id}"`, { remedy: 'See them: drawbridge cases list' });
  }
  if (more !== undefined && found.id !== id) throw new CommandError(EXIT.usage, `"${id}" begins several cases`);
  return found;
}
