import { Failure } from '../../../model/failure.ts';
import type { Result } from './messages.ts';

/** Result codes of RFC 4511 A.1 that mean something here. */
export const CODE = {
  success: 0,
  operationsError: 1,
  protocolError: 2,
  timeLimitExceeded: 3,
  sizeLimitExceeded: 4,
  authMethodNotSupported: 7,
  strongerAuthRequired: 8,
  referral: 10,
  adminLimitExceeded: 11,
  unavailableCriticalExtension: 12,
  confidentialityRequired: 13,
  noSuchObject: 32,
  invalidDnSyntax: 34,
  inappropriateAuthentication: 48,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
  busy: 51,
  unavailable: 52,
  unwillingToPerform: 53,
} as const;

/** What Active Directory says in the text of a refused bind, by its `data` code. */
const AD_BIND: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  '525': ['there is no such account', 'Correct bindDn.'],
  '52e': ['the name or the password is wrong', 'Correct bindDn and password.'],
  '530': ['the account may not sign in at this time', 'Allow it to sign in at all hours.'],
  '531': ['the account may not sign in from here', 'Allow it to sign in at the domain controllers.'],
  '532': ['the password of the account has expired', 'Set a new one, and one that never expires.'],
  '533': ['the account is disabled', 'Enable it, or use another one.'],
  '701': ['the account has expired', 'Take its end date away, or use another one.'],
  '773': ['the password of the account must be changed at the next sign-in', 'Take that mark away.'],
  '775': ['the account is locked', 'Unlock it, and find out who tries wrong passwords.'],
};

/** The server's own words, without line ends, and no longer than a line. AD puts a NUL at the end. */
export const said = ({ text }: Pick<Result, 'text'>): string => {
  // oxlint-disable-next-line no-control-regex
  const plain = text.replace(/[\u0000-\u001f]+/g, ' ').trim();
  return plain === '' ? '' : `: ${plain.length > 160 ? `${plain.slice(0, 160)}…` : plain}`;
};

/** A refused bind: nothing that waiting mends, and no other server must be asked with the same password. */
export function bindFailure(result: Result, at: string): Failure {
  const ad = AD_BIND[/\bdata ([0-9a-f]+)/i.exec(result.text)?.[1]?.toLowerCase() ?? ''];
  if (result.code === CODE.invalidCredentials) {
    const [what, remedy] = ad ?? ['the name or the password is wrong', 'Correct bindDn and password.'];
    return new Failure({ kind: 'broken' }, `${at} refused the sign-in: ${what}`, { remedy });
  }
  if (result.code === CODE.strongerAuthRequired || result.code === CODE.confidentialityRequired) {
    return new Failure({ kind: 'broken' }, `${at} takes no password without TLS${said(result)}`, {
      remedy: 'Use an address that begins with ldaps://, or startTls: true.',
    });
  }
  if (result.code === CODE.inappropriateAuthentication || result.code === CODE.authMethodNotSupported) {
    return new Failure({ kind: 'broken' }, `${at} does not take this way of signing in${said(result)}`, {
      remedy: 'Set bindDn and password of an account that may sign in with a password.',
    });
  }
  return resultFailure(result, at, 'the sign-in');
}

/** Why an operation failed, in words that say what to do. `what` is the operation, such as `the search below DC=…`. */
export function resultFailure(result: Result, at: string, what: string): Failure {
  const { code } = result;
  const broken = (message: string, remedy: string): Failure =>
    new Failure({ kind: 'broken' }, `${at}: ${message}${said(result)}`, { remedy });
  switch (code) {
    case CODE.noSuchObject:
    case CODE.invalidDnSyntax:
      return broken(
        `${what} failed: there is nothing of this name`,
        'Correct base, userBase or groupBase, or let the account read there.',
      );
    case CODE.insufficientAccessRights:
      return broken(`${what} is not allowed`, 'Give the account of bindDn the right to read there.');
    case CODE.referral:
      return broken(
        `${what} was referred to ${result.referrals.join(', ') || 'another server'}`,
        'Name that server in url, or a base that this one has itself.',
      );
    case CODE.strongerAuthRequired:
    case CODE.confidentialityRequired:
      return broken(
        `${what} is not allowed without TLS`,
        'Use an address that begins with ldaps://, or startTls: true.',
      );
    case CODE.operationsError:
      return broken(
        `${what} failed (result 1)`,
        'Active Directory says this to whoever has not signed in: set bindDn and password.',
      );
    case CODE.protocolError:
    case CODE.unavailableCriticalExtension:
      return broken(
        `the server does not understand ${what} (result ${code})`,
        'Correct flavor; the log of the server may say more.',
      );
    case CODE.unwillingToPerform:
      return new Failure({ kind: 'retry' }, `${at}: the server does not want to do ${what}${said(result)}`, {
        remedy: 'The log of the server may say why. It is tried again.',
      });
    case CODE.busy:
    case CODE.unavailable:
      return new Failure({ kind: 'retry' }, `${at} is busy or not available (result ${code})${said(result)}`, {
        remedy: 'It is tried again. If it stays so, look at the server.',
      });
    default:
      return new Failure({ kind: 'retry' }, `${at}: ${what} failed with result ${code}${said(result)}`, {
        remedy: 'The log of the server may say why. It is tried again.',
      });
  }
}

/** Limits that cut a search short: what came is right, and not all. Undefined for every other result. */
export function cutBy({ code }: Result): string | undefined {
  if (code === CODE.sizeLimitExceeded) return 'its size limit for this account';
  if (code === CODE.timeLimitExceeded) return 'its time limit';
  if (code === CODE.adminLimitExceeded) return 'an administrative limit';
  return undefined;
}
