import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 50;
/** A busy machine of two cores is slow, not broken. */
export const PATIENCE_MS = 20_000;

/** Resolves as soon as `look` is true; fails loudly after `timeoutMs`. For what happens in other processes. */
export async function until(
  look: () => boolean | Promise<boolean>,
  timeoutMs = PATIENCE_MS,
  what = 'what was waited for',
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await pause(LOOK_EVERY_MS);
  }
}
