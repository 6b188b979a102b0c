import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import { type Device, deviceKey } from './devices.ts';
import { readKey, readSignedKey, takeDeviceBundle } from './iq-keys.ts';
import { parseJid, placeOf, senderOf } from './jids.ts';
import { takeFileRequest } from './media-retry.ts';
import { bytesOf, child, children, node, readBigEndian } from './nodes.ts';
import type { Pending, PendingRef } from './outbox.ts';
import type { LibBundle } from './signal-lib.ts';
import { typedKey } from './signal-sessions.ts';
import type { World } from './world.ts';
import { verifyXeddsa } from './xeddsa.ts';

const READ_TYPES = new Set(['read', 'read-self', 'played']);
/** The answer of some clients to a message for which they have asked a retry; others confirm it. */
const RETRY_NACK = '500';

/** A receipt of a client for messages it got: delivery, reading, history sync, or a retry. */
export function takeClientReceipt(
  world: World,
  connection: Connection,
  device: Device,
  stanza: BinaryNode,
): void {
  const { id, to, type, participant } = stanza.attrs;
  connection.send(node('ack', { class: 'receipt', id, from: to, type, participant }));
  const items = children(child(stanza, 'list'), 'item').map(({ attrs }) => attrs.id);
  const ids = [id, ...items].filter((value): value is string => value !== undefined);
  noteReceipt(world, device, stanza, ids);
  if (type === 'server-error') {
    takeFileRequest(world, device, stanza).catch((error: unknown) =>
      world.errors.note(`look for the file of ${id} again`, error),
    );
    return;
  }
  for (const messageId of ids) {
    const pending = findMessage(world, device, stanza, messageId);
    if (type === 'retry') {
      if (pending) {
        retryMessage(world, device, pending, stanza).catch((error: unknown) =>
          world.errors.note(`seal ${messageId} again`, error),
        );
      }
    } else {
      finishMessage(world, device, messageId, pending, type);
    }
  }
}

function noteReceipt(world: World, device: Device, stanza: BinaryNode, ids: string[]): void {
  const chat = parseJid(stanza.attrs.to);
  const place = placeOf(chat);
  world.log.activities.add({
    phone: device.phone,
    kind: 'receipt',
    type: stanza.attrs.type ?? 'delivery',
    ...(chat.kind === 'user' ? { to: chat.phone } : {}),
    ...(place === undefined ? {} : { to: place }),
    ids,
    at: new Date().toISOString(),
  });
}

function findMessage(world: World, device: Device, { attrs }: BinaryNode, id: string): Pending | undefined {
  const chat = parseJid(attrs.to);
  const member = parseJid(attrs.participant);
  const place = placeOf(chat);
  const sender = attrs.type === 'sender' ? '' : senderOf(attrs.to, attrs.participant);
  const ref: PendingRef = {
    class: 'message',
    id,
    from: place ?? (sender || device.phone),
    participant: place !== undefined && member.kind === 'user' ? member.phone : undefined,
  };
  return world.outboxes.of(device).find(ref);
}

function finishMessage(
  world: World,
  device: Device,
  id: string,
  pending: Pending | undefined,
  type: string | undefined,
): void {
  const entry = world.log.inbound.find(device.phone, id);
  const now = new Date().toISOString();
  if (entry) {
    entry.receivedAt ??= now;
    if (READ_TYPES.has(type ?? '')) {
      entry.readAt ??= now;
    }
  }
  if (!pending || (pending.untilHistorySync && type !== 'hist_sync')) {
    return;
  }
  const outbox = world.outboxes.of(device);
  outbox.remove(pending);
  if (pending.untilHistorySync && !outbox.list().some((other) => other.untilHistorySync)) {
    device.historySynced = true;
    world.devices.save(device);
  }
}

/** The author seals the message again, in a new session, and sends it again under the same id. */
async function retryMessage(
  world: World,
  device: Device,
  pending: Pending,
  stanza: BinaryNode,
): Promise<void> {
  if (!pending.retry) {
    return;
  }
  // Before anything is waited for: the client's acknowledgement follows at once.
  pending.ignoreAcks = (pending.ignoreAcks ?? 0) + 1;
  const party = world.parties.of(pending.retry.author);
  const peer = deviceKey(device);
  const sealed = await party.encryptAnew(
    peer,
    Buffer.from(pending.retry.plaintext, 'base64'),
    () => readBundle(device, stanza) ?? takeDeviceBundle(world, device),
  );
  const count = child(stanza, 'retry')?.attrs.count ?? '1';
  pending.node = {
    ...pending.node,
    content: [node('enc', { v: '2', type: sealed.type, count }, sealed.ciphertext)],
  };
  const entry = world.log.inbound.find(device.phone, pending.id);
  if (entry) {
    entry.retries += 1;
  }
  world.outboxes.of(device).resend(pending);
}

function readBundle(device: Device, stanza: BinaryNode): LibBundle | undefined {
  const keys = child(stanza, 'keys');
  const skey = child(keys, 'skey');
  const identity = bytesOf(child(keys, 'identity'));
  if (!skey || identity.toString('hex') !== device.identityKey) {
    return undefined;
  }
  const signed = readSignedKey(skey);
  if (!verifyXeddsa(identity, typedKey(signed.key), signed.signature)) {
    return undefined;
  }
  const oneTime = child(keys, 'key');
  const preKey = oneTime && readKey(oneTime);
  return {
    registrationId: readBigEndian(bytesOf(child(stanza, 'registration'))),
    identityKey: typedKey(identity),
    signedPreKey: { keyId: signed.id, publicKey: typedKey(signed.key), signature: signed.signature },
    ...(preKey
      ? { preKey: { keyId: preKey.id, publicKey: typedKey(Buffer.from(preKey.public, 'hex')) } }
      : {}),
  };
}

const CLASSES = ['receipt', 'message', 'call'] as const;

/**
 * An acknowledgement of a client: what it names need not be sent again. After one with an error the device gets no more
 * messages until it logs in again, as WhatsApp is reported to hold back what waits.
 */
export function takeClientAck(world: World, device: Device, { attrs }: BinaryNode): void {
  const outbox = world.outboxes.of(device);
  const from = parseJid(attrs.to);
  const member = parseJid(attrs.participant);
  const pending = outbox.find({
    class: CLASSES.find((known) => known === attrs.class) ?? 'notification',
    id: attrs.id ?? '',
    from: senderOf(attrs.to, attrs.participant),
    type: attrs.type,
    participant: placeOf(from) !== undefined && member.kind === 'user' ? member.phone : undefined,
  });
  const isMessage = attrs.class === 'message';
  const isOfRetry = attrs.error === undefined || attrs.error === RETRY_NACK;
  if (isMessage && isOfRetry && pending?.ignoreAcks) {
    pending.ignoreAcks -= 1;
    return;
  }
  const entry = isMessage ? world.log.inbound.find(device.phone, attrs.id ?? '') : undefined;
  if (entry && attrs.error === undefined) {
    entry.confirmedAt ??= new Date().toISOString();
  }
  if (isMessage && attrs.error !== undefined) {
    // In groups a device gets its own messages back, and rc14 cannot read it.
    const isOwn = (member.kind === 'user' ? member.phone : senderOf(attrs.to)) === device.phone;
    if (!isOwn) {
      outbox.withhold();
    }
    if (entry) {
      entry.nack = attrs.error;
    }
  }
  if (pending) {
    outbox.remove(pending);
  }
}
