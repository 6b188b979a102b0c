import { type BinaryNode, proto, unpadRandomMax16 } from '@whiskeysockets/baileys';
import { readContent } from './content.ts';
import { type Device, deviceKey } from './devices.ts';
import { bundleContent } from './iq-keys.ts';
import { userJid } from './jids.ts';
import { downloadMedia } from './media-read.ts';
import { bigEndian, bytesOf, node, unixSeconds } from './nodes.ts';
import type { Party } from './party.ts';
import { rememberPoll } from './polls.ts';
import type { Behaviour } from './rules.ts';
import { REUSED_KEY_ERROR, typedKey } from './signal-sessions.ts';
import type { Content, Received } from './types.ts';
import { pick, type World } from './world.ts';

const MAX_RETRIES = 5;
/** Fields of a message that carry no content a person would see. */
const CARRIERS = new Set(['senderKeyDistributionMessage', 'messageContextInfo']);
/** How a listed message came, for a receipt that is asked for later. */
const deliveries = new WeakMap<Received, readonly Delivery[]>();

/** One copy of a message on its way to one recipient's phone. */
export interface Delivery {
  id: string;
  sender: Device;
  /** Phone number. */
  recipient: string;
  /** How the conversation is addressed. */
  via: 'pn' | 'lid';
  group: string | undefined;
  behaviour: Behaviour;
}

/**
 * Plays the recipient's phone: decrypts the parts with its own Signal state, lists what it read,
 * and answers with receipts. Answers the list's entry, or undefined for what a phone shows nowhere.
 */
export function receiveMessage(
  world: World,
  delivery: Delivery,
  parts: BinaryNode[],
): Promise<Received | undefined> {
  const party = world.parties.of(delivery.recipient);
  return party.inTurn(async () => {
    let message: proto.IMessage | undefined;
    try {
      for (const part of parts) {
        message = mergeContent(message, await open(party, delivery, part));
      }
      if (delivery.behaviour.kind === 'retry') {
        throw new Error('asked to fail by the rule');
      }
    } catch (error) {
      return refuse(world, party, delivery, error instanceof Error ? error.message : String(error));
    }
    return message && accept(world, delivery, message);
  });
}

/** Opens one part; a sender key in it is learned. */
export async function open(
  party: Party,
  delivery: Pick<Delivery, 'sender' | 'group'>,
  part: BinaryNode,
): Promise<proto.IMessage> {
  const peer = deviceKey(delivery.sender);
  const type = part.attrs.type ?? '';
  const plaintext =
    type === 'skmsg'
      ? await party.senderKeys.decrypt(delivery.group ?? '', peer, bytesOf(part))
      : await party.decrypt(peer, type, bytesOf(part));
  const message = proto.Message.decode(unpadRandomMax16(plaintext));
  const inner = message.deviceSentMessage?.message ?? message;
  const distribution = inner.senderKeyDistributionMessage;
  if (distribution?.groupId && distribution.axolotlSenderKeyDistributionMessage) {
    await party.senderKeys.learn(
      distribution.groupId,
      peer,
      distribution.axolotlSenderKeyDistributionMessage,
    );
  }
  return inner;
}

function mergeContent(known: proto.IMessage | undefined, next: proto.IMessage): proto.IMessage | undefined {
  const hasContent = Object.entries(next).some(([key, value]) => !CARRIERS.has(key) && value);
  return hasContent ? next : known;
}

async function accept(
  world: World,
  delivery: Delivery,
  message: proto.IMessage,
): Promise<Received | undefined> {
  rememberPoll(world, delivery.id, delivery.sender.phone, message);
  const read = readContent(message);
  if (!read) {
    return undefined;
  }
  const { entry, isNew } = openEntry(world, delivery, 'unknown');
  const wasReadable = !isNew && entry.decryptError === undefined;
  entry.copies += 1;
  if (wasReadable) {
    entry.duplicate = true;
  } else {
    delete entry.decryptError;
    Object.assign(entry, read.content);
    if (read.media) {
      world.log.messages.hide(entry);
      Object.assign(entry, await downloadMedia(world, read.media));
      world.log.messages.show(entry);
    }
  }
  deliveries.set(entry, [delivery]);
  sendReceipts(world, [delivery], entry);
  return entry;
}

