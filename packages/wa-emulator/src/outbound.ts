import { type BinaryNode, proto, unpadRandomMax16 } from '@whiskeysockets/baileys';
import { takePost } from './channels.ts';
import type { Connection } from './connection.ts';
import { type Device, deviceKey } from './devices.ts';
import { forwardToDevice } from './forward.ts';
import type { Group } from './groups.ts';
import { type Address, parseJid, STATUS_JID } from './jids.ts';
import { bytesOf, child, children, node, unixSeconds } from './nodes.ts';
import { takePeerMessage } from './peer.ts';
import { type Delivery, open, receiveMessage } from './receive.ts';
import type { Behaviour } from './rules.ts';
import type { Received } from './types.ts';
import type { World } from './world.ts';

const MAX_HELD_BACK = 1_000;
/** Error of an acknowledgement: the stanza does not fit the recipient's devices or addresses. */
const SMAX_INVALID = 479;
/** Addresses that make no chat, because nobody gets the message. */
const LOST: ReadonlySet<Behaviour['kind']> = new Set(['no_ack', 'ack_error', 'not_on_whatsapp']);

/** A message stanza of a client: acknowledged and brought to its recipients as their rules say. */
export function takeClientMessage(
  world: World,
  connection: Connection,
  device: Device,
  stanza: BinaryNode,
): void {
  const to = parseJid(stanza.attrs.to);
  world.log.stanzas.add({
    id: stanza.attrs.id ?? '',
    from: device.phone,
    to: describe(to, stanza),
    at: new Date().toISOString(),
  });
  const ack = (error?: number, serverId?: number) => {
    const attrs = {
      class: 'message',
      id: stanza.attrs.id,
      from: stanza.attrs.to,
      t: unixSeconds(),
      error: error === undefined ? undefined : String(error),
      server_id: serverId === undefined ? undefined : String(serverId),
    };
    world.timers.after(world.faults.slowAckMs.get(device.phone), () => connection.send(node('ack', attrs)));
  };
  if (stanza.attrs.category === 'peer') {
    ack();
    takePeerMessage(world, device, stanza).catch((error: unknown) =>
      world.errors.note(`answer the request ${stanza.attrs.id} to a phone`, error),
    );
    return;
  }
  if (to.kind === 'other') {
    ack();
    return;
  }
  if (to.kind === 'channel') {
    const taken = takePost(world, device, stanza, to.id);
    ack('error' in taken ? taken.error : undefined, 'serverId' in taken ? taken.serverId : undefined);
    return;
  }
  if (to.kind === 'user' && to.phone !== device.phone) {
    const refusal = world.standings.refusalOf(device.phone, to.phone);
    if (refusal !== undefined) {
      ack(refusal);
      return;
    }
  }
  const behaviour: Behaviour = to.kind === 'user' ? behaviourOf(world, to.phone) : { kind: 'ok' };
  if (lacksMeta(world, stanza) || staleAmong(world, to, behaviour).length > 0) {
    ack(SMAX_INVALID);
    return;
  }
  if (to.kind === 'user' && !LOST.has(behaviour.kind)) world.standings.meet(device.phone, to.phone);
  applyBehaviour(world, behaviour, to, ack, () => {
    deliver(world, device, stanza, to, behaviour).catch((error: unknown) =>
      world.errors.note(`deliver ${stanza.attrs.id}`, error),
    );
  });
}

/** The attribute of `meta` that says what begins with a stanza of that type. */
const META_OF: ReadonlyMap<string | undefined, string> = new Map([
  ['poll', 'polltype'],
  ['event', 'event_type'],
]);

/** A poll or an event that does not say so. What is sealed again, because somebody asked for it, goes without. */
function lacksMeta(world: World, stanza: BinaryNode): boolean {
  const name = META_OF.get(stanza.attrs.type);
  const isAgain = world.log.messages.byId(stanza.attrs.id ?? '').length > 0;
  return name !== undefined && !isAgain && child(stanza, 'meta')?.attrs[name] === undefined;
}

