/** How long something takes. */
import { quantile } from './quantile.ts';

const RUNS = 15;

/** Median and worst of some runs, and the longest time that the event loop stood still. */
export async function measure(name: string, work: () => Promise<unknown>, runs = RUNS): Promise<void> {
  const times: number[] = [];
  let heldMs = 0;
  let tickMs = performance.now();
  const timer = setInterval(() => {
    heldMs = Math.max(heldMs, performance.now() - tickMs - 2);
    tickMs = performance.now();
  }, 2);
  for (let run = 0; run < runs; run++) {
    const beganMs = performance.now();
    await work();
    times.push(performance.now() - beganMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  clearInterval(timer);
  const at = (share: number) => quantile(times, share);
  console.log(
    `${name.padEnd(56)} median ${at(0.5).toFixed(1).padStart(7)} ms   worst ${at(1).toFixed(1).padStart(7)} ms   loop held ${heldMs.toFixed(0).padStart(4)} ms`,
  );
}
