/**
 * A message that is sent the moment it is committed: where its session's line is in this process and has nothing to do, it is queued
 * and claimed in one transaction. What it is worth after a crash is what any claim is worth: it has its fence and its attempt,
 * and goes back to the queue when nobody sends it.
 */
import type { Tx } from '../db/client.ts';
import { insertMany, prepared } from '../db/ops.ts';
import { sendAttempts, whatsappAccounts } from '../db/schema.ts';
import { HELD, type Held, heldValues, isHeldRow } from './fence.ts';
import type { Candidate } from './look-ahead.ts';

/** A place in the line of a session, which is kept until one of the two is called. */
export interface HeadStart {
  readonly held: Held;
  /** of the send_attempts row */
  readonly attemptId: string;
  /** the time that the attempt counts from, epoch milliseconds */
  readonly at: number;
  /** The row is committed: it is sent. */
  go(): void;
  /** It is not sent. Null: nothing was written; with an error that is not known, and the line asks the database. */
  giveUp(error: unknown): void;
}

/** The session belongs to another owner by now: the message is to be queued without a head start. */
export class HeadStartLost extends Error {
  override name = 'HeadStartLost';
}

/** The columns of a queue row that is claimed as it is inserted, and of its history. */
export function bornClaimed({ held, at }: HeadStart) {
  return {
    queue: { status: 'sending', claimedFence: held.fence, attempts: 1 },
    history: { status: 'sending', attempts: 1, sendingAt: at },
  } as const;
}

const heldRow = prepared((db) =>
  db.select({ id: whatsappAccounts.id }).from(whatsappAccounts).where(isHeldRow(HELD)).prepare(),
);

/** Counts the attempt of such a row, in its transaction. Throws HeadStartLost. */
export async function countBorn(
  tx: Tx,
  { held, attemptId, at }: HeadStart,
  { recipient, priority }: Pick<Candidate, 'recipient' | 'priority'>,
): Promise<void> {
  await insertMany(tx, sendAttempts, [{ id: attemptId, accountId: held.id, recipient, priority, at }]);
  const rows = await heldRow(tx).execute(heldValues(held));
  if (rows.length === 0) throw new HeadStartLost('the session belongs to another owner now');
}
