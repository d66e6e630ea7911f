import { BlockList, isIPv6 } from 'node:net';
import { type AddressRange, parseRange } from '../model/addresses.ts';

/** `::ffff:192.0.2.1` is how an IPv4 client shows on a socket that takes both. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** Tells whether an address lies in one of the ranges (each as `parseRange` takes it). Throws for what is no range. */
export function addressMatcher(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const text of ranges) {
    const range = parseRange(text);
    if (range === undefined) throw new RangeError(`${text} is no address range`);
    add(list, range);
  }
  return (address) => {
    const plain = plainAddress(address);
    return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  };
}

function add(list: BlockList, { address, prefix, family }: AddressRange): void {
  if (prefix === (family === 'ipv4' ? 32 : 128)) list.addAddress(address, family);
  else list.addSubnet(address, prefix, family);
}
