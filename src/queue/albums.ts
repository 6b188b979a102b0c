/** Albums in the queue: a head, which phones show nothing of, then its images and videos, each a message of its own. */
import { and, asc, eq, gt } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { messages } from '../db/schema.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { timeOfId } from '../utils/ids.ts';

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

/** Rows of the millisecond in which an album was queued that are looked through: a campaign queues some hundreds in one. */
const SCAN_LIMIT = 1_000;

type Message = typeof messages.$inferSelect;

/** The items of one of our albums, in their order: they were queued with their head, right behind it. */
export async function readItems(
  db: Db,
  head: Pick<Message, 'id' | 'accountId' | 'createdAt' | 'messageId'>,
): Promise<Message[]> {
  const { id, accountId, createdAt, direction } = messages;
  const rows = await db
    .select()
    .from(messages)
    .where(
      and(
        eq(accountId, head.accountId),
        eq(createdAt, head.createdAt),
        gt(id, head.id),
        eq(direction, 'out'),
      ),
    )
    .orderBy(asc(createdAt), asc(id))
    .limit(SCAN_LIMIT);
  return rows.filter(({ content }) => Reflect.get(Object(content), 'album') === head.messageId);
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
