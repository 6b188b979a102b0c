/** Servers as a setting names them: one, or several of the same kind between commas. */
import { isIPv6 } from 'node:net';

export interface HostAddress {
  host: string;
  port: number;
}

/**
 * `db1`, `db1:3307` or `[::1]:3306`, several of them between commas; a port that is not named is `defaultPort`. Null
 * when it is none of that.
 */
export function parseHosts(text: string, defaultPort: number): [HostAddress, ...HostAddress[]] | null {
  const [first, ...others] = text.split(',').map((part) => parseHost(part.trim(), defaultPort));
  if (!first) return null;
  const known = others.filter((host) => host !== null);
  return known.length === others.length ? [first, ...known] : null;
}

function parseHost(text: string, defaultPort: number): HostAddress | null {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  // An IPv6 address without a port may come without brackets.
  if (!found) return isIPv6(text) ? { host: text, port: defaultPort } : null;
  const port = Number(found[3] ?? defaultPort);
  return port >= 1 && port <= 65_535 ? { host: found[1] ?? found[2] ?? '', port } : null;
}
