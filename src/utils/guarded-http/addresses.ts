/** Which addresses an outgoing request may reach: public unicast only. */
import ipaddr from 'ipaddr.js';

/** Public by number but never a website: Azure answers its virtual machines there (WireServer). */
const REFUSED_HOSTS = new Set(['168.63.129.16']);
/** Global unicast IPv6 is 2000::/3 so far (RFC 4291, IANA registry); the rest is special in one way or another. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * True for an address of the public internet. False for private, loopback, link-local (cloud metadata),
 * carrier-grade NAT, multicast, reserved, documentation and translated (mapped, NAT64, 6to4, Teredo) ones, and
 * for what is no address.
 */
export function isPublicAddress(address: string): boolean {
  // A zone (fe80::1%eth0) only ever belongs to a local address.
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6) {
    return parsed.zoneId === undefined && parsed.range() === 'unicast' && parsed.match(GLOBAL_V6);
  }
  return parsed.range() === 'unicast' && !REFUSED_HOSTS.has(parsed.toString());
}

/** The address in a URL's host (`[::1]`, `10.0.0.1`), or null when it is a name. */
export function literalAddress(hostname: string): string | null {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return ipaddr.isValid(bare) ? bare : null;
}
