import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Device } from './devices.ts';
import {
  changeGroup,
  createGroup,
  joinByLink,
  leaveGroup,
  readForAdmin,
  showInvited,
} from './group-changes.ts';
import { type Group, groupNode } from './groups.ts';
import type { IqAnswer } from './iq-answer.ts';
import { parseJid } from './jids.ts';
import { children, node } from './nodes.ts';
import type { World } from './world.ts';

const NOT_FOUND: IqAnswer = { code: 404, text: 'item-not-found' };
const FORBIDDEN: IqAnswer = { code: 403, text: 'forbidden' };
const UNKNOWN: IqAnswer = { code: 501, text: 'feature-not-implemented' };

/** Answers `w:g2`: metadata, the list of own groups, and every change that a member makes. */
export function answerGroupQuery(world: World, device: Device, stanza: BinaryNode): IqAnswer {
  const [request] = children(stanza);
  const target = parseJid(stanza.attrs.to);
  if (!request) {
    return UNKNOWN;
  }
  if (target.kind !== 'group') {
    return answerGeneral(world, device, stanza, request);
  }
  const group = world.groups.get(target.id);
  if (!group) {
    return NOT_FOUND;
  }
  if (!group.participants.includes(device.phone)) {
    return FORBIDDEN;
  }
  return stanza.attrs.type === 'get'
    ? readGroup(group, device.phone, request)
    : changeGroup(world, group, device.phone, request);
}

function answerGeneral(world: World, device: Device, stanza: BinaryNode, request: BinaryNode): IqAnswer {
  const { phone } = device;
  switch (request.tag) {
    case 'participating':
      return [
        node(
          'groups',
          {},
          world.groups.of(phone).map((group) => listedNode(group, request)),
        ),
      ];
    case 'create':
      return createGroup(world, phone, request);
    case 'invite': {
      const { code = '' } = request.attrs;
      return stanza.attrs.type === 'get' ? showInvited(world, code) : joinByLink(world, phone, code);
    }
    case 'leave':
      for (const { attrs } of children(request, 'group')) {
        const group = world.groups.get(attrs.id ?? '');
        if (!group) return NOT_FOUND;
        if (!group.participants.includes(phone)) return FORBIDDEN;
        leaveGroup(world, group, phone);
      }
      return [];
    default:
      return UNKNOWN;
  }
}

/** A group of a list: with its members and its description only where these are asked for. */
function listedNode(group: Group, request: BinaryNode): BinaryNode {
  const whole = groupNode(group);
  const asked = new Set(children(request).map(({ tag }) => tag));
  const isWanted = ({ tag }: BinaryNode) =>
    (tag !== 'participant' || asked.has('participants')) &&
    (tag !== 'description' || asked.has('description'));
  return { ...whole, content: children(whole).filter(isWanted) };
}

function readGroup(group: Group, phone: string, request: BinaryNode): IqAnswer {
  switch (request.tag) {
    case 'query':
      return [groupNode(group)];
    case 'invite':
    case 'membership_approval_requests':
      return readForAdmin(group, phone, request);
    default:
      return UNKNOWN;
  }
}