/** A phone shows what the owner of a session has sent from the phone; its receipts go to every device of the owner. */
export function showReceived(world: World, copies: readonly Delivery[], content: Content): void {
  const [first] = copies;
  if (!first || first.behaviour.kind === 'undelivered') return;
  const { entry } = openEntry(world, first, content.type);
  entry.copies += 1;
  Object.assign(entry, content, { byPhone: true });
  deliveries.set(entry, copies);
  sendReceipts(world, copies, entry);
}

function openEntry(world: World, { id, sender, recipient, group }: Delivery, type: Received['type']) {
  return world.log.messages.open(sender.phone, recipient, id, () => ({
    id,
    from: sender.phone,
    to: recipient,
    ...(group === undefined ? {} : { group }),
    type,
    copies: 0,
    at: new Date().toISOString(),
  }));
}

function refuse(world: World, party: Party, delivery: Delivery, error: string): Received {
  const { entry, isNew } = openEntry(world, delivery, 'undecryptable');
  const wasReadable = !isNew && entry.decryptError === undefined;
  entry.copies += 1;
  entry.refused = (entry.refused ?? 0) + 1;
  if (wasReadable) {
    if (error === REUSED_KEY_ERROR) {
      sendReceipts(world, [delivery], entry);
    }
    return entry;
  }
  entry.decryptError = error;
  const asked = entry.retriesAsked ?? 0;
  if (asked < MAX_RETRIES) {
    entry.retriesAsked = asked + 1;
    const withKeys = asked > 0 || error !== REUSED_KEY_ERROR;
    world.timers.after(pick(world.delays.receiptDelayMs), () =>
      pushReceipt(world, delivery, 'retry', retryContent(party, delivery.id, asked + 1, withKeys)),
    );
  }
  return entry;
}

function retryContent(party: Party, id: string, count: number, withKeys: boolean): BinaryNode[] {
  const content = [
    node('retry', { v: '1', count: String(count), id, t: unixSeconds(), error: '0' }),
    node('registration', {}, bigEndian(party.registrationId, 4)),
  ];
  if (withKeys) {
    const preKey = party.takePreKey();
    const [, ...keys] = bundleContent({
      registrationId: party.registrationId,
      identityKey: typedKey(party.identity.public),
      signedPreKey: {
        keyId: party.signedPreKey.id,
        publicKey: typedKey(party.signedPreKey.public),
        signature: party.signedPreKey.signature,
      },
      preKey: { keyId: preKey.id, publicKey: typedKey(preKey.public) },
    });
    content.push(node('keys', {}, keys));
  }
  return content;
}

function sendReceipts(world: World, copies: readonly Delivery[], entry: Received): void {
  const kind = copies[0]?.behaviour.kind;
  if (kind === 'no_ack_delivered') {
    return;
  }
  const delayMs = kind === 'receipt_first' ? 0 : pick(world.delays.receiptDelayMs);
  world.timers.after(delayMs, () => {
    entry.deliveredAt ??= new Date().toISOString();
    for (const delivery of copies) pushReceipt(world, delivery, undefined);
    if (world.delays.autoRead && kind !== 'unread') {
      world.timers.after(pick(world.delays.readDelayMs), () => markRead(world, entry));
    }
  });
}

/** The recipient reads the message: the sender gets a read receipt. False when it has none to read. */
export function markRead(world: World, entry: Received): boolean {
  const copies = deliveries.get(entry);
  if (!copies) {
    return false;
  }
  entry.readAt ??= new Date().toISOString();
  for (const delivery of copies) pushReceipt(world, delivery, 'read');
  return true;
}

function pushReceipt(
  world: World,
  delivery: Delivery,
  type: string | undefined,
  content?: BinaryNode[],
): void {
  const { id, sender, recipient, via, group } = delivery;
  if (!world.devices.get(sender.phone, sender.id)) {
    return;
  }
  const author = userJid(recipient, via);
  const attrs = {
    id,
    from: group ?? author,
    participant: group === undefined ? undefined : author,
    type,
    t: unixSeconds(),
  };
  world.outboxes.of(sender).push({
    class: 'receipt',
    id,
    from: group ?? recipient,
    ...(type === undefined ? {} : { type }),
    ...(group === undefined ? {} : { participant: recipient }),
    node: node('receipt', attrs, content),
  });
}
