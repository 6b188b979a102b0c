/** `Prefer: wait=N` (RFC 7240): the answer may wait for the outcome. */
import type { Context } from 'hono';
import { MAX_WAIT_SECONDS } from '../services/outcomes.ts';

/** Whole seconds that the caller wants to wait, at most 60; 0: not at all. What is malformed is ignored, as the RFC says. */
export function readWaitSeconds(http: Context): number {
  const given = http.req.header('prefer');
  if (given === undefined) return 0;
  for (const preference of given.split(',')) {
    const match = /^\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:;.*)?$/i.exec(preference);
    if (match?.[1] !== undefined) return Math.min(Number(match[1]), MAX_WAIT_SECONDS);
  }
  return 0;
}

/** `Prefer: respond-async` (RFC 7240): the answer need not wait for the work to be done. */
export function wantsAsync(http: Context): boolean {
  return (http.req.header('prefer') ?? '')
    .split(',')
    .some((preference) => /^\s*respond-async\s*(?:;.*)?$/i.test(preference));
}
