/** LDAP version 3 (RFC 4511) as far as reading a directory needs it. */
export { BerError, BerReader } from './ber.ts';
export { type Address, Connection, type ConnectOptions } from './connection.ts';
export { dial, type DialOptions } from './dial.ts';
export { encodeFilter, FilterError, filterValue } from './filter.ts';
export { type Control, type Entry, extendedDnControl, OID } from './messages.ts';
export { type Found, search, searchAll, type Search, type SearchEnd } from './search.ts';
