/**
 * A code goes first on its session's socket: while one is under way, what is not urgent waits between its steps. Each step of
 * a first message costs the event loop some milliseconds, and a campaign has eight of them under way.
 */
import type { Clock } from '../../utils/clock.ts';

export interface RightOfWay {
  /** An urgent message is being queued: as good as under way until it is taken up, for `MAX_WAIT_MS` at most. */
  expect(): void;
  /** An urgent message is under way, until what it returns is called, and for `MAX_WAIT_MS` at most. */
  take(): () => void;
  /** Resolves when no urgent message is under way: at once, mostly, and after `MAX_WAIT_MS` at the latest. Never rejects. */
  give(): Promise<void>;
}

/** A code takes some tens of milliseconds. One whose answer does not come must not hold the others. */
const MAX_WAIT_MS = 250;

export function createRightOfWay(clock: Clock): RightOfWay {
  let underWay = 0;
  const waiting = new Set<() => void>();
  const expected = new Set<() => void>();

  function begin(): () => void {
    underWay++;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      expected.delete(end);
      cancel();
      underWay--;
      if (underWay === 0) for (const goOn of [...waiting]) goOn();
    };
    const cancel = clock.setTimer(end, MAX_WAIT_MS);
    return end;
  }

  function untilFree(): Promise<void> {
    return new Promise((resolve) => {
      const goOn = () => {
        waiting.delete(goOn);
        cancel();
        resolve();
      };
      const cancel = clock.setTimer(goOn, MAX_WAIT_MS);
      waiting.add(goOn);
    });
  }

  return {
    expect() {
      expected.add(begin());
    },
    take() {
      const end = begin();
      const [first] = expected;
      first?.();
      return end;
    },
    async give() {
      if (underWay > 0) await untilFree();
    },
  };
}

/** Of the urgent message itself. */
export const NOT_WAITING: RightOfWay = {
  expect: () => undefined,
  take: () => () => undefined,
  give: async () => undefined,
};
