/** What simulated people do in groups. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import { ControlError } from './control-error.ts';
import { changeGroup, joinByLink, leaveGroup } from './group-changes.ts';
import type { Group } from './groups.ts';
import type { IqAnswer } from './iq-answer.ts';
import { userJid } from './jids.ts';
import { node } from './nodes.ts';
import type { World } from './world.ts';

export const GROUP_ACTS = [
  'join',
  'leave',
  'add',
  'remove',
  'promote',
  'demote',
  'subject',
  'announcement',
  'not_announcement',
  'locked',
  'unlocked',
] as const;

/** `participants` for those who are added, removed, promoted or demoted; `text` for a subject. */
export interface GroupAct {
  id: string;
  from: string;
  action: (typeof GROUP_ACTS)[number];
  participants?: string[] | undefined;
  text?: string | undefined;
}

/** Carries it out; throws what the server would answer that person. */
export function actInGroup(world: World, input: GroupAct): Group {
  const { id, from, action } = input;
  const group = world.groups.get(id);
  if (!group) throw new ControlError(404, `id: there is no group ${id}`);
  const isMember = group.participants.includes(from);
  if (action === 'leave' && !isMember) throw new ControlError(409, '403 forbidden');
  if (action === 'leave') leaveGroup(world, group, from);
  else if (action === 'join') check(joinByLink(world, from, group.inviteCode));
  else check(changeGroup(world, group, from, requestOf(group, input)));
  return group;
}

function requestOf(group: Group, { action, participants = [], text = '' }: GroupAct): BinaryNode {
  if (action === 'subject') return node('subject', {}, Buffer.from(text));
  const members = participants.map((phone) => node('participant', { jid: userJid(phone, group.addressing) }));
  return node(action, {}, members);
}

function check(answer: IqAnswer): void {
  if (answer === 'silence' || Array.isArray(answer)) return;
  throw new ControlError(answer.code === 404 ? 404 : 409, `${answer.code} ${answer.text}`);
}
