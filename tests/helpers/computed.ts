/** How long this thread has computed: on a busy machine a clock also counts what other programs did. */
import { existsSync, readFileSync } from 'node:fs';

const COMPUTED = `/proc/self/task/${process.pid}/schedstat`;
const isKnown = existsSync(COMPUTED);

/** Milliseconds in which the main thread had a processor; where the system does not tell, those of a clock. */
export function computedMs(): number {
  if (!isKnown) return performance.now();
  return Number(readFileSync(COMPUTED, 'utf8').split(' ')[0]) / 1e6;
}
