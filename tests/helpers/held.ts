/** How long work holds the event loop, while which nothing else is done. */
import { existsSync, readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers';

/** Nothing may hold it for longer. */
export const MAX_HOLD_MS = 50;
const TRIES = 4;
/** What Linux has let this thread compute: while the machine runs others, nothing is held by us. */
const SCHEDULED = '/proc/thread-self/schedstat';

const usedMs = existsSync(SCHEDULED)
  ? () => Number(readFileSync(SCHEDULED, 'latin1').split(' ')[0]) / 1e6
  : () => performance.now();

/** How long one turn of the loop took at most while `work` ran, in ms of computing. */
export async function heldBy(work: () => Promise<unknown>): Promise<number> {
  let most = 0;
  let usedAtTurn = usedMs();
  let isOver = false;
  const turn = () => {
    const used = usedMs();
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
