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
  /** the newest that was asked for */
  let asked: LimitPause | null = null;
  /** the newest that was written */
  let shown: LimitPause | null = null;

  /** The row shows what was written last, unless more has been asked for since. */
  function takeBack(pause: LimitPause): void {
    if (asked === pause) asked = shown;
  }

  return {
    show(pause) {
      const { until, reason, priority } = pause;
      const now = clock.now();
      const isAsked = asked?.until === until && asked.reason === reason && asked.priority === priority;
      if (until - now < SHOWN_PAUSE_MS || isAsked) return;
      const isNew = asked?.reason !== reason || now > asked.until + SAME_PAUSE_MS;
      asked = pause;
      limitPauses.show({ account, ...pause, isNew }).then(
        (isWritten) => {
          if (isWritten) {
            if (asked !== null) shown = pause;
            return;
          }
          takeBack(pause);
          onRefused();
        },
        (error: unknown) => {
          takeBack(pause);
          const text = 'the pause of a session is not shown';
          logger.warn(text, { sessionId: account.sessionId, error: String(error) });
        },
      );
    },
    forget() {
      asked = null;
      shown = null;
    },
  };
}
