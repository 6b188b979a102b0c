/** The service's own address is no receiver: its events would ask for more of themselves. */
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { Config } from '../../utils/config-types.ts';
import { AppError } from '../../utils/errors.ts';
import { literalAddress } from '../../utils/guarded-http/addresses.ts';

type AddressConfig = Pick<Config, 'publicUrl' | 'allowPrivateUrls'>;

/**
 * Throws URL_REFUSED for PUBLIC_URL's own host, and for a host that is or resolves to an address of this machine. Where
 * private addresses are allowed, receivers may stand on this machine: only PUBLIC_URL's very port is refused then. A name
 * that does not resolve (yet) passes.
 */
export async function refuseOwnAddress(config: AddressConfig, url: string): Promise<void> {
  const target = new URL(url);
  const own = new URL(config.publicUrl);
  const isOwn = config.allowPrivateUrls
    ? target.host === own.host
    : target.hostname === own.hostname || (await leadsHere(target.hostname));
  if (!isOwn) return;
  throw new AppError('URL_REFUSED', 'A webhook cannot lead to this service itself: name your own receiver.', {
    details: { url: 'is an address of this service' },
  });
}

async function leadsHere(hostname: string): Promise<boolean> {
  const here = new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
  );
  const literal = literalAddress(hostname);
  if (literal !== null) return here.has(literal);
  const found = await lookup(hostname, { all: true }).catch(() => []);
  return found.some(({ address }) => here.has(address));
}
