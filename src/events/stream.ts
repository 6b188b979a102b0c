/** Live events inside one process: what was recorded, right after its commit. */

export interface LiveEvent {
  /** the activity row's id */
  id: string;
  userId: number;
  accountId: string | null;
  sessionId: string | null;
  seq: number | null;
  event: string;
  subject: string | null;
  data: Record<string, unknown>;
  at: number;
}

export interface EventFilter {
  userId: number;
  accountId?: string;
}

export interface EventStream {
  publish(event: LiveEvent): void;
  /** Calls `listener` for each matching event until the returned function is called. */
  subscribe(filter: EventFilter, listener: (event: LiveEvent) => void): () => void;
}

/** Makes the stream of this process. A listener that throws is dropped and harms nobody else. */
export function createEventStream(): EventStream {
  const byUser = new Map<number, Set<{ filter: EventFilter; listener: (event: LiveEvent) => void }>>();
  return {
    publish(event) {
      const entries = byUser.get(event.userId);
      if (!entries) return;
      for (const entry of [...entries]) {
        if (entry.filter.accountId !== undefined && entry.filter.accountId !== event.accountId) continue;
        try {
          entry.listener(event);
        } catch {
          entries.delete(entry);
        }
      }
    },
    subscribe(filter, listener) {
      const entry = { filter, listener };
      const entries = byUser.get(filter.userId) ?? new Set();
      byUser.set(filter.userId, entries);
      entries.add(entry);
      return () => {
        entries.delete(entry);
        if (entries.size === 0 && byUser.get(filter.userId) === entries) byUser.delete(filter.userId);
      };
    },
  };
}
