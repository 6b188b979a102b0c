/** Who hears of events: listeners of this process right after the commit, webhooks through their outbox. */
import type { Tx } from '../db/client.ts';

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

/** What is to be told to webhooks, made durable together with the events (outbox.ts). */
export interface Outbox {
  /** Writes a row for each webhook that wants one of the events; costs nothing when no webhook does. */
  write(tx: Tx, events: readonly LiveEvent[]): Promise<void>;
  /** Webhooks have changed: call it after that commit. Other processes see the change within a second. */
  invalidate(): void;
  /** Calls `listener` after each commit that wrote something, until the returned function is called. */
  onWritten(listener: () => void): () => void;
}

export interface EventStream {
  /** null: this process has no webhooks */
  readonly outbox: Outbox | null;
  publish(event: LiveEvent): void;
  /** Calls `listener` for every event of every tenant, for what is only counted; it must not throw. */
  tap(listener: (event: LiveEvent) => void): void;
  /** Calls `listener` for each matching event until the returned function is called. */
  subscribe(filter: EventFilter, listener: (event: LiveEvent) => void): () => void;
}

/** Makes the stream of this process. A listener that throws is dropped and harms nobody else. */
export function createEventStream(outbox: Outbox | null = null): EventStream {
  const taps: ((event: LiveEvent) => void)[] = [];
  const byUser = new Map<number, Set<{ filter: EventFilter; listener: (event: LiveEvent) => void }>>();
  return {
    outbox,
    tap(listener) {
      taps.push(listener);
    },
    publish(event) {
      for (const tap of taps) tap(event);
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
