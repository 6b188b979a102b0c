import { randomBytes } from 'node:crypto';
import { type BinaryNode, encodeWAMessage, type proto } from '@whiskeysockets/baileys';
import { ControlError } from './control-error.ts';
import { type Device, deviceKey } from './devices.ts';
import { alternativeName } from './forward.ts';
import type { Group } from './groups.ts';
import { type BuiltMessage, buildInbound, type InboundContent } from './inbound-content.ts';
import { takeDeviceBundle } from './iq-keys.ts';
import { senderOf, userJid } from './jids.ts';
import { node, unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

/** A message of a simulated person to a session. */
export interface DeliverInput extends InboundContent {
  /** Phone number of the session; with `group`, of any session that is a member. */
  to: string;
  from: string;
  /** The group it is sent to, `…@g.us`. */
  group?: string | undefined;
  /** How the person is addressed; a group has its own addressing. */
  via?: 'pn' | 'lid' | undefined;
  /** The person's push name. */
  pushName?: string | undefined;
  /** A fixed message id (only with a count of 1). */
  id?: string | undefined;
  /** Attributes of the stanza in place of the usual ones; null leaves one out. */
  attributes?: Record<string, string | null> | undefined;
  /** So many messages; `{n}` in the text becomes 1, 2, 3 … */
  count?: number | undefined;
}

interface Envelope {
  id: string;
  author: string;
  via: 'pn' | 'lid';
  pushName: string;
  group: Group | undefined;
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
  const ids: string[] = [];
  const count = input.count ?? 1;
  for (let n = 1; n <= count; n++) {
    const text = input.text?.replaceAll('{n}', String(n));
    const built = await buildInbound(world, input.to, { ...input, text });
    const envelope: Envelope = {
      id: count === 1 && input.id ? input.id : `3A${randomBytes(9).toString('hex').toUpperCase()}`,
      author: input.from,
      via: group?.addressing ?? input.via ?? 'pn',
      pushName: input.pushName ?? input.from,
      group,
      attributes: input.attributes ?? {},
    };
    await deliverOne(world, input, envelope, built);
    ids.push(envelope.id);
  }
  return ids;
}

function findGroup(world: World, id: string, { to, from }: DeliverInput): Group {
  const group = world.groups.get(id);
  if (!group) {
    throw new ControlError(404, `group: there is no ${id}`);
  }
  if (!group.participants.includes(to) || !group.participants.includes(from)) {
    throw new ControlError(400, 'group: sender and session must both be members');
  }
  return group;
}

async function deliverOne(
  world: World,
  input: DeliverInput,
  envelope: Envelope,
  built: BuiltMessage,
): Promise<void> {
  world.log.inbound.add({
    id: envelope.id,
    from: envelope.author,
    to: input.to,
    ...(envelope.group ? { group: envelope.group.id } : {}),
    kind: input.kind ?? 'text',
    at: new Date().toISOString(),
    sends: 0,
    retries: 0,
  });
  const forGroup = envelope.group
    ? await world.parties.of(envelope.author).senderKeys.encrypt(envelope.group.id, plaintextOf(built))
    : undefined;
  for (const device of world.devices.of(input.to)) {
    await sealAndPush(world, device, envelope, built, forGroup);
  }
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
  const content: BinaryNode[] = [
    node('enc', { v: '2', type: sealed.type, mediatype: built.mediaType }, sealed.ciphertext),
  ];
  if (forGroup) {
    content.push(node('enc', { v: '2', type: 'skmsg', mediatype: built.mediaType }, forGroup.ciphertext));
  }
  const whole = built.payload ?? encodeWAMessage({ ...built.message, ...key });
  const stanza = node('message', changed(stanzaAttributes(envelope, built), envelope.attributes), content);
  world.outboxes.of(device).push({
    class: 'message',
    id: stanza.attrs.id ?? id,
    ...(envelope.attributes.from === undefined
      ? { from: group?.id ?? author, ...(group ? { participant: author } : {}) }
      : { from: senderOf(stanza.attrs.from) }),
    retry: { author, plaintext: whole.toString('base64') },
    node: stanza,
  });
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

function stanzaAttributes({ id, author, via, pushName, group }: Envelope, { stanzaType }: BuiltMessage) {
  const jid = userJid(author, via);
  return {
    id,
    t: unixSeconds(),
    type: stanzaType,
    notify: pushName,
    ...(group ? { from: group.id, participant: jid } : { from: jid }),
    ...alternativeName(group !== undefined, via, userJid(author, via === 'lid' ? 'pn' : 'lid')),
  };
}
