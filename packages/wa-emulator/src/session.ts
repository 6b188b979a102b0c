import { type BinaryNode, type proto, toNumber } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import { type Device, deviceKey } from './devices.ts';
import { takeLoginFailure } from './faults.ts';
import { takeClientAck, takeClientReceipt } from './inbound-receipts.ts';
import { answerIq } from './iq.ts';
import { lidJid, parseJid } from './jids.ts';
import { children, node, unixSeconds } from './nodes.ts';
import { takeClientMessage } from './outbound.ts';
import { leavePairing, offerPairing, takePairingAnswer } from './pairing.ts';
import { takeCall, takeSubscription } from './people.ts';
import { replacedNotice } from './unlink.ts';
import type { World } from './world.ts';

/** The client has authenticated the channel: it logs in, or wants to be linked. */
export function onHello(world: World, connection: Connection, payload: proto.ClientPayload): void {
  world.connections.add(connection);
  const phone = payload.username ? String(toNumber(payload.username)) : undefined;
  const failure = takeLoginFailure(world.faults, phone);
  if (failure !== undefined) {
    connection.end(node('failure', { reason: String(failure), location: 'emu' }));
  } else if (payload.devicePairingData) {
    offerPairing(world, connection, payload);
  } else {
    logIn(world, connection, phone, payload.device ?? 0);
  }
}

function logIn(world: World, connection: Connection, phone: string | undefined, id: number): void {
  const device = phone === undefined ? undefined : world.devices.get(phone, id);
  if (!device || device.noiseKey !== connection.clientStatic.toString('hex')) {
    connection.end(node('failure', { reason: '401', location: 'emu' }));
    return;
  }
  world.online.get(deviceKey(device))?.end(replacedNotice());
  world.outboxes.of(device).detach();
  connection.device = device;
  world.online.set(deviceKey(device), connection);
  world.onlineSince.set(deviceKey(device), new Date());
  connection.send(
    node('success', {
      t: unixSeconds(),
      props: '27',
      lid: lidJid(device.phone, device.id),
      location: 'emu',
      creation: unixSeconds(),
    }),
  );
}

/** The socket is gone. */
export function onClose(world: World, connection: Connection): void {
  world.connections.delete(connection);
  leavePairing(world, connection);
  const { device } = connection;
  if (device && world.online.get(deviceKey(device)) === connection) {
    world.online.delete(deviceKey(device));
    world.subscriptions.delete(deviceKey(device));
    world.onlineSince.delete(deviceKey(device));
    world.outboxes.of(device).detach();
  }
}

/** One stanza of a client. */
export function onNode(world: World, connection: Connection, stanza: BinaryNode): void {
  if (stanza.tag === 'iq') {
    if (stanza.attrs.type === 'result') {
      takePairingAnswer(world, connection, stanza);
    } else {
      answerIq(world, connection, stanza);
    }
    return;
  }
  const { device } = connection;
  if (!device || world.online.get(deviceKey(device)) !== connection) {
    return;
  }
  switch (stanza.tag) {
    case 'message':
      takeClientMessage(world, connection, device, stanza);
      break;
    case 'receipt':
      takeClientReceipt(world, connection, device, stanza);
      break;
    case 'ack':
      takeClientAck(world, device, stanza);
      break;
    case 'call':
      takeCall(world, connection, device, stanza);
      break;
    case 'presence':
    case 'chatstate':
      noteActivity(world, device, stanza);
      break;
  }
}

function noteActivity(world: World, device: Device, stanza: BinaryNode): void {
  if (stanza.attrs.type === 'subscribe') takeSubscription(world, device, stanza);
  const target = parseJid(stanza.attrs.to);
  const state = stanza.tag === 'chatstate' ? children(stanza)[0] : undefined;
  const type = state ? (state.attrs.media === 'audio' ? 'recording' : state.tag) : stanza.attrs.type;
  world.log.activities.add({
    phone: device.phone,
    kind: stanza.tag === 'chatstate' ? 'chatstate' : 'presence',
    type: type ?? 'available',
    ...(target.kind === 'user' ? { to: target.phone } : {}),
    ...(target.kind === 'group' ? { to: target.id } : {}),
    at: new Date().toISOString(),
  });
}
