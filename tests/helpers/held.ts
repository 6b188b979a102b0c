/** How long work holds the event loop, while which nothing else is done. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Nothing may hold it for longer. */
export const MAX_HOLD_MS = 50;
const TRIES = 4;

/** How long the loop was held at most while `work` ran, in ms. */
export async function heldBy(work: () => Promise<unknown>): Promise<number> {
  const probe = monitorEventLoopDelay({ resolution: 1 });
  const cpu = process.cpuUsage();
  probe.enable();
  await work();
  probe.disable();
  const used = process.cpuUsage(cpu);
  // Time in which the machine ran others is not held by us.
  return Math.min(probe.max / 1e6, (used.user + used.system) / 1e3);
}

/** Of some tries the best: what else the machine, the compiler and the collector do comes and goes. */
export async function heldAtLeast(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let left = TRIES; left > 0 && least > MAX_HOLD_MS; left--) least = Math.min(least, await heldBy(work));
  return least;
}
