/**
 * Loaded into a process (`--import`): notes into the file HOLDS how long its main thread computed without a pause, when
 * that was longer than 20 ms. Time in which the system ran something else does not count.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const EVERY_MS = 5;
const WORTH_NOTING_MS = 20;

/** Nanoseconds that the main thread has had a processor. */
const computedMs = () =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

if (isMainThread && process.env.HOLDS) {
  let before = computedMs();
  const look = () => {
    const now = computedMs();
    if (now - before >= WORTH_NOTING_MS) {
      appendFileSync(process.env.HOLDS, `${Date.now()} ${(now - before).toFixed(1)}\n`);
    }
    before = computedMs();
  };
  setInterval(look, EVERY_MS).unref();
}
