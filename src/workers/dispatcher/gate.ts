import {
  type AccountState,
  pausedByOthersUntil,
  readAccountState,
  stillHeld,
} from '../../queue/account-state.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { DispatcherDeps } from './types.ts';

/** What this process last read about its right to send for a session. */
export interface Gate {
  /** Reads the session's row. */
  refresh(): Promise<void>;
  /** Takes in what was read elsewhere; true when it may be sent for. */
  takeIn(state: AccountState | null): boolean;
  /** The session belongs to another owner or fence, or is gone: final. */
  isLost(): boolean;
  /** Until when somebody else than the limits has paused it; 0 when nobody has. */
  pausedUntil(): number;
  /** Until when nothing may go to strangers; 0 when it may. */
  breakerUntil(): number;
}

/** `onLimits` hears of the session's own limits at every reading. */
export function createGate(
  deps: DispatcherDeps,
  account: AccountRef,
  onLimits: (own: Record<string, unknown> | null) => void,
): Gate {
  let lost = false;
  let pausedUntil = 0;
  let breakerUntil = 0;

  function takeIn(state: AccountState | null): boolean {
    if (state === null || !stillHeld(state, account)) {
      if (!lost) deps.logger.warn('the session is not ours any more', { sessionId: account.sessionId });
      lost = true;
      return false;
    }
    pausedUntil = pausedByOthersUntil(state);
    breakerUntil = state.breakerUntil ?? 0;
    onLimits(state.limits);
    return pausedUntil <= deps.clock.now();
  }
  return {
    async refresh() {
      takeIn(await readAccountState(deps.db, account.id));
    },
    takeIn,
    isLost: () => lost,
    pausedUntil: () => pausedUntil,
    breakerUntil: () => breakerUntil,
  };
}
