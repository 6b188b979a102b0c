/** What WhatsApp tells of groups by itself: who came and went, and what was changed. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import type { GroupChanges, GroupNews, GroupNotice, GroupPerson } from '../group-types.ts';
import { isGroupJid } from '../jid.ts';
import { MAX_SECONDS } from './decode-text.ts';
import type { Link } from './link-types.ts';
import { toPerson } from './requests/groups.ts';

/** Longer texts than WhatsApp lets anybody write are cut. */
const MAX_SUBJECT = 200;
const MAX_DESCRIPTION = 4_096;
/** A group has fewer members. */
const MAX_NAMED = 2_048;

/** Types of the notifications that groups are in. */
const TYPES: ReadonlySet<string | undefined> = new Set(['w:gp2', 'picture']);

/** What a notification tells of a group; null for one that tells nothing of any. `now`: for one without a time. */
export function readNotice(
  link: Pick<Link, 'contacts'>,
  notification: BinaryNode,
  now: number,
): GroupNotice | null {
  const { id, type } = notification.attrs;
  if (id === undefined || !TYPES.has(type)) return null;
  const news = readGroupNews(link, notification, now);
  return news.length === 0 ? null : { id, news };
}

type Told = {
  [K in GroupNews['kind']]: Omit<Extract<GroupNews, { kind: K }>, 'group' | 'by' | 'at'>;
}[GroupNews['kind']];

/** The news of one notification; empty for what is none of a group's. `now`: for one without a time. */
export function readGroupNews(
  link: Pick<Link, 'contacts'>,
  { attrs, content }: BinaryNode,
  now: number,
): GroupNews[] {
  const { from: group = '', participant, participant_pn } = attrs;
  if (!isGroupJid(group) || !Array.isArray(content)) return [];
  const by = participant
    ? toPerson(link, { jid: participant, ...(participant_pn ? { phone_number: participant_pn } : {}) })
    : null;
  const seconds = Number(attrs.t);
  const at = seconds > 0 && seconds <= MAX_SECONDS ? Math.floor(seconds) * 1000 : now;
  return content.flatMap((child) => {
    const told = attrs.type === 'picture' ? readPicture(child) : readChange(link, child, by);
    return told === null ? [] : [{ group, by, at, ...told }];
  });
}

function readChange(link: Pick<Link, 'contacts'>, node: BinaryNode, by: GroupPerson | null): Told | null {
  const changes = readSettings(node);
  if (changes) return { kind: 'updated', changes };
  const members = childrenOf(node, 'participant')
    .slice(0, MAX_NAMED)
    .map(({ attrs }) => toPerson(link, attrs));
  const isOwn = members.length === 1 && by !== null && isSame(members[0], by);
  switch (node.tag) {
    case 'create':
      return { kind: 'members', action: 'created', members: createdMembers(link, node) };
    case 'add':
      return {
        kind: 'members',
        action: isOwn || node.attrs.reason === 'invite' ? 'joined' : 'added',
        members,
      };
    case 'remove':
    case 'leave':
      return { kind: 'members', action: isOwn || node.tag === 'leave' ? 'left' : 'removed', members };
    case 'promote':
      return { kind: 'members', action: 'promoted', members };
    case 'demote':
      return { kind: 'members', action: 'demoted', members };
    case 'created_membership_requests':
      return { kind: 'requests', action: 'asked', members: members.length > 0 ? members : known(by) };
    case 'revoked_membership_requests':
      return { kind: 'requests', action: isOwn ? 'withdrawn' : 'rejected', members };
    default:
      return null;
  }
}

function readPicture({ tag }: BinaryNode): Told | null {
  if (tag !== 'set' && tag !== 'delete') return null;
  return { kind: 'updated', changes: { picture: tag === 'set' ? 'set' : 'removed' } };
}

/** A change of the group itself; null for another one. */
function readSettings(node: BinaryNode): Extract<GroupNews, { kind: 'updated' }>['changes'] | null {
  const on = SWITCHES[node.tag];
  if (on) return on;
  switch (node.tag) {
    case 'subject':
      return { subject: (node.attrs.subject ?? textOf(node)).slice(0, MAX_SUBJECT) };
    case 'description':
      return { description: textOf(childrenOf(node, 'body')[0]).slice(0, MAX_DESCRIPTION) };
    case 'ephemeral':
      return { ephemeral: numberIn(node.attrs.expiration) };
    case 'member_add_mode':
      return { membersAdd: textOf(node) === 'all_member_add' };
    case 'membership_approval_mode':
      return { joinApproval: childrenOf(node, 'group_join')[0]?.attrs.state === 'on' };
    case 'invite':
      return { invite: 'revoked' };
    case 'delete':
      return { ended: true };
    default:
      return null;
  }
}

const SWITCHES: Readonly<Record<string, GroupChanges>> = {
  announcement: { announce: true },
  not_announcement: { announce: false },
  locked: { locked: true },
  unlocked: { locked: false },
  not_ephemeral: { ephemeral: 0 },
};

function createdMembers(link: Pick<Link, 'contacts'>, node: BinaryNode): GroupPerson[] {
  return childrenOf(childrenOf(node, 'group')[0], 'participant')
    .slice(0, MAX_NAMED)
    .map(({ attrs }) => toPerson(link, attrs));
}

const known = (by: GroupPerson | null) => (by === null ? [] : [by]);

function isSame(one: GroupPerson | undefined, other: GroupPerson): boolean {
  if (!one) return false;
  const isLid = one.lid !== null && one.lid === other.lid;
  return one.jid === other.jid || isLid || (one.phone !== null && one.phone === other.phone);
}

function childrenOf(node: BinaryNode | undefined, tag: string): BinaryNode[] {
  return Array.isArray(node?.content) ? node.content.filter((child) => child.tag === tag) : [];
}

function textOf(node: BinaryNode | undefined): string {
  const content = node?.content;
  if (content instanceof Uint8Array) return Buffer.from(content).toString('utf8');
  return typeof content === 'string' ? content : '';
}

function numberIn(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}
