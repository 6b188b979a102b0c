/** What WhatsApp tells by itself, of groups and calls: it is stored before it is confirmed. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import { type RetryOptions, retry } from '../../utils/backoff.ts';
import { createMutex } from '../../utils/mutex.ts';

/** Stanzas of one kind that wait to be stored: each is held in memory. */
export const MAX_WAITING = 1_000;

/**
 * Baileys confirms such a stanza whatever becomes of it: WhatsApp would never tell it again. The function that is made here
 * resolves when what the stanza tells is stored, one after the other; null for one that tells nothing (`read` gives null), and
 * for one that cannot be read (`onUnreadable`): that one is confirmed, too, as it would read no better a second time. When it
 * rejects nobody may confirm the stanza: it comes again with the next login, after those that came later. So it does where
 * `MAX_WAITING` wait already (`onFull`, told once until none waits).
 */
export function createKeeper<N>({
  read,
  store,
  storeRetries,
  onUnreadable,
  onFull,
}: {
  read(stanza: BinaryNode): N | null;
  store(news: N): Promise<void>;
  storeRetries: RetryOptions;
  onUnreadable(error: unknown): void;
  onFull(): void;
}): (stanza: BinaryNode) => Promise<void> | null {
  const inOrder = createMutex();
  const { signal } = storeRetries;
  let waiting = 0;
  let isFull = false;
  const tryRead = (stanza: BinaryNode) => {
    try {
      return read(stanza);
    } catch (error) {
      onUnreadable(error);
      return null;
    }
  };
  return (stanza) => {
    const news = tryRead(stanza);
    if (news === null) return null;
    if (waiting >= MAX_WAITING) {
      if (!isFull) onFull();
      isFull = true;
      return Promise.reject(new Error('too much waits to be stored'));
    }
    waiting += 1;
    return inOrder(async () => {
      if (!signal.aborted) await retry(() => store(news), storeRetries);
      if (signal.aborted) throw new Error('Connection Closed');
    }).finally(() => {
      waiting -= 1;
      if (waiting === 0) isFull = false;
    });
  };
}
