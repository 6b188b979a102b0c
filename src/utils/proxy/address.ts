/** Addresses of proxies as people write them. */
import { AppError } from '../errors.ts';

export const PROXY_PROTOCOLS = ['http', 'https', 'socks5'] as const;

export interface ProxyAddress {
  protocol: (typeof PROXY_PROTOCOLS)[number];
  /** a name or an address, without brackets */
  host: string;
  port: number;
  /** null: the proxy asks for none */
  credentials: { user: string; password: string } | null;
}

export const MAX_PROXY_URL = 1_000;
/** One byte of SOCKS 5 holds the length of each (RFC 1929). */
const MAX_CREDENTIAL_BYTES = 255;
const DEFAULT_PORTS = { http: 80, https: 443, socks5: 1080 } as const;
const WRITTEN = /^(https?|socks5h?):\/\/(.+)$/i;

/**
 * Reads `http://`, `https://` or `socks5://` with host, port and, where the proxy wants them, `user:password@`; what is
 * special in those is percent-encoded. Throws VALIDATION_FAILED (details.proxy), which repeats nothing of the text.
 */
export function parseProxy(text: string): ProxyAddress {
  const [, scheme, rest] = (text.length <= MAX_PROXY_URL ? WRITTEN.exec(text.trim()) : null) ?? [];
  if (scheme === undefined || rest === undefined) {
    throw invalid('must be like socks5://user:password@host:1080, http:// or https://');
  }
  const protocol = protocolOf(scheme);
  // Only these have hosts that the parser checks and spells in one way.
  const special = `ftp://${rest}`;
  if (!URL.canParse(special)) throw invalid('has no host, or a port that is none');
  const { hostname, port, username, password, pathname, search, hash } = new URL(special);
  if (pathname !== '/' || search !== '' || hash !== '') throw invalid('must end with the port');
  return {
    protocol,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: portOf(port, rest, DEFAULT_PORTS[protocol]),
    credentials: credentialsOf(username, password),
  };
}

function protocolOf(scheme: string): ProxyAddress['protocol'] {
  const name = scheme.toLowerCase();
  return name === 'http' || name === 'https' ? name : 'socks5';
}

/** The parser leaves out 21, which is the port of the scheme that it was given. */
function portOf(port: string, rest: string, fallback: number): number {
  if (port === '') return /:0*21\/?$/.test(rest) ? 21 : fallback;
  if (port === '0') throw invalid('has a port that is none');
  return Number(port);
}

function credentialsOf(username: string, password: string): ProxyAddress['credentials'] {
  if (username === '' && password === '') return null;
  const decoded = { user: decode(username), password: decode(password) };
  for (const part of Object.values(decoded)) {
    const bytes = Buffer.byteLength(part);
    if (bytes === 0) throw invalid('needs a user and a password, or neither');
    if (bytes > MAX_CREDENTIAL_BYTES)
      throw invalid(`has a user or password of more than ${MAX_CREDENTIAL_BYTES} bytes`);
  }
  if (decoded.user.includes(':')) throw invalid('has a user with a colon');
  return decoded;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a % in user or password that must be written as %25');
  }
}

function invalid(reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: proxy ${reason}.`, { details: { proxy: reason } });
}

const hostOf = ({ host, port }: ProxyAddress) => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** All of it, as `parseProxy` reads it: a secret. */
export function formatProxy(proxy: ProxyAddress): string {
  const { credentials } = proxy;
  const login = credentials
    ? `${encodeURIComponent(credentials.user)}:${encodeURIComponent(credentials.password)}@`
    : '';
  return `${proxy.protocol}://${login}${hostOf(proxy)}`;
}

/** For people: without user and password. */
export function describeProxy(proxy: ProxyAddress): string {
  return `${proxy.protocol}://${hostOf(proxy)}`;
}
