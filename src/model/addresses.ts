/** A range of IP addresses: `192.0.2.0/24`, `2001:db8::/32`, or one address. */
export interface AddressRange {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Reads a range; undefined when it is none. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = '', digits, ...more] = text.trim().split('/');
  const family = /^\d{1,3}(\.\d{1,3}){3}$/.test(address) ? 'ipv4' : isIpv6(address) ? 'ipv6' : undefined;
  if (
    family === undefined ||
    more.length > 0 ||
    (family === 'ipv4' && address.split('.').some((n) => Number(n) > 255))
  ) {
    return undefined;
  }
  const most = family === 'ipv4' ? 32 : 128;
  if (digits !== undefined && (!/^\d{1,3}$/.test(digits) || Number(digits) > most)) return undefined;
  return { address, prefix: digits === undefined ? most : Number(digits), family };
}

/** Eight groups of hexadecimal digits, of which one run of zeros may be left out. */
function isIpv6(text: string): boolean {
  const halves = text.split('::');
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (halves.length > 2 || groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}
