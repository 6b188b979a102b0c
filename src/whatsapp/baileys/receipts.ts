import type { BinaryNode } from '@whiskeysockets/baileys';
import type { ReceiptStatus } from '../engine.ts';

/** One receipt stanza, about one or more of our messages. */
export interface Receipt {
  ids: string[];
  /** JID of the chat as the stanza names it */
  from: string;
  status: ReceiptStatus;
  /** epoch milliseconds; null when the stanza has no time */
  at: number | null;
}

/**
 * The status that each type proves for a message we sent. `inactive` is the delivery to a device that is not in use; `sender`
 * is our own other device, `retry` a device that could not read it: the server has it in both cases.
 */
const STATUS: Readonly<Record<string, ReceiptStatus>> = {
  delivery: 'delivered',
  inactive: 'delivered',
  read: 'read',
  played: 'read',
  sender: 'sent',
  retry: 'sent',
};

/** Reads a receipt stanza; null for those that are not about our messages. */
export function readReceipt({ attrs, content }: BinaryNode): Receipt | null {
  const status = STATUS[attrs.type ?? 'delivery'];
  const { id, from } = attrs;
  if (status === undefined || id === undefined || from === undefined) return null;
  // Our own other devices answer `from` us, about a chat with `recipient`.
  const chat = attrs.type === 'sender' ? (attrs.recipient ?? from) : from;
  const at = Number(attrs.t);
  return { ids: [id, ...itemIds(content)], from: chat, status, at: at > 0 ? at * 1000 : null };
}

function itemIds(content: BinaryNode['content']): string[] {
  const lists = Array.isArray(content) ? content.filter((child) => child.tag === 'list') : [];
  return lists.flatMap(({ content: items }) =>
    Array.isArray(items) ? items.flatMap((item) => (item.attrs.id ? [item.attrs.id] : [])) : [],
  );
}
