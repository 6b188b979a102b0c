import { type AccountState, readAccountState, stillHeld } from '../../queue/account-state.ts';
import { breakerOf, pauseOf } from '../../queue/session-state.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { DispatcherDeps } from './types.ts';

/** A reading of the session's row: they are numbered in the order in which they begin. */
export interface Reading {
  number: number;
  /** when it began, epoch milliseconds */
  at: number;
}

/** This process's right to send for a session, as it was last read. */
export interface Gate {
  /** Reads the session's row. */
  refresh(): Promise<void>;
  /** A reading elsewhere begins now: hand its answer to `takeIn`. */
  beginReading(): Reading;
  /**
   * Takes in what was read elsewhere; true when it may be sent for. Of two readings the one that began last counts, whichever
   * is answered last: the other is not remembered, but may be sent for only where neither of them forbids it.
   */
  takeIn(state: AccountState | null, reading: Reading): boolean;
  /** When the newest reading that was taken in began, epoch milliseconds; 0: none was. */
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
  deps: Pick<DispatcherDeps, 'clock' | 'db' | 'logger'>,
  account: AccountRef,
  onLimits: (state: Pick<AccountState, 'limits' | 'lastHighAt' | 'linkedAt' | 'newChatCap'>) => void,
): Gate {
  let begun = 0;
  let newest: Reading = { number: 0, at: 0 };
  let lost = false;
  let pausedUntil = 0;
  let breakerUntil = 0;

  function beginReading(): Reading {
    begun++;
    return { number: begun, at: deps.clock.now() };
  }

  function takeIn(state: AccountState | null, reading: Reading): boolean {
    if (state === null || !stillHeld(state, account)) {
      if (!lost) deps.logger.warn('the session is not ours any more', { sessionId: account.sessionId });
      lost = true;
      return false;
    }
    const now = deps.clock.now();
    const pause = pauseOf(state, now);
    if (reading.number < newest.number) return pause === null && !lost && pausedUntil <= now;
    newest = reading;
    pausedUntil = pause === null ? 0 : (pause.until ?? Number.POSITIVE_INFINITY);
    breakerUntil = breakerOf(state, now)?.until ?? 0;
    onLimits(state);
    return pause === null && !lost;
  }
  return {
    async refresh() {
      const reading = beginReading();
      takeIn(await readAccountState(deps.db, account.id), reading);
    },
    beginReading,
    takeIn,
    readAt: () => newest.at,
    isLost: () => lost,
    pausedUntil: () => pausedUntil,
    breakerUntil: () => breakerUntil,
  };
}
