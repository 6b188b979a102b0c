/** Work on the same key one after the other, work on different keys at the same time. */
import { AppError } from './errors.ts';

export interface Turns {
  /** Runs `work` when what came before with this key has ended, well or not. */
  run<R>(key: string, work: () => Promise<R>): Promise<R>;
}

/** `maxWaiting` bounds the line of each key: whoever comes later gets RATE_LIMITED. */
export function createTurns(maxWaiting: number): Turns {
  const lines = new Map<string, { last: Promise<unknown>; length: number }>();
  return {
    async run(key, work) {
      const line = lines.get(key) ?? { last: Promise.resolve(), length: 0 };
      if (line.length > maxWaiting) {
        throw new AppError('RATE_LIMITED', 'Too many attempts at once: wait a little.', {
          retryAfterSeconds: 1,
        });
      }
      lines.set(key, line);
      line.length++;
      const turn = line.last.then(work, work);
      line.last = turn.catch(() => undefined);
      try {
        return await turn;
      } finally {
        line.length--;
        if (line.length === 0) lines.delete(key);
      }
    },
  };
}
