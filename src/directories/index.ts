import { ldap } from './ldap/index.ts';
import type { DirectoryKind } from './directory.ts';

/** Every kind of directory that settings may name as `type` of a source. A new kind is a folder here and a line below. */
export const directoryKinds: DirectoryKind[] = [ldap];
