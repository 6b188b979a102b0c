import { type BinaryNode, decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys';
import { type Device, deviceKey } from './devices.ts';
import type { Store } from './store.ts';

const MAX_PENDING = 10_000;

/** A stanza for one linked device, kept until the client acknowledges it. */
export interface Pending {
  class: 'message' | 'receipt' | 'notification' | 'call';
  id: string;
  /** Phone number or group JID it comes from. */
  from: string;
  /** The type of a receipt. */
  type?: string;
  /** Phone number of the member, in a group. */
  participant?: string;
  node: BinaryNode;
  /** Only `receipt type=hist_sync` removes it. */
  untilHistorySync?: true;
  /** The content to seal again when the client asks for a retry, base64, and for whom it speaks. */
  retry?: { author: string; plaintext: string };
  /** Acknowledgements to overlook because a retry was asked for meanwhile. */
  ignoreAcks?: number;
}

/** Which pending stanza a client's acknowledgement or receipt means. */
export interface PendingRef {
  class: Pending['class'];
  id: string;
  from: string;
  type?: string | undefined;
  participant?: string | undefined;
}

/** Stanzas that wait for one linked device. */
interface Outbox {
  /** Sends it now when the client is online, else at its next login. */
  push(pending: Pending): void;
  find(ref: PendingRef): Pending | undefined;
  remove(pending: Pending): void;
  /** Sends a changed stanza of a pending entry again. */
  resend(pending: Pending): void;
  list(): Pending[];
  /** Sends no more messages until the client logs in again. */
  withhold(): void;
  /** True after `withhold`. */
  readonly withheld: boolean;
  /** From now on stanzas go out through `send`; answers what is pending. */
  attach(send: (pending: Pending) => void): Pending[];
  detach(): void;
}

/** The outboxes of all devices. */
export interface Outboxes {
  of(device: Device): Outbox;
  drop(device: Device): void;
  reset(): void;
}

/** The outboxes, with the messages that `store` kept. Receipts and notifications live in memory only. */
export async function createOutboxes(store: Store): Promise<Outboxes> {
  const outboxes = new Map<string, Outbox>();
  const open = (key: string) => {
    let outbox = outboxes.get(key);
    if (!outbox) {
      outbox = createOutbox(key, store);
      outboxes.set(key, outbox);
    }
    return outbox;
  };
  for (const [key, text] of store.entries('outbox|')) {
    open(key.split('|')[1] ?? '').push(await readPending(text));
  }
  return {
    of: (device) => open(deviceKey(device)),
    drop(device) {
      outboxes.delete(deviceKey(device));
      store.clear(`outbox|${deviceKey(device)}|`);
    },
    reset() {
      outboxes.clear();
      store.clear('outbox|');
    },
  };
}

function createOutbox(key: string, store: Store): Outbox {
  const byKey = new Map<string, Pending>();
  let send: ((pending: Pending) => void) | undefined;
  let withheld = false;
  const transmit = (pending: Pending) => {
    if (!(withheld && pending.class === 'message')) {
      send?.(pending);
    }
  };
  const storeKey = (pending: PendingRef) => `outbox|${key}|${pendingKey(pending)}`;
  const keep = (pending: Pending) => {
    if (pending.class === 'message') {
      store.set(storeKey(pending), writePending(pending));
    }
  };
  const remove = (pending: Pending) => {
    if (byKey.delete(pendingKey(pending)) && pending.class === 'message') {
      store.delete(storeKey(pending));
    }
  };
  return {
    push(pending) {
      byKey.set(pendingKey(pending), pending);
      keep(pending);
      const [oldest] = byKey.values();
      if (byKey.size > MAX_PENDING && oldest) {
        remove(oldest);
      }
      transmit(pending);
    },
    find: (ref) => byKey.get(pendingKey(ref)),
    remove,
    resend(pending) {
      keep(pending);
      transmit(pending);
    },
    list: () => [...byKey.values()],
    withhold() {
      withheld = true;
    },
    get withheld() {
      return withheld;
    },
    attach(sink) {
      send = sink;
      withheld = false;
      return [...byKey.values()];
    },
    detach() {
      send = undefined;
    },
  };
}

function pendingKey({ class: kind, id, from, type, participant }: PendingRef): string {
  return [kind, id, from, kind === 'receipt' ? (type ?? '') : '', participant ?? ''].join('|');
}

function writePending(pending: Pending): string {
  return JSON.stringify({ ...pending, node: encodeBinaryNode(pending.node).toString('base64') });
}

/** The store only holds what `writePending` wrote, so the shape is known. */
async function readPending(text: string): Promise<Pending> {
  const stored = JSON.parse(text) as Omit<Pending, 'node'> & { node: string };
  return { ...stored, node: await decodeBinaryNode(Buffer.from(stored.node, 'base64')) };
}
