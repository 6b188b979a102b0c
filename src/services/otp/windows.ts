/** The hourly limits of codes, which all processes share. */

import ipaddr from 'ipaddr.js';
import type { Tx } from '../../db/client.ts';
import { type SpentWindow, spendFromWindow } from '../../db/windows.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { tooOften } from './limits.ts';

export interface BudgetWindow {
  key: string;
  max: number;
}

/**
 * Spends `n` of the hour's `max` in the caller's transaction. Exactly `max` get through, whatever runs at the
 * same time. Throws RATE_LIMITED, with nothing spent, when fewer than `n` are left.
 */
export async function spendWindow(tx: Tx, window: BudgetWindow, now: number, n = 1): Promise<SpentWindow> {
  const spent = await spendFromWindow(tx, { ...window, windowMs: HOUR_MS }, now, n);
  if (spent !== null) return spent;
  throw tooOften(
    'Too many in this hour. Try again later.',
    window.key.split(':')[1] ?? window.key,
    HOUR_MS - (now % HOUR_MS),
  );
}

/**
 * An end user's address as limits see it: an IPv6 customer holds a whole /64, and an IPv4 address that was written as
 * IPv6 (`::ffff:203.0.113.9`, as Node's servers tell it) is that IPv4 address.
 */
export function addressKey(ip: string): string {
  const address = ipaddr.process(ip);
  if (!(address instanceof ipaddr.IPv6)) return address.toString();
  const network = address.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(':')}::/64`;
}
