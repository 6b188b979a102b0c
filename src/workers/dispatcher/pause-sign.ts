import type { LimitPause } from '../../queue/limit-pauses.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { LineDeps } from './types.ts';

/** Shorter waits for a window are ordinary pacing and not shown as a pause. */
const SHOWN_PAUSE_MS = 1_000;
/** A pause that follows another of the same reason within this time is the same pause. */
const SAME_PAUSE_MS = MINUTE_MS;

export interface PauseSign {
  /**
   * Shows on the session's row, some time later, that a limit holds this priority and all below it. Recorded once for a pause,
   * not for its extensions.
   */
  show(pause: LimitPause): void;
  /** The row does not show our pause any more. */
  forget(): void;
}

/** `onRefused`: the row could not be written, because the session is lost, or paused by somebody else. */
export function createPauseSign(
  { limitPauses, clock, logger }: Pick<LineDeps, 'limitPauses' | 'clock' | 'logger'>,
  account: AccountRef,
  onRefused: () => void,
): PauseSign {
  let shown: LimitPause | null = null;

  /** The row shows what it has shown before, unless more has been asked for since. */
  function takeBack(pause: LimitPause, before: LimitPause | null): void {
    if (shown === pause) shown = before;
  }

  return {
    show(pause) {
      const { until, reason, priority } = pause;
      const now = clock.now();
      const isShown = shown?.until === until && shown.reason === reason && shown.priority === priority;
      if (until - now < SHOWN_PAUSE_MS || isShown) return;
      const isNew = shown?.reason !== reason || now > shown.until + SAME_PAUSE_MS;
      const before = shown;
      shown = pause;
      limitPauses.show({ account, ...pause, isNew }).then(
        (isWritten) => {
          if (isWritten) return;
          takeBack(pause, before);
          onRefused();
        },
        (error: unknown) => {
          takeBack(pause, before);
          const text = 'the pause of a session is not shown';
          logger.warn(text, { sessionId: account.sessionId, error: String(error) });
        },
      );
    },
    forget() {
      shown = null;
    },
  };
}
