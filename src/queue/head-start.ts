/**
 * A message that is sent the moment it is committed: where its session's line is in this process and has nothing to do, it is queued
 * and claimed in one transaction. What it is worth after a crash is what any claim is worth: it has its fence and its attempt,
 * and goes back to the queue when nobody sends it.
 */
import type { Tx } from '../db/client.ts';
import { insertMany, unanswered } from '../db/ops.ts';
import { sendAttempts } from '../db/schema.ts';
import type { OpenCommit } from '../db/shared-commit.ts';
import type { Outgoing } from '../whatsapp/content.ts';
import type { Held } from './fence.ts';
import type { Candidate } from './look-ahead.ts';

/** A place in the line of a session, which is kept until one of the two is called. */
export interface HeadStart {
  readonly held: Held;
  /** of the send_attempts row */
  readonly attemptId: string;
  /** the time that the attempt counts from, epoch milliseconds */
  readonly at: number;
  /**
   * Nothing that a client could repeat refuses it any more, in the transaction that queues it: it is made ready and sealed
   * meanwhile, and leaves after `go`. Each one that is sealed in vain leaves a gap in the keys of its recipient. May be called again.
   */
  begin(open: () => Outgoing | null): void;
  /** Call it last in the transaction: the keys that it was sealed with by then are committed with it. */
  readonly takeAlong: OpenCommit['takeAlong'];
  /** The row is committed: it is sent. `open` makes its content now, from what was committed; null: it may not be sent any more. */
  go(open?: () => Outgoing | null): void;
  /** It is not sent. Null: nothing was written; with an error that is not known, and the line asks the database. */
  giveUp(error: unknown): void;
}

/** The columns of a queue row that is claimed as it is inserted, and of its history. */
export function bornClaimed({ held, at }: HeadStart) {
  return {
    queue: { status: 'sending', claimedFence: held.fence, attempts: 1 },
    history: { status: 'sending', attempts: 1, sendingAt: at },
  } as const;
}

/** Counts the attempt of such a row, in its transaction. Whether the session is held is looked at where its fact is recorded. */
export async function countBorn(
  tx: Tx,
  { held, attemptId, at }: HeadStart,
  { recipient, priority }: Pick<Candidate, 'recipient' | 'priority'>,
): Promise<void> {
  await insertMany(unanswered(tx), sendAttempts, [
    { id: attemptId, accountId: held.id, recipient, priority, at },
  ]);
}
