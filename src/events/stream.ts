/** Delivers events: to listeners of this process right after the commit, to webhooks through their outbox. */
import { LRUCache } from 'lru-cache';
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

/** The webhook outbox, made durable together with the events (outbox.ts). */
export interface Outbox {
  /** Writes a row for each webhook that wants one of the events; costs nothing when no webhook does. */
  write(tx: Tx, events: readonly LiveEvent[]): Promise<void>;
  /** Whether a webhook is to be told of such an event. */
  isWanted(tx: Tx, event: Pick<LiveEvent, 'userId' | 'sessionId' | 'event'>): Promise<boolean>;
  /** Webhooks have changed: call it after that commit. Other processes see the change within a second. */
  invalidate(): void;
  /** Grows with each `invalidate`: what was read of webhooks before is old. */
  changes(): number;
  /** Calls `listener` after each commit that wrote something, with its lanes, until the returned function is called. */
  onWritten(listener: (lanes: ReadonlySet<string>) => void): () => void;
}

/** A reading for all who follow a tenant may be so old; events of another process are found by looking. */
const SHARED_MS = 250;

export interface EventStream {
  /** null: this process has no webhooks */
  readonly outbox: Outbox | null;
  publish(event: LiveEvent): void;
  /** Calls `listener` for every event of every tenant, for what is only counted; it must not throw. */
  tap(listener: (event: LiveEvent) => void): void;
  /** Calls `listener` for each matching event until the returned function is called. */
  subscribe(filter: EventFilter, listener: (event: LiveEvent) => void): () => void;
  /**
   * What `load` answers, once for all who ask with the same key until the tenant's next event, for a quarter of a second
   * at most: many who follow the same events read them once. `key` names all that the answer depends on.
   */
  share<R>(userId: number, key: string, load: () => Promise<R>): Promise<R>;
}

/** Makes the stream of this process. A listener that throws is dropped, without harm to the others. */
export function createEventStream(outbox: Outbox | null = null): EventStream {
  const taps: ((event: LiveEvent) => void)[] = [];
  const shared = new LRUCache<number, Map<string, { at: number; value: Promise<unknown> }>>({ max: 1_000 });
  const byUser = new Map<number, Set<{ filter: EventFilter; listener: (event: LiveEvent) => void }>>();
  return {
    outbox,
    tap(listener) {
      taps.push(listener);
    },
    publish(event) {
      for (const tap of taps) tap(event);
      shared.delete(event.userId);
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
    share(userId, key, load) {
      const now = performance.now();
      const known = shared.get(userId)?.get(key);
      if (known && now - known.at < SHARED_MS) return asShared(known.value);
      const kept = shared.get(userId) ?? new Map();
      for (const [old, { at }] of kept) if (now - at >= SHARED_MS) kept.delete(old);
      shared.set(userId, kept);
      const value = load();
      kept.set(key, { at: now, value });
      value.catch(() => kept.delete(key));
      return value;
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

/** Safe because the key names what was loaded. */
function asShared<R>(value: Promise<unknown>): Promise<R> {
  return value as Promise<R>;
}
