/** Warnings that may come again and again: each is logged once a minute. */

import type { Clock } from './clock.ts';
import { MINUTE_MS } from './durations.ts';
import type { Logger } from './logger.ts';
import { createLru } from './lru.ts';

/** One line of a key in so long. */
const QUIET_MS = MINUTE_MS;
const MAX_KEYS = 10_000;

export interface QuietWarnings {
  /**
   * Logs at `warn`, at most once a minute for the same `key` (of a session, say): `leftOut` in the line says how many were
   * left out since the one before.
   */
  warn(key: string, message: string, fields: Record<string, unknown>): void;
}

/** Makes the warnings of this process. */
export function createQuietWarnings({ clock, logger }: { clock: Clock; logger: Logger }): QuietWarnings {
  const told = createLru<string, { at: number; left: number }>({ max: MAX_KEYS });
  return {
    warn(key, message, fields) {
      const now = clock.monotonic();
      const last = told.get(key);
      if (last !== undefined && now - last.at < QUIET_MS) {
        last.left += 1;
        return;
      }
      told.set(key, { at: now, left: 0 });
      logger.warn(message, { ...fields, leftOut: last?.left ?? 0 });
    },
  };
}
