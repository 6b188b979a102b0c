/** Sockets that end: each is counted, and each session's are logged once a minute. */
import type { Clock } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';
import { createQuietWarnings } from '../../utils/quiet-warnings.ts';
import type { AccountRef, EngineEvent } from '../../whatsapp/engine.ts';
import type { Metrics } from './registry.ts';

type Closed = Extract<EngineEvent, { type: 'closed' }>;

/**
 * Counts a socket's end by its reason and logs it at `warn`, what we closed ourselves apart: at most one line a minute
 * and session, which says how many were left out since the one before.
 */
export function watchCloses(
  metrics: Metrics,
  deps: { clock: Clock; logger: Logger },
): (account: AccountRef, event: Closed) => void {
  const warnings = createQuietWarnings(deps);
  return ({ id, sessionId, userId }, { reason, code, message }) => {
    metrics.socketCloses.inc({ reason });
    if (reason === 'closed_by_us') return;
    const fields = { userId, sessionId, reason, errorCode: code, errorMessage: message };
    warnings.warn(id, 'a socket was closed', fields);
  };
}
