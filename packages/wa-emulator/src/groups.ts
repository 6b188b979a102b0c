import { randomBytes, randomInt } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { pnJid, userJid } from './jids.ts';
import { node } from './nodes.ts';
import type { Store } from './store.ts';
import type { GroupInfo } from './types.ts';

/** A group with the addressing its members use. */
export interface Group extends GroupInfo {
  addressing: 'pn' | 'lid';
  /** Id of the description: who changes it has to name the one before. */
  descriptionId?: string | undefined;
}

/** WhatsApp's largest group. */
export const MAX_MEMBERS = 1024;

/** The groups of the emulated network. */
export interface Groups {
  create(input: {
    subject: string;
    creator: string;
    participants: string[];
    addressing?: 'pn' | 'lid';
  }): Group;
  get(id: string): Group | undefined;
  /** The group of an invite code. */
  invited(code: string): Group | undefined;
  list(): Group[];
  /** Groups that phone is a member of. */
  of(phone: string): Group[];
  /** Writes a changed group; one without members is gone. */
  save(group: Group): void;
  reset(): void;
}

/** The groups, filled from what `store` kept. */
export function createGroups(store: Store): Groups {
  const groups = new Map<string, Group>();
  for (const [, text] of store.entries('group|')) {
    const kept = JSON.parse(text) as Group; // only `save` writes these
    // Those of older versions have less.
    groups.set(kept.id, { ...newSettings(), ...kept, admins: kept.admins ?? [kept.creator] });
  }
  const save = (group: Group) => {
    if (group.participants.length === 0) {
      groups.delete(group.id);
      store.delete(`group|${group.id}`);
    } else {
      groups.set(group.id, group);
      store.set(`group|${group.id}`, JSON.stringify(group));
    }
  };
  return {
    create({ subject, creator, participants, addressing = 'lid' }) {
      const group: Group = {
        id: `1203630${randomInt(1e10, 9e10)}@g.us`,
        subject,
        creator,
        participants: [...new Set([creator, ...participants])],
        createdAt: new Date().toISOString(),
        addressing,
        ...newSettings(),
        admins: [creator],
      };
      save(group);
      return group;
    },
    get: (id) => groups.get(id),
    invited: (code) => [...groups.values()].find(({ inviteCode }) => inviteCode === code),
    list: () => [...groups.values()],
    of: (phone) => [...groups.values()].filter((group) => group.participants.includes(phone)),
    save,
    reset() {
      groups.clear();
      store.clear('group|');
    },
  };
}

/** What a group has that nobody has set yet. */
function newSettings() {
  return {
    description: '',
    announce: false,
    locked: false,
    ephemeral: 0,
    joinApproval: false,
    membersAdd: false,
    inviteCode: newInviteCode(),
    requests: [],
  };
}

/** A code as invite links have it. */
export function newInviteCode(): string {
  return randomBytes(16).toString('base64url').slice(0, 22);
}

/** The `group` node that metadata queries and notifications carry. */
export function groupNode(group: Group): BinaryNode {
  const created = String(Math.floor(Date.parse(group.createdAt) / 1000));
  return node(
    'group',
    {
      id: group.id.replace('@g.us', ''),
      subject: group.subject,
      s_t: created,
      creation: created,
      creator: userJid(group.creator, group.addressing),
      creator_pn: pnJid(group.creator),
      addressing_mode: group.addressing,
      size: String(group.participants.length),
    },
    [...settingNodes(group), ...group.participants.map((phone) => memberNode(group, phone))],
  );
}

function settingNodes(group: Group): BinaryNode[] {
  const { announce, locked, ephemeral, joinApproval, membersAdd } = group;
  return [
    ...(group.description === '' ? [] : [descriptionNode(group)]),
    ...(announce ? [node('announcement')] : []),
    ...(locked ? [node('locked')] : []),
    ...(ephemeral > 0 ? [node('ephemeral', { expiration: String(ephemeral) })] : []),
    ...(joinApproval ? [node('membership_approval_mode', {}, [node('group_join', { state: 'on' })])] : []),
    node('member_add_mode', {}, Buffer.from(membersAdd ? 'all_member_add' : 'admin_add')),
  ];
}

function descriptionNode({ description, descriptionId }: Group): BinaryNode {
  return node('description', { id: descriptionId ?? '0' }, [node('body', {}, Buffer.from(description))]);
}

/** One member as `participant` node. */
export function memberNode(group: Group, phone: string): BinaryNode {
  const other = userJid(phone, group.addressing === 'lid' ? 'pn' : 'lid');
  return node('participant', {
    jid: userJid(phone, group.addressing),
    [group.addressing === 'lid' ? 'phone_number' : 'lid']: other,
    type: phone === group.creator ? 'superadmin' : group.admins.includes(phone) ? 'admin' : undefined,
  });
}
