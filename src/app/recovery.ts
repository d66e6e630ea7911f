import { ENDS_RECOVERY, type Recovery } from '../model/recovery.ts';
import type { Problem } from '../model/rules.ts';

/** What is told while the store is in recovery, and how to end it. */
export const inRecovery = ({ because, since }: Recovery): Problem => ({
  severity: 'error',
  message:
    `the store is in recovery since ${since.slice(0, 16).replace('T', ' ')} (${because}): ` +
    'nothing is given, and taken only from people who were explicitly disabled or deleted',
  remedy: ENDS_RECOVERY,
});
