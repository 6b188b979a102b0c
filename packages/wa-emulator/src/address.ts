import { isIPv6 } from 'node:net';

const UNSPECIFIED = new Set(['', '0.0.0.0', '::']);

/** `127.0.0.1:5002`, `[::1]:5002`: an address as URLs hold it. */
export function hostAndPort(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Throws when clients could not be told this address. */
export function requireOneAddress(host: string): void {
  if (UNSPECIFIED.has(host)) {
    throw new Error(`host: clients are told it, so it must be one address of this machine, not "${host}"`);
  }
}