/** Recipients, or members of the group, whose devices the client has not asked for since it was refused. */
function staleAmong(world: World, to: Address, behaviour: Behaviour): string[] {
  const members = to.kind === 'group' ? (world.groups.get(to.id)?.participants ?? []) : [];
  const ruled = members.filter((phone) => world.rules.peek(phone).kind === 'stale_devices');
  if (to.kind === 'user' && behaviour.kind === 'stale_devices') ruled.push(to.phone);
  const stale = ruled.filter((phone) => world.staleDevices.get(phone) !== 'asked');
  for (const phone of stale) world.staleDevices.set(phone, 'refused');
  return stale;
}

/** Nobody is there under another spelling than the account's own. */
function behaviourOf(world: World, phone: string): Behaviour {
  return world.aliases.has(phone) ? { kind: 'not_on_whatsapp' } : world.rules.take(phone);
}

function describe(to: Address, stanza: BinaryNode): string {
  return to.kind === 'user' ? to.phone : (stanza.attrs.to ?? '');
}

function applyBehaviour(
  world: World,
  behaviour: Behaviour,
  to: Address,
  ack: (error?: number) => void,
  bring: () => void,
): void {
  switch (behaviour.kind) {
    case 'no_ack':
      return;
    case 'ack_error':
      ack(behaviour.code);
      return;
    case 'not_on_whatsapp':
      ack();
      return;
    case 'no_ack_delivered':
      bring();
      return;
    case 'delay':
      world.timers.after(behaviour.delayMs, () => {
        ack();
        bring();
      });
      return;
    case 'receipt_first':
      bring();
      world.timers.after(behaviour.delayMs, () => ack());
      return;
    case 'undelivered':
      ack();
      holdBack(world, to, bring);
      return;
    default:
      ack();
      bring();
  }
}

function holdBack(world: World, to: Address, bring: () => void): void {
  if (to.kind !== 'user') {
    return;
  }
  const held = world.heldBack.get(to.phone) ?? [];
  held.push(bring);
  world.heldBack.set(to.phone, held.slice(-MAX_HELD_BACK));
}

/** Brings what was held back for phones that are on again; call it after a change of the rules. */
export function releaseHeldBack(world: World): void {
  for (const [phone, held] of world.heldBack) {
    if (world.rules.peek(phone).kind !== 'undelivered') {
      world.heldBack.delete(phone);
      for (const bring of held) {
        bring();
      }
    }
  }
}

/** What a recipient has read, with whether the sender's own phone has read it too. */
type OwnCopied = Pick<Received, 'ownCopy'>;

interface Sealed {
  jid: string | undefined;
  enc: BinaryNode;
}

async function deliver(
  world: World,
  device: Device,
  stanza: BinaryNode,
  to: Address,
  behaviour: Behaviour,
): Promise<void> {
  const sealed: Sealed[] = children(child(stanza, 'participants'), 'to').flatMap((target) => {
    const enc = child(target, 'enc');
    return enc ? [{ jid: target.attrs.jid, enc }] : [];
  });
  const direct = child(stanza, 'enc');
  if (to.kind === 'group') {
    const group = world.groups.get(to.id);
    if (group) await deliverToGroup(world, device, stanza, group, sealed, direct);
  } else if (to.kind === 'status') {
    await deliverToGroup(world, device, stanza, audienceOf(sealed), sealed, direct);
  } else if (to.kind === 'user') {
    const all = direct ? [...sealed, { jid: stanza.attrs.to, enc: direct }] : sealed;
    await deliverToUser(world, device, stanza, to, all, behaviour);
  }
}

