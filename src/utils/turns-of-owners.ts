/** Rounds of a loop whose work is of many owners: what takes long goes on beside the next rounds, and holds up no other owner. */
import type { Clock } from './clock.ts';
import { createFairQueue, type FairQueue } from './fair-queue.ts';

/** Where the work of several rounds has its places. */
export interface Places {
  queue: FairQueue;
  /** what has begun; never rejects */
  running: Set<Promise<unknown>>;
}

/** Places of one loop, with the bounds of a fair queue. */
export function createPlaces(bounds: Parameters<typeof createFairQueue>[0]): Places {
  return { queue: createFairQueue(bounds), running: new Set() };
}

export interface OwnersWork {
  owner: string;
  work: () => Promise<void>;
}

/**
 * Does all of it, each owner's in its places. Resolves when it has ended, or after `turnMs`: what has not begun by then, or at an
 * abort of `signal`, is left to the next round, and what has begun goes on. Rejects with the first failure of this turn.
 */
export async function takeTurns(
  places: Places,
  all: readonly OwnersWork[],
  {
    clock,
    turnMs,
    signal,
  }: { clock: Pick<Clock, 'setTimer'>; turnMs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const turn = new AbortController();
  const over = signal === undefined ? turn.signal : AbortSignal.any([signal, turn.signal]);
  const ends = all.map((one) => inPlace(places, one, over));
  await new Promise<void>((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      turn.abort();
      resolve();
    }, turnMs);
    Promise.all(ends)
      .then(() => resolve(), reject)
      .finally(() => {
        cancel();
        turn.abort();
      });
  });
}

/** Does the work when there is a place for this owner, unless it is over before. */
async function inPlace(
  { queue, running }: Places,
  { owner, work }: OwnersWork,
  over: AbortSignal,
): Promise<void> {
  const begin = () => {
    const done = work();
    const ended = done.catch(() => undefined).finally(() => running.delete(ended));
    running.add(ended);
    return done;
  };
  try {
    await queue.run(owner, begin, over);
  } catch (error) {
    if (error !== over.reason) throw error;
  }
}
