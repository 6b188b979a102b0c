import { randomInt } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { pnJid, userJid } from './jids.ts';
import { node } from './nodes.ts';
import type { Store } from './store.ts';
import type { GroupInfo } from './types.ts';

/** A group with the addressing its members use. */
export interface Group extends GroupInfo {
  addressing: 'pn' | 'lid';
}

/** The groups of the emulated network. */
export interface Groups {
  create(input: {
    subject: string;
    creator: string;
    participants: string[];
    addressing?: 'pn' | 'lid';
  }): Group;
  get(id: string): Group | undefined;
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
    const group = JSON.parse(text) as Group; // only `save` writes these
    groups.set(group.id, group);
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
      };
      save(group);
      return group;
    },
    get: (id) => groups.get(id),
    list: () => [...groups.values()],
    of: (phone) => [...groups.values()].filter((group) => group.participants.includes(phone)),
    save,
    reset() {
      groups.clear();
      store.clear('group|');
    },
  };
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
    group.participants.map((phone) => memberNode(group, phone)),
  );
}

/** One member as `participant` node. */
function memberNode(group: Group, phone: string): BinaryNode {
  const other = userJid(phone, group.addressing === 'lid' ? 'pn' : 'lid');
  return node('participant', {
    jid: userJid(phone, group.addressing),
    [group.addressing === 'lid' ? 'phone_number' : 'lid']: other,
    type: phone === group.creator ? 'superadmin' : undefined,
  });
}
