import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files. The server's certificate is for localhost and 127.0.0.1. */
export interface Certificates {
  readonly ca: string;
  /** Signed nothing here. */
  readonly otherCa: string;
  readonly cert: string;
  readonly key: string;
  /** Of a client, by the same CA. */
  readonly clientCert: string;
  readonly clientKey: string;
}

const openssl = (folder: string, ...args: string[]): void =>
  void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A CA with a server and a client, made anew: certificates in the repository would end some day. */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true });
  for (const name of ['ca', 'other-ca']) {
    const use = ['-addext', 'basicConstraints=critical,CA:true', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
    openssl(
      folder,
      'req',
      '-x509',
      ...KEY,
      '-days',
      '3650',
      '-subj',
      `/CN=Test ${name}`,
      ...use,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  }
  const signed = (name: string, extensions: string): void => {
    writeFileSync(join(folder, `${name}.ext`), `${extensions}\nbasicConstraints=CA:false\n`);
    openssl(folder, 'req', ...KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    openssl(
      folder,
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '3650',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
  };
  signed('server', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth');
  signed('client', 'extendedKeyUsage=clientAuth');
  const file = (name: string): string => join(folder, name);
  return {
    ca: file('ca.pem'),
    otherCa: file('other-ca.pem'),
    cert: file('server.pem'),
    key: file('server.key'),
    clientCert: file('client.pem'),
    clientKey: file('client.key'),
  };
}
