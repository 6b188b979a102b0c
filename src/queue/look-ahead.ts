/** Reads what comes next in a session's queue, before anything is claimed. */
import { and, asc, eq, notInArray, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { prepared } from '../db/ops.ts';
import { messageQueue, messages } from '../db/schema.ts';
import type { MessageRef } from './claim.ts';
import type { Priority } from './priority.ts';

/** A row that waits, as the look-ahead saw it: the claim checks that it is still so. */
export interface Candidate extends MessageRef {
  recipient: string;
  lid: string | null;
  /** the content as JSON; null when it is too large to be read ahead */
  contentJson: string | null;
  priority: number;
  availableAt: number;
  /** not to be sent before, as was asked for; null: at once */
  scheduledAt: number | null;
  /** when it was queued last */
  queuedAt: number | null;
  expiresAt: number | null;
  /** those that were answered */
  attempts: number;
  /** all of them, as the history counts */
  tries: number;
}

/** The dispatcher keeps up to `LOOK_AHEAD` of these for each priority of a session; larger content is read when it is claimed. */
const MAX_CONTENT = 4_096;

/** The content as JSON, if it is read ahead; `null` otherwise. */
export function contentAhead(content: unknown): string | null {
  const json = JSON.stringify(content);
  return json.length <= MAX_CONTENT ? json : null;
}

const columns = {
  id: messageQueue.id,
  userId: messageQueue.userId,
  accountId: messageQueue.accountId,
  sessionId: messages.sessionId,
  messageId: messageQueue.messageId,
  peer: messages.peer,
  phone: messages.phone,
  lid: messages.lid,
  type: messages.type,
  contentJson: sql<
    string | null
  >`case when length(${messages.content}) <= ${sql.raw(String(MAX_CONTENT))} then ${messages.content} end`,
  recipient: messageQueue.recipient,
  priority: messageQueue.priority,
  availableAt: messageQueue.availableAt,
  scheduledAt: messages.scheduledAt,
  queuedAt: messages.queuedAt,
  expiresAt: messageQueue.expiresAt,
  attempts: messageQueue.attempts,
  tries: messages.attempts,
};

function waiting(db: Db, where: SQL | undefined) {
  return db
    .select(columns)
    .from(messageQueue)
    .innerJoin(messages, eq(messages.id, messageQueue.id))
    .where(and(eq(messageQueue.status, 'pending'), where))
    .orderBy(asc(messageQueue.availableAt), asc(messageQueue.id));
}

const nextRows = prepared((db) =>
  waiting(
    db,
    and(
      eq(messageQueue.accountId, sql.placeholder('accountId')),
      eq(messageQueue.priority, sql.placeholder('priority')),
    ),
  )
    .limit(sql.placeholder('limit'))
    .prepare(),
);

/**
 * The rows of one priority that come next, future ones included: one index seek, so a single read says both
 * what is due and when to look again. `except` are recipients that have something in flight.
 */
export async function readCandidates(
  db: Db,
  accountId: string,
  priority: Priority,
  limit: number,
  except: readonly string[] = [],
): Promise<Candidate[]> {
  if (except.length === 0) return nextRows(db).execute({ accountId, priority, limit });
  return waiting(
    db,
    and(
      eq(messageQueue.accountId, accountId),
      eq(messageQueue.priority, priority),
      notInArray(messageQueue.recipient, [...except]),
    ),
  ).limit(limit);
}
