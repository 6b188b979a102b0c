/** Work of many owners that shares few places: each owner has a bounded part of them, so that none waits for all of another's. */
import PQueue from 'p-queue';

export interface FairQueue {
  /**
   * The result of the work when its turn has come; null when too much of this owner waits already. Rejects with the reason
   * of `signal` when that is aborted before: then the work never begins, and its place in the line is free at once. Work
   * that has begun looks at the signal itself.
   */
  run<R>(owner: string, work: () => Promise<R>, signal?: AbortSignal): Promise<R | null>;
}

/** What one owner wants to be done. */
interface Line {
  turns: PQueue;
  /** of these how many still want their turn */
  waiting: number;
}

/**
 * `concurrency` places, of which each owner has at most `perOwner` (one when missing), and at most `maxWaiting` pieces of work
 * that wait for each owner.
 */
export function createFairQueue({
  concurrency,
  perOwner = 1,
  maxWaiting,
}: {
  concurrency: number;
  perOwner?: number;
  maxWaiting: number;
}): FairQueue {
  const places = new PQueue({ concurrency });
  const lines = new Map<string, Line>();

  function enter<R>(owner: string, line: Line, work: () => Promise<R>, signal: AbortSignal | undefined) {
    let begun = false;
    let waits = true;
    line.waiting++;
    const leave = () => {
      if (waits) line.waiting--;
      waits = false;
    };
    const begin = () => {
      signal?.throwIfAborted();
      begun = true;
      return work();
    };
    const next = () => {
      leave();
      signal?.throwIfAborted();
      return places.add(begin);
    };
    const done = line.turns.add(next).finally(() => {
      if (line.turns.size + line.turns.pending === 0) lines.delete(owner);
    });
    return signal === undefined ? done : unlessAborted(done, signal, () => !begun, leave);
  }

  return {
    async run(owner, work, signal) {
      signal?.throwIfAborted();
      const line = lines.get(owner) ?? { turns: new PQueue({ concurrency: perOwner }), waiting: 0 };
      if (line.waiting >= maxWaiting) return null;
      lines.set(owner, line);
      return enter(owner, line, work, signal);
    },
  };
}

/** As `done`, or the reason of the signal when it is aborted while `waits()`; `leave` is called before. */
async function unlessAborted<R>(
  done: Promise<R>,
  signal: AbortSignal,
  waits: () => boolean,
  leave: () => void,
): Promise<R> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      if (!waits()) return;
      leave();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([done, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
