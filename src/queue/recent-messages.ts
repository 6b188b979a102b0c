/** Messages whose progress this process has written lately: most receipts come soon after, and find them here. */
import { createLru } from '../utils/lru.ts';
import type { MessageRef } from './claim.ts';
import type { Progress } from './progress.ts';

/** A message with the progress that its row had when it was last seen. */
export type SeenMessage = MessageRef & Progress;

/** What a receipt names: the session, and the id on the wire. */
type WireId = Pick<MessageRef, 'accountId' | 'messageId'>;

/** Some hundred bytes each. */
const MAX_MESSAGES = 5_000;

/**
 * What was seen may be old: whoever uses it writes on the condition that the row still has that status, and reads the row
 * when it has not.
 */
export interface RecentMessages {
  get(message: WireId): SeenMessage | undefined;
  keep(message: SeenMessage): void;
  forget(message: WireId): void;
}

/** Makes the memory of one settler. */
export function createRecentMessages(): RecentMessages {
  const known = createLru<string, SeenMessage>({ max: MAX_MESSAGES });
  const keyOf = ({ accountId, messageId }: WireId) => `${accountId} ${messageId}`;
  return {
    get: (message) => known.get(keyOf(message)),
    keep: (message) => {
      known.set(keyOf(message), message);
    },
    forget: (message) => {
      known.delete(keyOf(message));
    },
  };
}
