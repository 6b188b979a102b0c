/** A person's pause of a session's queue: everything waits, codes too, until its end or until it is lifted. */
import { and, eq } from 'drizzle-orm';
import { affected, transact } from '../db/ops.ts';
import { whatsappAccounts } from '../db/schema.ts';
import { type Origin, record } from '../events/record.ts';
import type { QueueDeps } from './deps.ts';

/** The reason that a session shows while a person has paused it. */
export const HAND_PAUSE = 'paused';

/** Stands for "until somebody lifts it": the end of the year 9999, which none of our clocks will see. */
export const NO_END = 253_402_300_799_000;

interface PausedSession {
  id: string;
  userId: number;
  sessionId: string;
}

/** When a pause ends, epoch milliseconds; null when it lasts until somebody lifts it. */
export function endOfPause(pausedUntil: number): number | null {
  return pausedUntil === NO_END ? null : pausedUntil;
}

/**
 * Nothing of the session leaves until `until` (null: until `resumeByHand`), whatever its priority. What WhatsApp has
 * been given already goes on. A pause that is there is replaced.
 */
export async function pauseByHand(
  deps: QueueDeps,
  session: PausedSession,
  until: number | null,
  origin: Origin,
): Promise<void> {
  await transact(deps.database, async (tx) => {
    const pause = { pausedUntil: until ?? NO_END, pauseReason: HAND_PAUSE };
    await tx.update(whatsappAccounts).set(pause).where(eq(whatsappAccounts.id, session.id));
    const data = { reason: HAND_PAUSE, pausedUntil: until === null ? null : new Date(until).toISOString() };
    await record(tx, deps, [{ userId: session.userId, event: 'queue.paused', session, data, origin }]);
    tx.afterCommitAsked(() => deps.signals.wake(session.id, { rowChanged: true }));
  });
}

/** Lifts a person's pause; limits and the breaker hold on. False when there was none. */
export async function resumeByHand(
  deps: QueueDeps,
  session: PausedSession,
  origin: Origin,
): Promise<boolean> {
  return transact(deps.database, async (tx) => {
    const { id, pauseReason } = whatsappAccounts;
    const lifted = await tx
      .update(whatsappAccounts)
      .set({ pausedUntil: null, pauseReason: null })
      .where(and(eq(id, session.id), eq(pauseReason, HAND_PAUSE)));
    if (affected(lifted) === 0) return false;
    await record(tx, deps, [{ userId: session.userId, event: 'queue.resumed', session, origin }]);
    tx.afterCommitAsked(() => deps.signals.wake(session.id, { rowChanged: true }));
    return true;
  });
}
