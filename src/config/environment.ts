import { LOG_LEVELS } from '../log.ts';
import type { Problem } from '../model/rules.ts';

/** What the environment says over the file. */
export interface Override {
  readonly databaseUrl?: string;
  readonly port?: number;
  readonly logLevel?: string;
  readonly rulesCommit?: string;
  readonly problems: readonly Problem[];
}

const error = (message: string, remedy: string): Problem => ({ severity: 'error', message, remedy });

/** Reads DATABASE_URL, PORT, LOG_LEVEL and DRAWBRIDGE_RULES_COMMIT; refuses REDIS_URL. Empty ones count as not set. */
export function override(env: Readonly<Record<string, string | undefined>>): Override {
  const problems: Problem[] = [];
  const set = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const [databaseUrl, port, logLevel] = [set('DATABASE_URL'), set('PORT'), set('LOG_LEVEL')?.toLowerCase()];
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\/./.test(databaseUrl)) {
    // The value itself may hold a password.
    problems.push(
      error('DATABASE_URL is no postgres:// address', 'Set it to postgres://USER:PASSWORD@HOST/DATABASE, or unset it.'),
    );
  }
  if (port !== undefined && (!/^\d+$/.test(port) || Number(port) > 65_535)) {
    problems.push(error(`PORT=${port} is no port`, 'Set PORT to a number from 0 to 65535, or unset it.'));
  }
  if (logLevel !== undefined && !(LOG_LEVELS as readonly string[]).includes(logLevel)) {
    problems.push(error(`LOG_LEVEL=${logLevel} is no level`, `Set it to one of ${LOG_LEVELS.join(', ')}.`));
  }
  const rulesCommit = set('DRAWBRIDGE_RULES_COMMIT')?.trim();
  if (rulesCommit !== undefined && !/^[\w./:+@-]{1,100}$/.test(rulesCommit)) {
    const remedy = 'Set it to a commit id, at most 100 letters, digits and . / : + @ - _, or unset it.';
    problems.push(error('DRAWBRIDGE_RULES_COMMIT is no commit id', remedy));
  }
  if (set('REDIS_URL') !== undefined) {
    problems.push(
      error('REDIS_URL is set, and Redis is not supported in this version', 'Unset it: the queue runs on the store.'),
    );
  }
  return {
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(rulesCommit === undefined ? {} : { rulesCommit }),
    problems,
  };
}
