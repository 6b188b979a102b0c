/** How long work holds the event loop, while which nothing else is done. */
import { setImmediate as nextTurn } from 'node:timers';
import { computedMs } from './computed.ts';

/** Nothing may hold it for longer. */
export const MAX_HOLD_MS = 50;
const TRIES = 4;

/** How long one turn of the loop took at most while `work` ran, in ms of computing. */
export async function heldBy(work: () => Promise<unknown>): Promise<number> {
  let most = 0;
  let usedAtTurn = computedMs();
  let isOver = false;
  const turn = () => {
    const used = computedMs();
    most = Math.max(most, used - usedAtTurn);
    usedAtTurn = used;
    if (!isOver) nextTurn(turn);
  };
  nextTurn(turn);
  try {
    await work();
  } finally {
    isOver = true;
    turn();
  }
  return most;
}

/** Of some tries the best: what else the compiler and the collector do comes and goes. */
export async function heldAtLeast(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let left = TRIES; left > 0 && least > MAX_HOLD_MS; left--) least = Math.min(least, await heldBy(work));
  return least;
}
