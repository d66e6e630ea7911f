import { ADOPTION_FIELDS, type AdoptionTerm, type ListedAdoption, listAdoptions } from '../store/adoptions.ts';
import type { Db } from '../store/db.ts';
import { likePattern, parseFilter } from './filter.ts';

/** The terms of a `--filter` on adoptions. Throws a CommandError (exit 2). */
export const readAdoptionTerms = (filter: string | undefined): AdoptionTerm[] =>
  parseFilter(filter, ADOPTION_FIELDS).map(({ field, value }) => ({
    field: field as AdoptionTerm['field'],
    like: likePattern(field === 'evidence' ? value.replaceAll('-', ' ').replace('email', 'e-mail address') : value),
  }));

export const ofPerson = (db: Db, id: string): Promise<ListedAdoption[]> =>
  listAdoptions(db, { terms: [{ field: 'person', like: likePattern(id) }], limit: 1000 });

export const NONE_WAITS = 'No account waits for a word.';
