/** Work that must not overlap. */
import { AppError } from './errors.ts';

/** Runs `work` when all that came before has ended, well or not, in the async context of its caller. */
export type Mutex = <R>(work: () => Promise<R>) => Promise<R>;

/** Runs one piece of work at a time, in the order they came. */
export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}

export interface KeyedMutex {
  /** As `Mutex`, for each key by itself: work with different keys runs at the same time. */
  run<R>(key: string, work: () => Promise<R>): Promise<R>;
  /** Those with work. */
  keys(): string[];
}

/** Keeps nothing of a key without work. With `maxWaiting` it throws RATE_LIMITED where so many wait already. */
export function createKeyedMutex({ maxWaiting = Number.POSITIVE_INFINITY } = {}): KeyedMutex {
  const entries = new Map<string, { mutex: Mutex; users: number }>();
  return {
    async run(key, work) {
      const entry = entries.get(key) ?? { mutex: createMutex(), users: 0 };
      if (entry.users > maxWaiting) {
        throw new AppError('RATE_LIMITED', 'Too many attempts at once: wait a little.', {
          retryAfterSeconds: 1,
        });
      }
      entries.set(key, entry);
      entry.users++;
      try {
        return await entry.mutex(work);
      } finally {
        entry.users--;
        if (entry.users === 0) entries.delete(key);
      }
    },
    keys: () => [...entries.keys()],
  };
}
