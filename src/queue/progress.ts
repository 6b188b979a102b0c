/** How a message's status moves when WhatsApp proves something about it. Pure. */
import type { MESSAGE_STATUSES } from '../db/schema.ts';
import type { ReceiptStatus } from '../whatsapp/engine.ts';

export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** What WhatsApp has proven, in the order in which it becomes true. */
export const PROVEN: readonly ReceiptStatus[] = ['sent', 'delivered', 'read'];

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

/**
 * Applies a proof: forward only, and over everything that is not proven itself, `failed` and `expired` included.
 * A later step proves the earlier ones. `steps` are those that were not known before; none: nothing changes.
 */
export function applyProof(current: Progress, proof: Proof): { next: Progress; steps: ReceiptStatus[] } {
  const from = rankOf(current.status);
  const to = rankOf(proof.status);
  if (to <= from) return { next: current, steps: [] };
  const known = (own: number | null, rank: number) => own ?? (to >= rank ? proof.at : null);
  return {
    next: {
      status: proof.status,
      sentAt: known(current.sentAt, 1),
      deliveredAt: known(current.deliveredAt, 2),
      readAt: known(current.readAt, 3),
    },
    steps: PROVEN.slice(from, to),
  };
}
