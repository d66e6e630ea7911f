import type { Migration } from 'kysely/migration';
import * as init from './0001-init.ts';
import * as recordCount from './0002-record-count.ts';
import * as readings from './0004-readings.ts';
import * as guard from './0005-guard.ts';
import * as rulesCommit from './0008-rules-commit.ts';
import * as due from './0009-due.ts';
import * as leaverBursts from './0010-leaver-bursts.ts';
import * as adoption from './0012-adoption.ts';
import * as correlation from './0013-correlation.ts';
import * as correlationLook from './0015-correlation-look.ts';
import * as pauses from './0016-pauses.ts';
import * as aliases from './0017-aliases.ts';
import * as correlationSure from './0018-correlation-sure.ts';
import * as idle from './0019-idle.ts';

/** Every migration, in the order of their names. A released one never changes. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-init': init,
  '0002-record-count': recordCount,
  '0004-readings': readings,
  '0005-guard': guard,
  '0008-rules-commit': rulesCommit,
  '0009-due': due,
  '0010-leaver-bursts': leaverBursts,
  '0012-adoption': adoption,
  '0013-correlation': correlation,
  '0015-correlation-look': correlationLook,
  '0016-pauses': pauses,
  '0017-aliases': aliases,
  '0018-correlation-sure': correlationSure,
  '0019-idle': idle,
};
