/** The row of a session that nothing holds, as what holds sessions is judged by. */
import type { SendingRow } from '../../src/queue/session-state.ts';

export const CONNECTED: SendingRow = {
  status: 'connected',
  paired: true,
  limits: null,
  suspendedAt: null,
  pausedUntil: null,
  pauseReason: null,
  pausedPriority: null,
  breakerUntil: null,
  breakerCode: null,
  linkedAt: null,
  newChatCap: null,
};
