/** The memory of Baileys for recipients that ask for a message again. */

import type { WASocket } from '@whiskeysockets/baileys';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createLru } from '../../utils/lru.ts';

/** The last ones; older messages come from our history (`getMessage`). */
const MAX_RECENT = 32;
/** As many, and for as long, as its own. */
const MAX_BASE_KEYS = 1_024;
const BASE_KEYS_MS = 15 * MINUTE_MS;
/** rc14 puts it between the chat and the id. */
const SEPARATOR = '\0';

/** The fields of rc14's MessageRetryManager that are replaced; its types hide them. */
interface Manager {
  recentMessagesMap: { delete(key: string): unknown };
  messageKeyIndex: Map<string, string>;
  baseKeys: unknown;
}

/**
 * Keeps its retry manager, which also heals Signal sessions, but not its size: room for 512 messages and 1,024 keys
 * in every session, and a timer of five minutes for each message that is sent.
 */
export function boundRetryMemory(sock: WASocket): void {
  const manager = managerOf(sock);
  if (!manager) return;
  manager.recentMessagesMap = createLru<string, object>({ max: MAX_RECENT }, (key) => {
    manager.messageKeyIndex.delete(key.slice(key.lastIndexOf(SEPARATOR) + 1));
  });
  manager.baseKeys = createLru<string, object>({ max: MAX_BASE_KEYS, ttlMs: BASE_KEYS_MS });
}

/** A message that must not be sent again is not sent from this memory. */
export function forgetSent(sock: WASocket, messageId: string): void {
  const manager = managerOf(sock);
  const key = manager?.messageKeyIndex.get(messageId);
  if (key !== undefined) manager?.recentMessagesMap.delete(key);
}

/** Safe because the version is pinned, and rc14's manager has these fields. */
function managerOf({ messageRetryManager }: WASocket): Manager | null {
  return messageRetryManager as unknown as Manager | null;
}
