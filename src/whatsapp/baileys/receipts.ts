import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Clock } from '../../utils/clock.ts';
import type { ReceiptNews, ReceiptStatus } from '../engine.ts';
import type { AckBook } from './ack-book.ts';
import type { Arrivals } from './arrivals.ts';
import type { Contacts } from './contacts.ts';

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

/**
 * Messages that one receipt is about. WhatsApp names no bound; one of its stanzas may hold a million of them, and each is looked
 * up. A phone that has read a chat tells of what it had not read before.
 */
const MAX_IDS = 1_000;
/**
 * What receipts prove of one session and is being stored, at a time. More than that waits here: all sessions share the line to
 * the database, and who is next in it is chosen among 20,000.
 */
const MAX_STORING = 1_000;
/** Characters of an id; WhatsApp's own have 32 at most. */
const MAX_ID = 128;

/** Reads a receipt stanza; null for those that are not about our messages. */
export function readReceipt({ attrs, content }: BinaryNode): Receipt | null {
  const status = STATUS[attrs.type ?? 'delivery'];
  const { id, from } = attrs;
  if (status === undefined || id === undefined || from === undefined) return null;
  // Our own other devices answer `from` us, about a chat with `recipient`.
  const chat = attrs.type === 'sender' ? (attrs.recipient ?? from) : from;
  const at = Number(attrs.t);
  const ids = new Set([id, ...itemIds(content)].filter((one) => one.length <= MAX_ID));
  return { ids: [...ids].slice(0, MAX_IDS), from: chat, status, at: at > 0 ? at * 1000 : null };
}

function itemIds(content: BinaryNode['content']): string[] {
  const lists = Array.isArray(content) ? content.filter((child) => child.tag === 'list') : [];
  return lists.flatMap(({ content: items }) =>
    Array.isArray(items) ? items.flatMap((item) => (item.attrs.id ? [item.attrs.id] : [])) : [],
  );
}

/**
 * Baileys confirms a receipt whatever becomes of it. The function that is made here resolves when what it proves is stored, or is
 * refused for good (`onRefused`); null for a stanza that proves nothing. When it rejects nobody may confirm the receipt: it comes
 * again with the next login. A device that asks for a message again is answered at once.
 */
export function createReceiptKeeper({
  acks,
  arrivals,
  contacts,
  clock,
  closed,
  store,
  onRefused,
}: {
  acks: Pick<AckBook, 'prove'>;
  arrivals: Pick<Arrivals, 'after'>;
  contacts: Pick<Contacts, 'canonical'>;
  clock: Pick<Clock, 'now'>;
  closed: AbortSignal;
  store(receipt: ReceiptNews): Promise<void>;
  onRefused(error: unknown): void;
}): (stanza: BinaryNode) => Promise<void> | null {
  const waiting = new Set<() => void>();
  let storing = 0;

  /** Resolves when this one may be stored, in the order of the calls. */
  function enter(): Promise<void> | undefined {
    if (storing >= MAX_STORING) return new Promise((resolve) => void waiting.add(resolve));
    storing++;
    return undefined;
  }

  function leave(): void {
    const [next] = waiting;
    if (next === undefined) storing--;
    else {
      waiting.delete(next);
      next();
    }
  }

  async function keep(receipt: ReceiptNews): Promise<void> {
    await enter();
    try {
      if (!closed.aborted) await store(receipt);
    } catch (error) {
      if (!closed.aborted) onRefused(error);
    } finally {
      leave();
    }
    if (closed.aborted) throw new Error('Connection Closed');
  }
  return (stanza) => {
    const receipt = readReceipt(stanza);
    if (!receipt) return null;
    const { ids, from, status } = receipt;
    const at = receipt.at ?? clock.now();
    const chat = contacts.canonical(from);
    const kept = ids.map((messageId) => {
      acks.prove(messageId, at);
      return new Promise<void>((resolve, reject) =>
        arrivals.after(messageId, () => void keep({ messageId, chat, status, at }).then(resolve, reject)),
      );
    });
    const all = Promise.all(kept).then(() => undefined);
    if (stanza.attrs.type !== 'retry') return all;
    all.catch(() => undefined);
    return null;
  };
}
