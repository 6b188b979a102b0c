import { randomBytes } from 'node:crypto';
import { encodeWAMessage, proto } from '@whiskeysockets/baileys';
import { prepareSettings, settingsKey } from './app-state.ts';
import type { Connection } from './connection.ts';
import { type Device, deviceKey } from './devices.ts';
import { notificationsOf } from './history.ts';
import { takeDeviceBundle } from './iq-keys.ts';
import { pnJid, SERVER_JID } from './jids.ts';
import { node, unixSeconds } from './nodes.ts';
import type { Pending } from './outbox.ts';
import type { World } from './world.ts';

const { ProtocolMessage } = proto.Message;

/** Stanzas that had to wait are sent so many at a time: an error acknowledgement holds back those that are left. */
const OFFLINE_SLICE = 100;

/**
 * The client is ready for stanzas: it gets what waited for it, marked `offline`, then everything as
 * it comes. A device that has not confirmed its first history sync gets that as well.
 */
export function goLive(world: World, connection: Connection, device: Device): void {
  const outbox = world.outboxes.of(device);
  const transmit = (pending: Pending, offline?: number) => {
    const entry = pending.class === 'message' ? world.log.inbound.find(device.phone, pending.id) : undefined;
    if (entry) {
      entry.sends += 1;
    }
    const mark = offline === undefined ? {} : { offline: String(offline) };
    connection.send({ ...pending.node, attrs: { ...pending.node.attrs, ...mark } });
  };
  const waiting = outbox.attach((pending) => transmit(pending));
  const count = String(waiting.length);
  const messages = String(waiting.filter((pending) => pending.class === 'message').length);
  connection.send(
    node('ib', { from: SERVER_JID }, [
      node('offline_preview', { count, message: messages, receipt: '0', notification: '0', appdata: '0' }),
    ]),
  );
  const sendFrom = (start: number) => {
    if (world.online.get(deviceKey(device)) !== connection) {
      return;
    }
    for (const [i, pending] of waiting.slice(start, start + OFFLINE_SLICE).entries()) {
      if (!(outbox.withheld && pending.class === 'message')) {
        transmit(pending, start + i);
      }
    }
    if (start + OFFLINE_SLICE < waiting.length) {
      world.timers.after(0, () => sendFrom(start + OFFLINE_SLICE));
      return;
    }
    connection.send(node('ib', { from: SERVER_JID }, [node('offline', { count })]));
    if (!device.historySynced && !waiting.some((pending) => pending.untilHistorySync)) {
      sendFirstSync(world, device).catch((error: unknown) =>
        world.errors.note('send the first messages of a phone', error),
      );
    }
  };
  sendFrom(0);
}

/** The first messages of a phone to a device it has just linked: the app-state keys and its history, which is empty unless it was given one. */
async function sendFirstSync(world: World, device: Device): Promise<void> {
  const key = settingsKey(world, device.phone);
  await prepareSettings(world, device);
  await sendPeerMessage(world, device, false, {
    type: ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE,
    appStateSyncKeyShare: {
      keys: [
        {
          keyId: { keyId: key.id },
          keyData: {
            keyData: key.data,
            fingerprint: { rawId: 1, currentIndex: 0, deviceIndexes: [0, device.id] },
            timestamp: Date.now(),
          },
        },
      ],
    },
  });
  for (const historySyncNotification of await notificationsOf(world, device.phone)) {
    await sendPeerMessage(world, device, true, {
      type: ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification,
    });
  }
}

/** A message of a phone to one of its own devices. */
export async function sendPeerMessage(
  world: World,
  device: Device,
  untilHistorySync: boolean,
  protocolMessage: proto.Message.IProtocolMessage,
): Promise<void> {
  const plaintext = encodeWAMessage({ protocolMessage });
  const sealed = await world.parties
    .of(device.phone)
    .encrypt(deviceKey(device), plaintext, () => takeDeviceBundle(world, device));
  const id = randomBytes(10).toString('hex').toUpperCase();
  world.outboxes.of(device).push({
    class: 'message',
    id,
    from: device.phone,
    ...(untilHistorySync ? { untilHistorySync: true } : {}),
    retry: { author: device.phone, plaintext: plaintext.toString('base64') },
    node: node(
      'message',
      { id, from: pnJid(device.phone), t: unixSeconds(), type: 'text', category: 'peer' },
      [node('enc', { v: '2', type: sealed.type }, sealed.ciphertext)],
    ),
  });
}
