import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Device } from './devices.ts';
import type { Group } from './groups.ts';
import { parseJid, userJid } from './jids.ts';
import { child, node, unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

/** Brings a client's message to another linked device: of the recipient, or of the sender itself. */
export function forwardToDevice(
  world: World,
  sender: Device,
  stanza: BinaryNode,
  target: { phone: string; device: number; via: 'pn' | 'lid' },
  encs: BinaryNode[],
  group?: Pick<Group, 'id'>,
): void {
  const device = world.devices.get(target.phone, target.device);
  if (!device) {
    return;
  }
  const id = stanza.attrs.id ?? '';
  const own = target.phone === sender.phone;
  const author = userJid(sender.phone, target.via, sender.id);
  const alternative = userJid(sender.phone, target.via === 'pn' ? 'lid' : 'pn');
  const attrs = {
    id,
    t: unixSeconds(),
    type: stanza.attrs.type ?? 'text',
    notify: sender.name,
    ...(group
      ? { from: group.id, participant: author, addressing_mode: target.via }
      : { from: author, ...(own ? recipientNames(stanza.attrs.to) : {}) }),
    ...(own && !group ? {} : alternativeName(group !== undefined, target.via, alternative)),
  };
  const identity = child(stanza, 'device-identity');
  world.log.inbound.add({
    id,
    from: sender.phone,
    to: device.phone,
    ...(group ? { group: group.id } : {}),
    kind: 'forwarded',
    at: new Date().toISOString(),
    sends: 0,
    retries: 0,
  });
  world.outboxes.of(device).push({
    class: 'message',
    id,
    from: group?.id ?? sender.phone,
    ...(group ? { participant: sender.phone } : {}),
    node: node('message', attrs, identity ? [...encs, identity] : encs),
  });
}

/** Whom the author has written to, under both names. */
export function recipientNames(to: string | undefined): Record<string, string | undefined> {
  const address = parseJid(to);
  if (address.kind !== 'user') {
    return { recipient: to };
  }
  const other = address.via === 'lid' ? 'pn' : 'lid';
  return { recipient: to, [`peer_recipient_${other}`]: userJid(address.phone, other) };
}

/** The attribute under which the author's other address travels. */
export function alternativeName(
  inGroup: boolean,
  via: 'pn' | 'lid',
  jid: string,
): Record<string, string | undefined> {
  const prefix = inGroup ? 'participant' : 'sender';
  const addressing = via === 'lid' ? { addressing_mode: 'lid' } : {};
  return { ...addressing, [`${prefix}_${via === 'lid' ? 'pn' : 'lid'}`]: jid };
}
