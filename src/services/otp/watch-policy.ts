/** Decides what the watcher does about an OTP whose message is on its way. Pure. */

import type { OtpDelivery } from '../../db/schema.ts';
import { isProven, isUnsentEnd, type MessageStatus } from '../../queue/progress.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { OtpRow } from './rows.ts';
import type { SendingSession } from './sessions.ts';

/** The first look after a delivery; an acknowledgement usually takes less. */
export const FIRST_LOOK_MS = 1_000;
const MAX_PAUSE_MS = MINUTE_MS;

export interface DeliveryState {
  status: MessageStatus;
  sentAt: number | null;
  errorCode: string | null;
}

export type WatchDecision =
  | { action: 'sent'; at: number }
  /** the same code through the next session; what still waits elsewhere is canceled first */
  | { action: 'failover'; to: SendingSession }
  | { action: 'failed'; errorCode: string }
  | { action: 'look'; at: number };

export interface Watched {
  otp: Pick<OtpRow, 'status' | 'deliveries' | 'expiresAt'>;
  states: ReadonlyMap<string, DeliveryState>;
  /** the session asked for and its failover list, as they are now, in order */
  sendingSessions: readonly SendingSession[];
  failoverAfterMs: number;
  now: number;
}

/** When a message of its newest round was acknowledged, epoch milliseconds; null: none is known to be. */
export function provenAt(
  { deliveries }: Pick<OtpRow, 'deliveries'>,
  states: ReadonlyMap<string, DeliveryState>,
  now: number,
): number | null {
  const round = deliveries.at(-1)?.round;
  const ofRound = deliveries.filter((delivery) => delivery.round === round);
  const proof = ofRound.map(({ id }) => states.get(id)).find((state) => state && isProven(state.status));
  return proof ? (proof.sentAt ?? now) : null;
}

/** An acknowledgement of any delivery of the newest round decides it; see the guarantees in docs/otp.md. */
export function decideWatch(watched: Watched): WatchDecision {
  const { otp, states, now } = watched;
  const latest = otp.deliveries.at(-1);
  if (!latest) return { action: 'failed', errorCode: 'NO_MESSAGE' };
  const round = otp.deliveries.filter((delivery) => delivery.round === latest.round);
  const stateOf = (delivery: OtpDelivery) => states.get(delivery.id);
  const at = provenAt(otp, states, now);
  if (at !== null) return { action: 'sent', at };

  const latestState = stateOf(latest);
  const dead = latestState === undefined || isUnsentEnd(latestState.status);
  const tried = new Set(round.map((delivery) => delivery.accountId));
  const next = watched.sendingSessions.find(
    (sendingSession) => sendingSession.ready && !tried.has(sendingSession.accountId),
  );
  const overdueAt = latest.at + watched.failoverAfterMs;
  const current = watched.sendingSessions.find(
    (sendingSession) => sendingSession.accountId === latest.accountId,
  );
  const stuck = latestState?.status === 'queued' && current?.ready !== true;
  if (next && (dead || stuck || overdueAt <= now)) return { action: 'failover', to: next };

  const allDead = round.every((delivery) => isUnsentEnd(stateOf(delivery)?.status ?? 'failed'));
  if (allDead) return { action: 'failed', errorCode: latestState?.errorCode ?? 'SEND_FAILED' };
  return { action: 'look', at: nextLook(watched, latest, overdueAt) };
}

/** Less and less often, but on time for a failover, and never after the end. */
function nextLook({ otp, sendingSessions, now }: Watched, latest: OtpDelivery, overdueAt: number): number {
  const pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_LOOK_MS, Math.floor((now - latest.at) / 2)));
  const at = now + pauseMs;
  const onTime = sendingSessions.length > 1 && overdueAt > now ? Math.min(at, overdueAt) : at;
  return Math.max(now + 1, Math.min(onTime, otp.expiresAt));
}
