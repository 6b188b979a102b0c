/** How a message's status moves when WhatsApp proves something about it. Pure. */
import type { MESSAGE_STATUSES } from '../db/schema.ts';
import type { ReceiptStatus } from '../whatsapp/engine.ts';

export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** Proven states of a message, in the order in which they become true. */
export const PROVEN = ['sent', 'delivered', 'read'] as const satisfies readonly ReceiptStatus[];
/** Ends of a message that is not proven to have left. A proof lifts them. */
export const UNSENT_ENDS = ['failed', 'expired', 'canceled'] as const satisfies readonly MessageStatus[];

export interface Progress {
  status: MessageStatus;
  sentAt: number | null;
  deliveredAt: number | null;
  readAt: number | null;
}

export interface Proof {
  status: ReceiptStatus;
  at: number;
}

/** 0 for what is not proven to have left: queued, sending, failed, canceled, expired. */
function rankOf(status: MessageStatus): number {
  const order: readonly MessageStatus[] = PROVEN;
  return order.indexOf(status) + 1;
}

/** Whether WhatsApp has proven that the message has left. */
export const isProven = (status: MessageStatus): boolean => rankOf(status) > 0;

/** Whether it has ended, and is not proven to have left. */
export const isUnsentEnd = (status: MessageStatus): boolean => UNSENT_ENDS.some((end) => end === status);

/**
 * Applies a proof: forward only, and over everything that is not proven itself, `failed` and `expired` included.
 * A later step proves the earlier ones. `steps` are those that were not known before; none: nothing changes.
 */
export function applyProof(current: Progress, proof: Proof): { next: Progress; steps: ReceiptStatus[] } {
  const from = rankOf(current.status);
  const to = rankOf(proof.status);
  if (to <= from) return { next: current, steps: [] };
  // WhatsApp's times are whole seconds: a step never appears to be before the one that it follows.
  const known = (own: number | null, rank: number, after: number | null) =>
    own ?? (to >= rank ? Math.max(proof.at, after ?? 0) : null);
  const sentAt = known(current.sentAt, 1, null);
  const deliveredAt = known(current.deliveredAt, 2, sentAt);
  const readAt = known(current.readAt, 3, deliveredAt);
  return {
    next: { status: proof.status, sentAt, deliveredAt, readAt },
    steps: PROVEN.slice(from, to),
  };
}
