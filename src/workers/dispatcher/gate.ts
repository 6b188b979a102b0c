import { type AccountState, readAccountState, stillHeld } from '../../queue/account-state.ts';
import { breakerOf, pauseOf } from '../../queue/session-state.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { DispatcherDeps } from './types.ts';

/** This process's right to send for a session, as it was last read. */
export interface Gate {
  /** Reads the session's row. */
  refresh(): Promise<void>;
  /** Takes in what was read elsewhere; true when it may be sent for. */
  takeIn(state: AccountState | null): boolean;
  /** When it was last read, epoch milliseconds; 0: never. */
  readAt(): number;
  /** The session belongs to another owner or fence, or is gone: final. */
  isLost(): boolean;
  /** Until when a person has paused it: 0 when it is not paused, Infinity until somebody resumes it. */
  pausedUntil(): number;
  /** Until when nothing may go to strangers; 0 when it may. */
  breakerUntil(): number;
}

/** `onLimits` hears of what sets the session's limits at every reading. */
export function createGate(
  deps: DispatcherDeps,
  account: AccountRef,
  onLimits: (state: Pick<AccountState, 'limits' | 'lastHighAt' | 'linkedAt' | 'newChatCap'>) => void,
): Gate {
  let readAt = 0;
  let lost = false;
  let pausedUntil = 0;
  let breakerUntil = 0;

  function takeIn(state: AccountState | null): boolean {
    readAt = deps.clock.now();
    if (state === null || !stillHeld(state, account)) {
      if (!lost) deps.logger.warn('the session is not ours any more', { sessionId: account.sessionId });
      lost = true;
      return false;
    }
    const now = deps.clock.now();
    const pause = pauseOf(state, now);
    pausedUntil = pause === null ? 0 : (pause.until ?? Number.POSITIVE_INFINITY);
    breakerUntil = breakerOf(state, now)?.until ?? 0;
    onLimits(state);
    return pause === null;
  }
  return {
    async refresh() {
      takeIn(await readAccountState(deps.db, account.id));
    },
    takeIn,
    readAt: () => readAt,
    isLost: () => lost,
    pausedUntil: () => pausedUntil,
    breakerUntil: () => breakerUntil,
  };
}
