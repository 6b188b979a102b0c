/** Hears at once when a user of this process is disabled. */
import type { EventStream } from '../../events/stream.ts';

export interface UserWatch {
  hold(userId: number): void;
  release(userId: number): void;
  /** how many users have sessions here */
  readonly size: number;
}

/** Listens to a user's events as long as somebody holds it. */
export function watchUsers(stream: EventStream, onDisabled: (userId: number) => void): UserWatch {
  const held = new Map<number, { holders: number; unsubscribe: () => void }>();
  return {
    get size() {
      return held.size;
    },
    hold(userId) {
      const entry = held.get(userId);
      if (entry) {
        entry.holders += 1;
        return;
      }
      const unsubscribe = stream.subscribe({ userId }, ({ event }) => {
        if (event === 'user.disabled') onDisabled(userId);
      });
      held.set(userId, { holders: 1, unsubscribe });
    },
    release(userId) {
      const entry = held.get(userId);
      if (!entry) return;
      entry.holders -= 1;
      if (entry.holders > 0) return;
      entry.unsubscribe();
      held.delete(userId);
    },
  };
}
