/** What may be written a moment later: gathered by key, the newest of each, and written in batches. */
import { untilUsedUp } from '../../db/batches.ts';
import type { Clock } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';

const FLUSH_AFTER_MS = 250;
const RETRY_AFTER_MS = 5_000;
const BATCH_SIZE = 200;
/** While the database is away no more than this many are remembered; WhatsApp tells them again. */
const MAX_PENDING = 20_000;

export interface PendingWrites<T> {
  /** False: too many are pending, and this one is not remembered. */
  add(key: string, item: T): boolean;
  /** Writes what is pending; what cannot be written stays pending. */
  flush(): Promise<void>;
  /** Writes what is pending once more. Later ones are not written. */
  stop(): Promise<void>;
}

export interface PendingWritesOptions<T> {
  clock: Clock;
  logger: Logger;
  /** for the log */
  what: string;
  /** Writes up to 200 items, no two of one key. May be repeated. */
  write(items: readonly T[]): Promise<void>;
}

export function createPendingWrites<T>(options: PendingWritesOptions<T>): PendingWrites<T> {
  const pending = new Map<string, T>();
  let cancelTimer: (() => void) | null = null;
  let running: Promise<void> | null = null;
  let stopped = false;

  function schedule(delayMs: number): void {
    if (stopped || cancelTimer) return;
    cancelTimer = options.clock.setTimer(() => {
      cancelTimer = null;
      void flush();
    }, delayMs);
  }

  function flush(): Promise<void> {
    running ??= writeAll().finally(() => {
      running = null;
    });
    return running;
  }

  async function writeAll(): Promise<void> {
    try {
      // Until nothing is pending: what comes meanwhile is written too.
      await untilUsedUp(1, writeBatch);
    } catch (error) {
      options.logger.warn(`${options.what} wait for the database`, {
        pending: pending.size,
        error: String(error),
      });
      schedule(RETRY_AFTER_MS);
    }
  }

  /** How many were written. One that was told again meanwhile stays pending. */
  async function writeBatch(): Promise<number> {
    const batch = [...pending].slice(0, BATCH_SIZE);
    if (batch.length === 0) return 0;
    await options.write(batch.map(([, item]) => item));
    for (const [key, item] of batch) if (pending.get(key) === item) pending.delete(key);
    return batch.length;
  }

  return {
    add(key, item) {
      if (pending.size >= MAX_PENDING && !pending.has(key)) return false;
      pending.set(key, item);
      schedule(FLUSH_AFTER_MS);
      return true;
    },
    flush,
    async stop() {
      stopped = true;
      cancelTimer?.();
      cancelTimer = null;
      await flush();
    },
  };
}
