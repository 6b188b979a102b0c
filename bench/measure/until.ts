import { setTimeout as delay } from 'node:timers/promises';

interface Bounds {
  /** two minutes when not given */
  timeoutMs?: number;
  /** between two looks; 100 when not given */
  everyMs?: number;
}

/** Resolves as soon as `look` answers true. Throws after `timeoutMs`, with what was waited for. */
export async function waitUntil(
  what: string,
  look: () => Promise<boolean>,
  { timeoutMs = 120_000, everyMs = 100 }: Bounds = {},
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await look())) {
    if (performance.now() > endMs) throw new Error(`${what}: not in ${timeoutMs / 1_000} s`);
    await delay(everyMs);
  }
}
