/** IP addresses as text. */
import { isIP } from 'node:net';

/** Without port, brackets and the IPv4-in-IPv6 prefix; null for what is not an address. */
export function normalizeAddress(entry: string | undefined): string | null {
  if (entry === undefined) return null;
  // Nearly every one: a socket of IPv4, or what a proxy wrote.
  if (isIP(entry) === 4) return entry;
  const text = entry.trim().replace(/^::ffff:(?=\d+\.)/i, '');
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? text;
  const address = isIP(bare) ? bare : bare.replace(/:\d+$/, '');
  return isIP(address) ? address.toLowerCase() : null;
}

/** The group that limits count an address as: of IPv6 the /64, because one caller has all of it. */
export function addressGroup(address: string | null): string {
  if (address === null) return 'unknown';
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::')
    ? Array.from({ length: 8 - left.length - right.length }, () => '0')
    : [];
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