async function deliverToUser(
  world: World,
  device: Device,
  stanza: BinaryNode,
  to: { phone: string; via: 'pn' | 'lid' },
  sealed: Sealed[],
  behaviour: Behaviour,
): Promise<void> {
  let ownCopy: Promise<boolean> | undefined;
  const received: Array<Promise<OwnCopied | undefined>> = [];
  for (const { jid, enc } of sealed) {
    const target = parseJid(jid);
    if (target.kind !== 'user') {
      continue;
    }
    if (target.device > 0) {
      forwardToDevice(world, device, stanza, target, [enc]);
    } else if (target.phone === to.phone) {
      const delivery: Delivery = {
        id: stanza.attrs.id ?? '',
        sender: device,
        recipient: to.phone,
        via: to.via,
        group: undefined,
        behaviour,
      };
      received.push(receiveMessage(world, delivery, [enc]));
    } else if (target.phone === device.phone) {
      ownCopy = readOwnCopy(world, device, enc);
    }
  }
  const [entry] = await Promise.all(received);
  noteOwnCopy(entry, await ownCopy);
}

/** A phone that has read its copy keeps it, whatever becomes of one that comes again. */
function noteOwnCopy(entry: OwnCopied | undefined, isRead: boolean | undefined): void {
  if (entry && isRead !== undefined) entry.ownCopy = isRead || entry.ownCopy === true;
}

/** The sender's own phone reads its copy, which must be wrapped as sent by another device. */
function readOwnCopy(world: World, device: Device, enc: BinaryNode): Promise<boolean> {
  const party = world.parties.of(device.phone);
  return party.inTurn(async () => {
    try {
      const plaintext = await party.decrypt(deviceKey(device), enc.attrs.type ?? '', bytesOf(enc));
      return Boolean(proto.Message.decode(unpadRandomMax16(plaintext)).deviceSentMessage);
    } catch {
      return false;
    }
  });
}

/** A status post goes to those whom its sender gives the key to. */
function audienceOf(sealed: readonly Sealed[]): Audience {
  const people = sealed.flatMap(({ jid }) => {
    const target = parseJid(jid);
    return target.kind === 'user' ? [target.phone] : [];
  });
  return { id: STATUS_JID, participants: [...new Set(people)], addressing: 'lid' };
}

type Audience = Pick<Group, 'id' | 'participants' | 'addressing'>;

async function deliverToGroup(
  world: World,
  device: Device,
  stanza: BinaryNode,
  group: Audience,
  sealed: Sealed[],
  direct: BinaryNode | undefined,
): Promise<void> {
  const { id: groupId } = group;
  if (!group.participants.includes(device.phone)) {
    return;
  }
  const only = parseJid(stanza.attrs.participant);
  const keys = new Map<string, BinaryNode[]>();
  for (const { jid, enc } of sealed) {
    const target = parseJid(jid);
    if (target.kind === 'user' && target.device > 0) {
      forwardToDevice(world, device, stanza, target, direct ? [enc, direct] : [enc], group);
    } else if (target.kind === 'user') {
      keys.set(target.phone, [enc]);
    }
  }
  const members = only.kind === 'user' ? [only.phone] : group.participants;
  const tasks = members
    .filter((member) => member !== device.phone)
    .map((recipient) => {
      const parts = [...(keys.get(recipient) ?? []), ...(direct ? [direct] : [])];
      const delivery: Delivery = {
        id: stanza.attrs.id ?? '',
        sender: device,
        recipient,
        via: group.addressing,
        group: groupId,
        behaviour: world.rules.take(recipient),
      };
      return receiveMessage(world, delivery, parts);
    });
  const [received, ownCopy] = await Promise.all([
    Promise.all(tasks),
    only.kind === 'user'
      ? undefined
      : readOwnGroupCopy(world, device, groupId, [
          ...(keys.get(device.phone) ?? []),
          ...(direct ? [direct] : []),
        ]),
  ]);
  for (const entry of received) noteOwnCopy(entry, ownCopy);
}

/** The sender's own phone reads what its device has sent to a group, as every member does: one message after the other. */
function readOwnGroupCopy(
  world: World,
  device: Device,
  groupId: string,
  parts: BinaryNode[],
): Promise<boolean> {
  const party = world.parties.of(device.phone);
  return party.inTurn(async () => {
    try {
      for (const part of parts) await open(party, { sender: device, group: groupId }, part);
      return parts.some(({ attrs }) => attrs.type === 'skmsg');
    } catch {
      return false;
    }
  });
}
