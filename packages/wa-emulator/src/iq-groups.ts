import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Device } from './devices.ts';
import { type Group, groupNode } from './groups.ts';
import type { IqAnswer } from './iq-answer.ts';
import { parseJid, userJid } from './jids.ts';
import { children, node, textOf } from './nodes.ts';
import type { World } from './world.ts';

const NOT_FOUND: IqAnswer = { code: 404, text: 'item-not-found' };
const FORBIDDEN: IqAnswer = { code: 403, text: 'forbidden' };
const UNKNOWN: IqAnswer = { code: 501, text: 'feature-not-implemented' };

/** Answers `w:g2`: metadata, the list of own groups, and the common changes. */
export function answerGroupQuery(world: World, device: Device, stanza: BinaryNode): IqAnswer {
  const [request] = children(stanza);
  const target = parseJid(stanza.attrs.to);
  if (!request) {
    return UNKNOWN;
  }
  if (target.kind !== 'group') {
    return answerGeneral(world, device, request);
  }
  const group = world.groups.get(target.id);
  if (!group) {
    return NOT_FOUND;
  }
  if (!group.participants.includes(device.phone)) {
    return FORBIDDEN;
  }
  return stanza.attrs.type === 'get' ? readGroup(group, request) : changeGroup(world, group, request);
}

function answerGeneral(world: World, device: Device, request: BinaryNode): IqAnswer {
  switch (request.tag) {
    case 'participating':
      return [node('groups', {}, world.groups.of(device.phone).map(groupNode))];
    case 'create': {
      const group = world.groups.create({
        subject: request.attrs.subject ?? '',
        creator: device.phone,
        participants: phonesOf(request),
      });
      return [groupNode(group)];
    }
    case 'leave':
      for (const { attrs } of children(request, 'group')) {
        const group = world.groups.get(attrs.id ?? '');
        if (group) {
          removeMembers(world, group, [device.phone]);
        }
      }
      return [];
    default:
      return UNKNOWN;
  }
}

function readGroup(group: Group, request: BinaryNode): IqAnswer {
  switch (request.tag) {
    case 'query':
      return [groupNode(group)];
    case 'invite':
      return [node('invite', { code: group.id.replace(/\D/g, '').slice(0, 22) })];
    case 'membership_approval_requests':
      return [node('membership_approval_requests', {}, [])];
    default:
      return UNKNOWN;
  }
}

function changeGroup(world: World, group: Group, request: BinaryNode): IqAnswer {
  const phones = phonesOf(request);
  switch (request.tag) {
    case 'subject':
      world.groups.save(Object.assign(group, { subject: textOf(request) }));
      return [];
    case 'add':
      world.groups.save(
        Object.assign(group, { participants: [...new Set([...group.participants, ...phones])] }),
      );
      return memberAnswer(group, request.tag, phones);
    case 'remove':
      removeMembers(world, group, phones);
      return memberAnswer(group, request.tag, phones);
    case 'promote':
    case 'demote':
      return memberAnswer(group, request.tag, phones);
    default:
      return UNKNOWN;
  }
}

function removeMembers(world: World, group: Group, phones: string[]): void {
  const participants = group.participants.filter((phone) => !phones.includes(phone));
  world.groups.save(Object.assign(group, { participants }));
}

function memberAnswer(group: Group, tag: string, phones: string[]): BinaryNode[] {
  const members = phones.map((phone) => node('participant', { jid: userJid(phone, group.addressing) }));
  return [node(tag, {}, members)];
}

function phonesOf(request: BinaryNode): string[] {
  return children(request, 'participant').flatMap(({ attrs }) => {
    const address = parseJid(attrs.jid);
    return address.kind === 'user' ? [address.phone] : [];
  });
}
