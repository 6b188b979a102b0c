import { randomBytes } from 'node:crypto';
import { showOwnPost } from './channels.ts';
import { readContent } from './content.ts';
import { ControlError } from './control-error.ts';
import { type Envelope, findGroup, isChannel, sealForDevices } from './inbound.ts';
import { type BuiltMessage, buildInbound, type InboundContent } from './inbound-content.ts';
import { STATUS_JID, userJid } from './jids.ts';
import { downloadMedia } from './media-read.ts';
import { rememberFile } from './media-retry.ts';
import { type Delivery, showReceived } from './receive.ts';
import type { World } from './world.ts';

const LIST = /^\d+@broadcast$/;
const newId = () => `3A${randomBytes(9).toString('hex').toUpperCase()}`;

/** A message that the owner of a session sends from the phone itself. */
export interface OwnInput extends InboundContent {
  /** Phone number of the session. */
  phone: string;
  /** Whom it is sent to; with `group` only of a status post, or a list: somebody who sees it. */
  to?: string | undefined;
  /** The group it is sent to, `…@g.us`, `status@broadcast`, a channel that the phone runs, `…@newsletter`, or a list of people, `…@broadcast`. */
  group?: string | undefined;
  /** How the conversation is addressed; a group has its own addressing. */
  via?: 'pn' | 'lid' | undefined;
  /** A fixed message id. */
  id?: string | undefined;
  /** The copies of the linked devices cannot be opened; those that they ask for can. */
  garbled?: boolean | undefined;
}

/**
 * The owner writes from the phone: the recipients get it, and every linked device its copy, wrapped as sent by another
 * device. Receipts come to all of them. Rejects when nothing is linked to that phone (404) or a field is missing (400).
 */
export async function sendFromPhone(world: World, input: OwnInput): Promise<string> {
  const { phone } = input;
  if (world.devices.of(phone).length === 0) {
    throw new ControlError(404, `phone: no session is linked to ${phone}`);
  }
  if (input.group !== undefined && LIST.test(input.group)) return sendToList(world, input, input.group);
  const isStatus = input.group === STATUS_JID;
  if (!isStatus && (input.to === undefined) === (input.group === undefined)) {
    throw new ControlError(400, 'to: either a number or a group is needed');
  }
  const to = isStatus ? (input.to ?? phone) : phone;
  const group = input.group === undefined ? undefined : findGroup(world, input.group, { to, from: phone });
  const recipient = group ? undefined : input.to;
  const via = group?.addressing ?? input.via ?? 'pn';
  const isPost = isChannel(group);
  const built = await buildInbound(world, input.to ?? phone, input, { author: phone, via, isPost });
  const envelope: Envelope = {
    id: input.id ?? newId(),
    author: phone,
    via,
    pushName: phone,
    group,
    recipient,
    garbled: input.garbled,
    attributes: isPost ? { is_sender: 'true' } : {},
  };
  rememberFile(world, envelope.id, built.message);
  if (recipient !== undefined) world.standings.meet(phone, recipient);
  await sealForDevices(world, { to: phone, kind: input.kind }, envelope, wrapped(built, envelope));
  await bringToRecipients(world, phone, envelope, built);
  return envelope.id;
}

/** The phone's own lists of people; each of them gets it in the chat with the phone. */
async function sendToList(world: World, input: OwnInput, list: string): Promise<string> {
  const { phone, to, via = 'pn' } = input;
  if (to === undefined) throw new ControlError(400, 'to: somebody on the list is needed');
  const built = await buildInbound(world, to, input, { author: phone, via, isPost: false });
  const envelope: Envelope = {
    id: input.id ?? newId(),
    author: phone,
    via,
    pushName: phone,
    group: undefined,
    listed: [userJid(to, via)],
    attributes: { from: list, participant: userJid(phone, via) },
  };
  const message = { deviceSentMessage: { destinationJid: list, message: built.message } };
  world.standings.meet(phone, to);
  await sealForDevices(world, { to: phone, kind: input.kind }, envelope, { ...built, message });
  await bringToRecipients(world, phone, { ...envelope, recipient: to }, built);
  return envelope.id;
}

/** In a group everybody gets the same; to a person it is told whom it was for. */
function wrapped(built: BuiltMessage, { recipient, via }: Envelope): BuiltMessage {
  if (recipient === undefined) return built;
  const deviceSentMessage = { destinationJid: userJid(recipient, via), message: built.message };
  return { ...built, message: { deviceSentMessage } };
}

async function bringToRecipients(
  world: World,
  phone: string,
  { id, via, group, recipient }: Envelope,
  built: BuiltMessage,
): Promise<void> {
  const read = readContent(built.message);
  if (!read) return;
  if (group && isChannel(group)) return showOwnPost(world, { from: phone, channel: group.id, id }, read);
  const file = read.media ? await downloadMedia(world, read.media) : {};
  const people = recipient === undefined ? (group?.participants ?? []) : [recipient];
  for (const person of people.filter((one) => one !== phone)) {
    const deliveries = world.devices.of(phone).map(
      (sender): Delivery => ({
        id,
        sender,
        recipient: person,
        via,
        group: group?.id,
        behaviour: world.rules.peek(person),
      }),
    );
    showReceived(world, deliveries, { ...read.content, ...file });
  }
}
