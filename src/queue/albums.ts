/** Albums in the queue: a head, which phones show nothing of, then its images and videos, each a message of its own. */
import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm';
import { readFitting } from '../db/batches.ts';
import type { Db } from '../db/client.ts';
import { messageQueue, messages } from '../db/schema.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { timeOfId } from '../utils/ids.ts';
import { messageRefColumns } from './claim.ts';

/** How long an album waits for room for all of it: other messages to its recipient must not hold it for ever. */
const ALL_AT_ONCE_MS = 2 * HOUR_MS;

/** When a head was to begin, epoch milliseconds. */
interface Times {
  /** id of its queue row */
  id: string;
  /** not before; null: at once */
  scheduledAt: number | null;
  /** when it was queued last; null: when its id was made */
  queuedAt: number | null;
}

/** Until when a head waits for room for all of its album, epoch milliseconds: two hours from the time it was to begin. */
export const waitsForAllUntil = ({ id, scheduledAt, queuedAt }: Times): number =>
  Math.max(scheduledAt ?? 0, queuedAt ?? timeOfId(id)) + ALL_AT_ONCE_MS;

/** Images and videos of the millisecond in which an album was queued that are looked through: a campaign queues some hundreds in one. */
const SCAN_LIMIT = 1_000;
/** What an item is. */
const ITEM_TYPES = ['image', 'video'];

type Message = typeof messages.$inferSelect;

/** What canceling and restoring needs of an item, and what says whose it is. */
const ITEM_COLUMNS = {
  ...messageRefColumns,
  content: messages.content,
  priority: messages.priority,
  status: messages.status,
  errorCode: messages.errorCode,
  scheduledAt: messages.scheduledAt,
  queuedAt: messages.queuedAt,
  expiresAt: messages.expiresAt,
  updatedAt: messages.updatedAt,
};
export type Item = Pick<Message, keyof typeof ITEM_COLUMNS>;

/** The items of one of our albums, in their order: they were queued with their head, right behind it. */
export async function readItems(
  db: Db,
  head: Pick<Message, 'id' | 'accountId' | 'createdAt' | 'messageId'>,
): Promise<Item[]> {
  const { id, accountId, createdAt, direction, type } = messages;
  const read = (last: Item | null, size: number) =>
    db
      .select(ITEM_COLUMNS)
      .from(messages)
      .where(
        and(
          eq(accountId, head.accountId),
          eq(createdAt, head.createdAt),
          gt(id, last?.id ?? head.id),
          eq(direction, 'out'),
          inArray(type, ITEM_TYPES),
        ),
      )
      .orderBy(asc(createdAt), asc(id))
      .limit(size);
  const items: Item[] = [];
  let left = SCAN_LIMIT;
  for await (const rows of readFitting(SCAN_LIMIT, read)) {
    for (const item of rows.slice(0, left)) {
      if (Reflect.get(Object(item.content), 'album') === head.messageId) items.push(item);
    }
    left -= rows.length;
    if (left <= 0) break;
  }
  return items;
}

interface Row {
  type: string;
  content: unknown;
}

/** Messages that the recipient's window must have places for before this one begins: of a head all that belong to it. */
export function placesOf({ type, content }: Row): number {
  if (type !== 'album') return 1;
  // The queue keeps what the route of albums has made.
  const { images = 0, videos = 0 } = Object(content);
  return Math.max(1, images + videos);
}

/** Whose window an attempt counts in; empty for a head: its recipient is shown nothing of it. */
export function windowOf({ type, recipient }: { type: string; recipient: string }): string {
  return type === 'album' ? '' : recipient;
}

/** The same of a row of the queue and its message, in a query. */
export const rowWindow = sql<string>`case ${messages.type} when 'album' then '' else ${messageQueue.recipient} end`;
