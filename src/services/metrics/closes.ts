/** Sockets that end: each is counted, and each session's are logged once a minute. */

import { LRUCache } from 'lru-cache';
import type { Clock } from '../../utils/clock.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { Logger } from '../../utils/logger.ts';
import type { AccountRef, EngineEvent } from '../../whatsapp/engine.ts';
import type { Metrics } from './registry.ts';

const QUIET_MS = MINUTE_MS;
const MAX_SESSIONS = 10_000;

type Closed = Extract<EngineEvent, { type: 'closed' }>;

/**
 * Counts a socket's end by its reason and logs it at `warn`, what we closed ourselves apart: at most one line a minute
 * and session, which says how many were left out since the one before.
 */
export function watchCloses(
  metrics: Metrics,
  { clock, logger }: { clock: Clock; logger: Logger },
): (account: AccountRef, event: Closed) => void {
  const told = new LRUCache<string, { at: number; left: number }>({ max: MAX_SESSIONS });
  return (account, { reason, code, message }) => {
    metrics.socketCloses.inc({ reason });
    if (reason === 'closed_by_us') return;
    const now = clock.monotonic();
    const last = told.get(account.id);
    if (last !== undefined && now - last.at < QUIET_MS) {
      last.left += 1;
      return;
    }
    told.set(account.id, { at: now, left: 0 });
    const { sessionId, userId } = account;
    logger.warn('a socket was closed', {
      userId,
      sessionId,
      reason,
      code,
      message,
      leftOut: last?.left ?? 0,
    });
  };
}
