/** Rows on their way into a log: gathered in memory, written in batches, one after the other. */
import { byHalves, untilUsedUp } from '../db/batches.ts';
import { isRefusedValue, reasonOf } from '../db/errors.ts';
import { inCleanContext } from '../db/scope.ts';
import { createMutex } from '../utils/mutex.ts';
import type { Deps } from './context.ts';

export interface WriteBehind<T> {
  /** Takes a row; it is written after `flushMs` at the latest while the database is there. */
  add(row: T): void;
  /** Writes what waits now, without what comes meanwhile; resolves also when the database is away. */
  flush(): Promise<void>;
  readonly waiting: number;
  /** Rows that were given up because too many waited, or because no table holds them. */
  readonly dropped: number;
  /** Writes what waits, and plans nothing more. May be called twice. */
  stop(): Promise<void>;
}

interface WriteBehindOptions<T> {
  /** what is logged while the database is away */
  sorry: string;
  flushMs: number;
  /** rows of one call of `write`; so many are not waited for */
  batchSize: number;
  /** then the oldest are dropped */
  maxWaiting: number;
  /** Repeatable: after a failure it is called with the same rows, or with some of them, though the database may have them. */
  write(rows: readonly T[]): Promise<void>;
}

/** Makes the writer of this process. At most one flush runs and one waits, however many ask. */
export function createWriteBehind<T>(
  deps: Pick<Deps, 'clock' | 'logger'>,
  { sorry, flushMs, batchSize, maxWaiting, write }: WriteBehindOptions<T>,
): WriteBehind<T> {
  const inOrder = createMutex();
  let waiting: T[] = [];
  let dropped = 0;
  let cancelTimer: (() => void) | null = null;
  /** has not begun: whoever asks meanwhile waits for the same */
  let next: Promise<void> | null = null;
  let isAway = false;
  let stopped = false;

  function schedule(): void {
    if (cancelTimer || stopped || waiting.length === 0) return;
    cancelTimer = deps.clock.setTimer(() => void flush(), flushMs);
  }

  function flush(): Promise<void> {
    cancelTimer?.();
    cancelTimer = null;
    next ??= inOrder(() => {
      next = null;
      return inCleanContext(writeAll);
    });
    return next;
  }

  async function writeAll(): Promise<void> {
    let left = waiting.length;
    try {
      await untilUsedUp(1, async () => {
        const written = await writeBatch(Math.min(left, batchSize));
        left -= written;
        return Math.min(left, written);
      });
      isAway = false;
    } catch (error) {
      isAway = true;
      deps.logger.debug(sorry, { error });
      giveUpOldest();
    }
    schedule();
  }

  /** How many were written; when it rejects they wait as before. */
  async function writeBatch(rows: number): Promise<number> {
    const batch = waiting.splice(0, rows);
    try {
      await writeAccepted(batch);
      return batch.length;
    } catch (error) {
      waiting = [...batch, ...waiting];
      throw error;
    }
  }

  /** Writes those that the database takes. */
  async function writeAccepted(batch: readonly T[]): Promise<void> {
    for (const { error } of await byHalves(batch, write, isRefusedValue)) {
      dropped += 1;
      // Without its words, which hold the values.
      deps.logger.error('a row of a log is refused by the database and left out', reasonOf(error));
    }
  }

  function giveUpOldest(): void {
    const surplus = waiting.length - maxWaiting;
    if (surplus <= 0) return;
    waiting.splice(0, surplus);
    dropped += surplus;
  }

  return {
    add(row) {
      waiting.push(row);
      giveUpOldest();
      // While the database is away the timer alone tries again.
      if (waiting.length >= batchSize && !isAway) void flush();
      else schedule();
    },
    flush,
    get waiting() {
      return waiting.length;
    },
    get dropped() {
      return dropped;
    },
    async stop() {
      stopped = true;
      await flush();
    },
  };
}
