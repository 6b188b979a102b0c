/** Sockets that only ever reach addresses which were checked when the socket was opened. */
import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { isPublicAddress, literalAddress } from './addresses.ts';
import { HttpFailure, toFailure, urlRefused } from './failures.ts';

export interface Address {
  address: string;
  family: number;
}
/** All addresses of a host name, as the system resolves it. */
export type Resolve = (hostname: string) => Promise<Address[]>;

export interface ConnectRules {
  resolve: Resolve;
  /** private and loopback addresses are fine (tests, a receiver beside the service) */
  allowPrivate: boolean;
  /** host names (without port, lower case) that may resolve to anything */
  allowHosts: ReadonlySet<string>;
  connectTimeoutMs: number;
  /** addresses that are this service's own, and never asked; none when missing */
  ownAddresses?: () => Promise<ReadonlySet<string>>;
  /** certificates (PEM) to trust instead of the system's */
  ca?: string;
}

export const resolveBySystem: Resolve = (hostname) => systemLookup(hostname, { all: true, verbatim: true });

/**
 * The addresses of a host. Throws URL_REFUSED when any of them is not public (a name with both kinds is an attack
 * or a mistake) or is the service's own, HttpFailure `dns` when there is none.
 */
export async function resolveChecked(hostname: string, rules: ConnectRules): Promise<Address[]> {
  const literal = literalAddress(hostname);
  const found =
    literal === null
      ? await resolveInTime(hostname, rules)
      : [{ address: literal, family: literal.includes(':') ? 6 : 4 }];
  if (found.length === 0) throw new HttpFailure('dns', 'The host name could not be resolved.');
  if (rules.allowPrivate || rules.allowHosts.has(hostname)) return found;
  if (!found.every(({ address }) => isPublicAddress(address))) {
    throw urlRefused('its host is not on the public internet');
  }
  const own = await rules.ownAddresses?.();
  if (own !== undefined && found.some(({ address }) => own.has(address))) {
    throw urlRefused('it is an address of this service');
  }
  return found;
}

/** A resolver that never answers must not hold the caller; its late answer is of no interest. */
async function resolveInTime(hostname: string, rules: ConnectRules): Promise<Address[]> {
  const answer = rules.resolve(hostname);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new HttpFailure('timeout', 'The host name was not resolved in time.')),
      rules.connectTimeoutMs,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    answer.catch(() => undefined);
    throw toFailure(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Answers every name with these addresses, so that a socket opens to none but them. */
export function lookupAmong(addresses: readonly Address[]): LookupFunction {
  return (_hostname, { all }, done) => {
    const [first] = addresses;
    if (all === true || first === undefined) done(null, [...addresses]);
    else done(null, first.address, first.family);
  };
}

/**
 * A connector for undici. The check happens here and the socket gets exactly the addresses that passed it, so
 * that a name which resolves differently the next time (DNS rebinding) gains nothing.
 */
export function createGuardedConnector(rules: ConnectRules): buildConnector.connector {
  return (options, callback) => {
    resolveChecked(options.hostname, rules).then(
      (addresses) => {
        const lookup = lookupAmong(addresses);
        const tls = rules.ca === undefined ? {} : { ca: rules.ca };
        const timeout = rules.connectTimeoutMs;
        buildConnector({ lookup, timeout, maxCachedSessions: 0, ...tls })(options, callback);
      },
      (error: unknown) => callback(toFailure(error), null),
    );
  };
}
