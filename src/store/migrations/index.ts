import type { Migration } from 'kysely/migration';
import * as init from './0001-init.ts';
import * as recordCount from './0002-record-count.ts';
import * as rulesCommit from './0008-rules-commit.ts';

/** Every migration, in the order of their names. A released one never changes. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-init': init,
  '0002-record-count': recordCount,
  '0008-rules-commit': rulesCommit,
};
