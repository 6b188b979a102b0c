import { pauseForLimit } from '../../queue/account-state.ts';
import type { LimitReason } from '../../queue/limits.ts';
import type { Priority } from '../../queue/priority.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { DispatcherDeps } from './types.ts';

/** Shorter waits for a window are ordinary pacing and not shown as a pause. */
const SHOWN_PAUSE_MS = 1_000;
/** A pause that follows another of the same reason within this time is the same pause. */
const SAME_PAUSE_MS = MINUTE_MS;

export interface LimitPause {
  /** epoch milliseconds */
  until: number;
  reason: LimitReason;
  priority: Priority;
}

export interface PauseSign {
  /**
   * Shows on the session's row that a limit holds this priority and all below it. Recorded once for a pause, not for
   * its extensions. False when the row could not be written: the session is lost, or paused by somebody else.
   */
  show(pause: LimitPause): Promise<boolean>;
  /** The row does not show our pause any more. */
  forget(): void;
}

export function createPauseSign(deps: DispatcherDeps, account: AccountRef): PauseSign {
  let shown: LimitPause | null = null;
  return {
    async show(pause) {
      const { until, reason, priority } = pause;
      const now = deps.clock.now();
      const isShown = shown?.until === until && shown.reason === reason && shown.priority === priority;
      if (until - now < SHOWN_PAUSE_MS || isShown) return true;
      const isNew = shown?.reason !== reason || now > shown.until + SAME_PAUSE_MS;
      const written = await pauseForLimit(deps, account, { ...pause, isNew });
      if (written) shown = pause;
      return written;
    },
    forget() {
      shown = null;
    },
  };
}
