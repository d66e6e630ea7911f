import type { Migration } from 'kysely/migration';
import * as init from './0001-init.ts';
import * as guard from './0005-guard.ts';

/** Every migration, in the order of their names. A released one never changes. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-init': init,
  '0005-guard': guard,
};
