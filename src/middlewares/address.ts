/** Whose address a request came from. */
import { normalizeAddress } from '../utils/address.ts';
import type { HttpContext } from './http-env.ts';

/**
 * The caller's address. Each trusted proxy appended the address that it saw, so with n of them the n-th entry
 * from the right is the one that our own proxies wrote. What is left of it may be made up.
 */
export function clientAddress(c: HttpContext, trustedProxies: number): string | null {
  const socket = normalizeAddress(c.env?.incoming?.socket?.remoteAddress);
  if (trustedProxies === 0) return socket;
  const forwarded = (c.req.header('x-forwarded-for') ?? '').split(',').filter((entry) => entry.trim() !== '');
  if (forwarded.length === 0) return socket;
  const entry = forwarded[Math.max(0, forwarded.length - trustedProxies)];
  return normalizeAddress(entry) ?? socket;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1)$/;
const OWN_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Headers in which proxies tell for whom they ask. */
const FORWARDING = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/**
 * True for a request that a program on this machine made itself: its socket is a loopback one, no proxy has passed it
 * on, and it asks for a name of this machine or for the host of `publicUrl`. A page of another site cannot be meant:
 * a name that it made lead here is none of these.
 */
export function isFromThisMachine(c: HttpContext, publicUrl: string): boolean {
  const socket = normalizeAddress(c.env?.incoming?.socket?.remoteAddress);
  if (socket === null || !LOOPBACK.test(socket)) return false;
  if (FORWARDING.some((name) => c.req.header(name) !== undefined)) return false;
  const asked = hostnameOf(`http://${c.req.header('host') ?? new URL(c.req.url).host}`);
  return asked !== null && (OWN_NAMES.has(asked) || asked === hostnameOf(publicUrl));
}

/** In lower case, without a port; null for what is no address. */
const hostnameOf = (url: string): string | null => (URL.canParse(url) ? new URL(url).hostname : null);
