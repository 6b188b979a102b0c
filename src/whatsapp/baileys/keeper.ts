/** What WhatsApp tells by itself, of groups and calls: it is stored before it is confirmed. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import { isRefusedValue } from '../../db/ops.ts';
import { type RetryOptions, retry } from '../../utils/backoff.ts';
import { createMutex } from '../../utils/mutex.ts';

/**
 * Baileys confirms such a stanza whatever becomes of it: WhatsApp would never tell it again. The function that is made here
 * resolves when what the stanza tells is stored, one after the other; null for one that tells nothing (`read` gives null), and
 * for one that cannot be read (`onUnreadable`): that one is confirmed, too, as it would read no better a second time. So is one
 * with a value that no row holds. When it rejects nobody may confirm the stanza: it comes again with the next login.
 */
export function createKeeper<N>({
  read,
  store,
  storeRetries,
  onUnreadable,
}: {
  read(stanza: BinaryNode): N | null;
  store(news: N): Promise<void>;
  storeRetries: RetryOptions;
  onUnreadable(error: unknown): void;
}): (stanza: BinaryNode) => Promise<void> | null {
  const inOrder = createMutex();
  const { signal } = storeRetries;
  const retries = { ...storeRetries, isPassing: (error: unknown) => !isRefusedValue(error) };
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
    return inOrder(async () => {
      try {
        if (!signal.aborted) await retry(() => store(news), retries);
      } catch (error) {
        if (!isRefusedValue(error)) throw error;
        onUnreadable(error);
      }
      if (signal.aborted) throw new Error('Connection Closed');
    });
  };
}
