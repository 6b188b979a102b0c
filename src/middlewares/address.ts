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
