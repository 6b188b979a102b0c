/** The service's own address is no receiver: its events would ask for more of themselves. */

import { networkInterfaces } from 'node:os';
import { LRUCache } from 'lru-cache';
import type { Config } from '../../utils/config.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { literalAddress } from '../../utils/guarded-http/addresses.ts';
import { type Address, type Resolve, resolveBySystem } from '../../utils/guarded-http/connector.ts';

/** A person waits for the answer; a resolver may not answer at all. */
const LOOKUP_MS = 3_000;

type AddressConfig = Pick<Config, 'publicUrl' | 'allowPrivateUrls'>;

/**
 * Throws URL_REFUSED for PUBLIC_URL's own host, and for a host that is or resolves to an address of this machine. Where
 * private addresses are allowed, receivers may be on this machine: only PUBLIC_URL's very port is refused then. A name
 * that does not resolve (yet, or in time) passes: each delivery looks again.
 */
export async function refuseOwnAddress(
  config: AddressConfig,
  url: string,
  resolve: Resolve = resolveBySystem,
): Promise<void> {
  const target = new URL(url);
  const own = new URL(config.publicUrl);
  const isSameHost = hostOf(target) === hostOf(own);
  const isOwn = config.allowPrivateUrls
    ? isSameHost && portOf(target) === portOf(own)
    : isSameHost || (await leadsHere(hostOf(target), resolve));
  if (!isOwn) return;
  throw new AppError('URL_REFUSED', 'A webhook cannot lead to this service itself: name your own receiver.', {
    details: { url: 'is an address of this service' },
  });
}

/** The dot at the end of a whole name changes nothing. */
const hostOf = ({ hostname }: URL) => hostname.replace(/(?<!\.)\.+$/, '');
const portOf = ({ port, protocol }: URL) => port || (protocol === 'https:' ? '443' : '80');

async function leadsHere(hostname: string, resolve: Resolve): Promise<boolean> {
  const here = addressesHere();
  const literal = literalAddress(hostname);
  if (literal !== null) return here.has(literal);
  const found = await within(LOOKUP_MS, resolve(hostname));
  return found.some(({ address }) => here.has(address));
}

/** The addresses, none when that fails or takes longer. */
async function within(ms: number, answer: Promise<Address[]>): Promise<Address[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Address[]>((resolve) => {
    timer = setTimeout(() => resolve([]), ms);
  });
  try {
    return await Promise.race([answer.catch(() => []), late]);
  } finally {
    clearTimeout(timer);
  }
}

function addressesHere(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return new Set(all.map(({ address }) => address));
}

/** So long PUBLIC_URL's addresses are taken as known. */
const KNOWN_MS = MINUTE_MS;

/**
 * For sockets to webhooks: the addresses of this machine, and those that PUBLIC_URL's host has at the moment, a minute old
 * at most. A name may have changed what it resolves to since the webhook was made.
 */
export function ownAddresses(
  { publicUrl }: Pick<Config, 'publicUrl'>,
  resolve: Resolve = resolveBySystem,
): () => Promise<ReadonlySet<string>> {
  const hostname = new URL(publicUrl).hostname;
  const known = new LRUCache<string, Promise<string[]>>({ max: 1, ttl: KNOWN_MS });
  return async () => {
    const literal = literalAddress(hostname);
    const found =
      known.get(hostname) ??
      within(LOOKUP_MS, resolve(hostname)).then((addresses) => addresses.map(({ address }) => address));
    known.set(hostname, found, { noUpdateTTL: true });
    return new Set([...addressesHere(), ...(literal === null ? await found : [literal])]);
  };
}
