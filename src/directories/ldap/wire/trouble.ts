import { Failure } from '../../../model/failure.ts';

const CERTIFICATE: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  CERT_HAS_EXPIRED: ['its certificate has expired', 'Renew the certificate of the server.'],
  CERT_NOT_YET_VALID: ['its certificate is not valid yet', 'Correct the clock here or at the server.'],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'its certificate is signed by nobody but itself',
    'Name that certificate, or better the CA that should have signed it, in caFile.',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: [
    'its certificate was signed by a CA that is not trusted',
    'Name the CA of the server in caFile.',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'its certificate was signed by a CA that is not trusted',
    'Name the CA of the server, and those between, in caFile.',
  ],
  UNABLE_TO_GET_ISSUER_CERT: [
    'its certificate was signed by a CA that is not trusted',
    'Name the CA of the server, and those between, in caFile.',
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'its certificate was signed by a CA that is not trusted',
    'Name the CA of the server in caFile.',
  ],
  CERT_SIGNATURE_FAILURE: [
    'its certificate was not signed by the CA in caFile',
    'Name the CA of the server in caFile.',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'its certificate is for another name',
    'Write the name that stands in the certificate into url, or into serverName.',
  ],
};

const NETWORK: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  ECONNREFUSED: ['nobody listens there', 'Start the directory server, or correct host and port in url.'],
  ENOTFOUND: ['there is no host of this name', 'Correct the host in url, or the name service of this machine.'],
  EAI_AGAIN: ['the name service does not answer', 'Look at the name service of this machine.'],
  EHOSTUNREACH: ['there is no way to this host', 'Look at network and firewall.'],
  ENETUNREACH: ['there is no way to this network', 'Look at network and firewall.'],
  ETIMEDOUT: ['it does not answer', 'Look at network and firewall, and whether the server runs.'],
  ECONNRESET: [
    'it closed the connection',
    'Look whether the port is the one for this kind of address (ldap:// 389, ldaps:// 636), and at the log of the server.',
  ],
  EPIPE: ['it closed the connection', 'Look at the log of the server.'],
};

/** What went wrong on a socket, in our words. `at` is the address of the server. */
export function socketFailure(error: unknown, at: string): Failure {
  if (error instanceof Failure) return error;
  const { code = '', message = String(error) } = error as NodeJS.ErrnoException;
  const certificate = CERTIFICATE[code];
  if (certificate !== undefined) {
    return new Failure({ kind: 'broken' }, `${at} is not trusted: ${certificate[0]}`, {
      remedy: certificate[1],
      cause: error,
    });
  }
  const network = NETWORK[code];
  if (network !== undefined) {
    return new Failure({ kind: 'retry' }, `${at} can't be reached: ${network[0]}`, {
      remedy: network[1],
      cause: error,
    });
  }
  if (code.startsWith('ERR_SSL') || code === 'EPROTO' || code.startsWith('ERR_TLS')) {
    return new Failure({ kind: 'broken' }, `${at}: TLS failed (${code})`, {
      remedy:
        'Look whether this port speaks TLS from the start (ldaps://, 636) or after StartTLS (ldap:// with startTls, 389), and whether it asks for a client certificate (certFile, keyFile).',
      cause: error,
    });
  }
  return new Failure({ kind: 'retry' }, `${at}: the connection broke (${code === '' ? message : code})`, {
    remedy: 'It is tried again. If it stays so, look at the log of the server.',
    cause: error,
  });
}

export const closedFailure = (at: string): Failure =>
  new Failure({ kind: 'retry' }, `${at} closed the connection before it had answered`, {
    remedy:
      'It is tried again. If it stays so, look at the log of the server, and at firewalls that close quiet connections.',
  });

export const silentFailure = (at: string, ms: number): Failure =>
  new Failure({ kind: 'retry' }, `${at} said nothing for ${ms / 1000} s`, {
    remedy: 'Look whether the server is overloaded, or set a longer timeout.',
  });

export const garbledFailure = (at: string, error: Error): Failure =>
  new Failure({ kind: 'retry' }, `what ${at} sent can't be understood: ${error.message}`, {
    remedy: 'Look whether this is an LDAP server, and whether url says ldap:// or ldaps:// as the port wants it.',
    cause: error,
  });
