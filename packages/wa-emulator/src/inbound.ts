import { randomBytes } from 'node:crypto';
import { type BinaryNode, encodeWAMessage, proto } from '@whiskeysockets/baileys';
import { findChannel } from './channels.ts';
import { ControlError } from './control-error.ts';
import { type Device, deviceKey } from './devices.ts';
import { alternativeName, recipientNames } from './forward.ts';
import type { Group } from './groups.ts';
import { type BuiltMessage, buildInbound, type InboundContent } from './inbound-content.ts';
import { takeDeviceBundle } from './iq-keys.ts';
import { parseJid, STATUS_JID, senderOf, userJid } from './jids.ts';
import { rememberFile } from './media-retry.ts';
import { node, unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

/** A message of a simulated person to a session. */
export interface DeliverInput extends InboundContent {
  /** Phone number of the session; with `group`, of any session that is a member. */
  to: string;
  from: string;
  /** The group it is sent to, `…@g.us`, `status@broadcast`, or the channel, `…@newsletter`. */
  group?: string | undefined;
  /** How the person is addressed; a group has its own addressing. */
  via?: 'pn' | 'lid' | undefined;
  /** The person's push name. */
  pushName?: string | undefined;
  /** A fixed message id (only with a count of 1). */
  id?: string | undefined;
  /** Attributes of the stanza in place of the usual ones; null leaves one out. */
  attributes?: Record<string, string | null> | undefined;
  /** Its sender seals the first copy such that it cannot be opened; the next one, which is asked for, can be. */
  garbled?: boolean | undefined;
  /** In place of the message the server tells that there is one; `view_once` and the like say why. */
  placeholder?: string | undefined;
  /** So many messages; `{n}` in the text becomes 1, 2, 3 … */
  count?: number | undefined;
}

/** How one message travels. */
export interface Envelope {
  id: string;
  author: string;
  via: 'pn' | 'lid';
  pushName: string;
  group: Place | undefined;
  /** Whom the owner of the session wrote to from the phone. */
  recipient?: string | undefined;
  /** Whom the owner of the session wrote to from the phone, all at once by a list. */
  listed?: readonly string[] | undefined;
  garbled?: boolean | undefined;
  placeholder?: string | undefined;
  attributes: Record<string, string | null>;
}

/**
 * Sends messages of a simulated person to every linked device of `to`; they wait while the client
 * is offline, until it confirms them. Resolves with their ids once they are sent or queued. Throws
 * a ControlError when nothing is linked to that phone (404) or fields are missing (400).
 */
export async function deliverInbound(world: World, input: DeliverInput): Promise<string[]> {
  if (world.devices.of(input.to).length === 0) {
    throw new ControlError(404, `to: no session is linked to ${input.to}`);
  }
  const group = input.group === undefined ? undefined : findGroup(world, input.group, input);
  if (!group) world.standings.meet(input.to, input.from);
  const via = group?.addressing ?? input.via ?? 'pn';
  const by = { author: input.from, via, isPost: isChannel(group) };
  const ids: string[] = [];
  const count = input.count ?? 1;
  for (let n = 1; n <= count; n++) {
    const text = input.text?.replaceAll('{n}', String(n));
    const built = {
      ...(await buildInbound(world, input.to, { ...input, text }, by)),
      words: text ?? input.caption,
    };
    const envelope: Envelope = {
      id: count === 1 && input.id ? input.id : `3A${randomBytes(9).toString('hex').toUpperCase()}`,
      author: input.from,
      via,
      pushName: input.pushName ?? input.from,
      group,
      garbled: input.garbled,
      placeholder: input.placeholder,
      attributes: input.attributes ?? {},
    };
    rememberFile(world, envelope.id, built.message);
    if (input.placeholder === '') withhold(world, envelope, built);
    await sealForDevices(world, input, envelope, built);
    ids.push(envelope.id);
  }
  return ids;
}

/** The phone itself has got it. */
function withhold(world: World, { id, author, via, group, pushName }: Envelope, built: BuiltMessage): void {
  const jid = userJid(author, via);
  world.withheld.set(id, {
    key: { id, fromMe: false, remoteJid: group?.id ?? jid, ...(group ? { participant: jid } : {}) },
    message: built.message,
    messageTimestamp: Number(unixSeconds()),
    pushName,
  });
}

/** Where several people get the same: a group, a channel, or the status of one of them. */
export type Place = Pick<Group, 'id' | 'participants' | 'addressing'>;

/** Whether what goes there is a post of a channel. */
export const isChannel = (place: Place | undefined): boolean => parseJid(place?.id).kind === 'channel';

/** The group, of which both must be members, a channel that one runs and the other follows, or the status. Throws a ControlError. */
export function findGroup(world: World, id: string, { to, from }: Pick<DeliverInput, 'to' | 'from'>): Place {
  if (id === STATUS_JID) return { id, participants: [to, from], addressing: 'lid' };
  if (parseJid(id).kind === 'channel') return findChannel(world, id, { to, from });
  const group = world.groups.get(id);
  if (!group) {
    throw new ControlError(404, `group: there is no ${id}`);
  }
  if (!group.participants.includes(to) || !group.participants.includes(from)) {
    throw new ControlError(400, 'group: sender and session must both be members');
  }
  return group;
}

/** Seals a message for each device that is linked to `to`, and sends it or lets it wait. */
export async function sealForDevices(
  world: World,
  input: Pick<DeliverInput, 'to' | 'kind'>,
  envelope: Envelope,
  built: BuiltMessage,
): Promise<void> {
  world.log.inbound.add({
    id: envelope.id,
    from: envelope.author,
    to: input.to,
    ...(envelope.group ? { group: envelope.group.id } : {}),
    kind: input.kind ?? 'text',
    ...(built.words === undefined ? {} : { words: built.words }),
    at: new Date().toISOString(),
    sends: 0,
    retries: 0,
  });
  if (isChannel(envelope.group)) {
    for (const device of world.devices.of(input.to)) pushPost(world, device, envelope, built);
    return;
  }
  const forGroup = envelope.group
    ? await world.parties.of(envelope.author).senderKeys.encrypt(envelope.group.id, plaintextOf(built))
    : undefined;
  for (const device of world.devices.of(input.to)) {
    await sealAndPush(world, device, envelope, built, forGroup);
  }
}

/** A post of a channel is not sealed, and names nobody. */
function pushPost(world: World, device: Device, envelope: Envelope, built: BuiltMessage): void {
  const { id, group } = envelope;
  const from = group?.id ?? '';
  const { stanzaType: type, mediaType } = built;
  const serverId = String(world.channels.number(from, id));
  const attributes = { id, t: unixSeconds(), type, from, server_id: serverId };
  const payload = built.payload ?? proto.Message.encode(built.message).finish();
  const stanza = node('message', changed(attributes, envelope.attributes), [
    node('plaintext', mediaType === undefined ? {} : { mediatype: mediaType }, payload),
  ]);
  world.outboxes.of(device).push({ class: 'message', id, from, node: stanza });
}

async function sealAndPush(
  world: World,
  device: Device,
  envelope: Envelope,
  built: BuiltMessage,
  forGroup: { distribution: Buffer; ciphertext: Buffer } | undefined,
): Promise<void> {
  const { id, author, group } = envelope;
  const key = forGroup && group ? distributionOf(group.id, forGroup.distribution) : {};
  const direct = forGroup ? encodeWAMessage(key) : plaintextOf(built);
  const sealed = await world.parties
    .of(author)
    .encrypt(deviceKey(device), direct, () => takeDeviceBundle(world, device));
  const { garbled, placeholder } = envelope;
  const parts = [{ type: sealed.type as string, ciphertext: sealed.ciphertext }];
  if (forGroup) parts.push({ type: 'skmsg', ciphertext: forGroup.ciphertext });
  const content: BinaryNode[] =
    placeholder === undefined
      ? parts.map(({ type, ciphertext }) =>
          node(
            'enc',
            { v: '2', type, mediatype: built.mediaType },
            garbled ? garble(ciphertext) : ciphertext,
          ),
        )
      : [node('unavailable', { type: placeholder || undefined })];
  if (envelope.listed) {
    const people = envelope.listed.map((jid) => node('to', { jid }));
    content.push(node('participants', {}, people));
  }
  const whole = built.payload ?? encodeWAMessage({ ...built.message, ...key });
  const stanza = node('message', changed(stanzaAttributes(envelope, built), envelope.attributes), content);
  world.outboxes.of(device).push({
    class: 'message',
    id: stanza.attrs.id ?? id,
    ...(envelope.attributes.from === undefined
      ? { from: group?.id ?? author, ...(group ? { participant: author } : {}) }
      : { from: senderOf(stanza.attrs.from, stanza.attrs.participant) }),
    retry: { author, plaintext: whole.toString('base64') },
    node: stanza,
  });
}

/** Changes bytes that are authenticated, before the numbers at the end of a first message. */
function garble(ciphertext: Buffer): Buffer {
  const wrong = Buffer.from(ciphertext);
  for (let back = 16; back < 24; back++) {
    const at = wrong.length - back;
    wrong[at] = (wrong[at] ?? 0) ^ 0xff;
  }
  return wrong;
}

function plaintextOf({ message, payload }: BuiltMessage): Buffer {
  return payload ?? encodeWAMessage(message);
}

function changed(
  attributes: Record<string, string>,
  changes: Record<string, string | null>,
): Record<string, string> {
  const all = Object.entries({ ...attributes, ...changes });
  return Object.fromEntries(all.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

function distributionOf(groupId: string, distribution: Buffer): proto.IMessage {
  return {
    senderKeyDistributionMessage: { groupId, axolotlSenderKeyDistributionMessage: distribution },
  };
}

function stanzaAttributes(envelope: Envelope, { stanzaType }: BuiltMessage) {
  const { id, author, via, pushName, group, recipient } = envelope;
  const jid = userJid(author, via);
  if (recipient !== undefined) {
    return {
      id,
      t: unixSeconds(),
      type: stanzaType,
      from: jid,
      ...recipientNames(userJid(recipient, via)),
    };
  }
  return {
    id,
    t: unixSeconds(),
    type: stanzaType,
    notify: pushName,
    ...(group ? { from: group.id, participant: jid } : { from: jid }),
    ...alternativeName(group !== undefined, via, userJid(author, via === 'lid' ? 'pn' : 'lid')),
  };
}
