import {
  type BinaryNode,
  type GroupMetadata,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  type WASocket,
} from '@whiskeysockets/baileys';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createLru } from '../../utils/lru.ts';
import type { GroupSummary } from '../engine.ts';

const MAX_GROUPS = 200;
const TTL_MS = 10 * MINUTE_MS;
/** What has changed while nobody was connected. */
const DIRTY = 'CB:ib,,dirty';
/** Kinds of changes for which Baileys reads all groups, and all communities. */
const DIRTY_GROUPS: ReadonlySet<string | undefined> = new Set(['groups', 'communities']);

/** Members of groups, so that a message to one does not ask the server for them each time. */
export interface GroupCache {
  get(jid: string): GroupMetadata | undefined;
  /** From the cache, else from the server. */
  fetch(sock: WASocket, jid: string): Promise<GroupMetadata>;
  /** The next `fetch` asks the server. */
  forget(jid: string): void;
  /**
   * Forgets a group when the server tells of a change in it. Call it after `guardListeners`: where the server says that groups
   * have changed meanwhile, Baileys would ask for all of them, with their members.
   */
  follow(sock: WASocket): void;
}

export function createGroupCache(): GroupCache {
  const groups = createLru<string, GroupMetadata>({ max: MAX_GROUPS, ttlMs: TTL_MS });
  return {
    get: (jid) => groups.get(jid),
    async fetch(sock, jid) {
      const known = groups.get(jid);
      if (known) return known;
      const metadata = await sock.groupMetadata(jid);
      groups.set(jid, metadata);
      return metadata;
    },
    forget: (jid) => void groups.delete(jid),
    follow(sock) {
      sock.ev.on('group-participants.update', ({ id }) => void groups.delete(id));
      sock.ev.on('groups.update', (updates) => {
        for (const { id } of updates) if (id) groups.delete(id);
      });
      const listeners = sock.ws.listeners(DIRTY);
      sock.ws.removeAllListeners(DIRTY);
      sock.ws.on(DIRTY, (stanza: BinaryNode) => {
        if (!DIRTY_GROUPS.has(getBinaryNodeChild(stanza, 'dirty')?.attrs.type)) {
          for (const listener of listeners) listener(stanza);
          return;
        }
        groups.clear();
        sock.cleanDirtyBits('groups').catch(() => undefined);
      });
    },
  };
}

/** How many members a group of the list has; null where the answer tells neither that nor who they are. */
function sizeOf(group: BinaryNode): number | null {
  const { size = '' } = group.attrs;
  // A community has thousands at most.
  if (/^\d{1,9}$/.test(size)) return Number(size);
  const members = getBinaryNodeChildren(group, 'participant').length;
  return members > 0 ? members : null;
}

/**
 * The groups that the session is in, by name, without their members: those of a number in hundreds of large groups are hundreds
 * of thousands of nodes in one stanza, which is decoded without a pause. Rejects when the query fails.
 */
export async function listGroups(sock: Pick<WASocket, 'query'>): Promise<GroupSummary[]> {
  const answer = await sock.query({
    tag: 'iq',
    attrs: { to: '@g.us', xmlns: 'w:g2', type: 'get' },
    content: [{ tag: 'participating', attrs: {} }],
  });
  return getBinaryNodeChildren(getBinaryNodeChild(answer, 'groups'), 'group')
    .flatMap((group) => {
      const { id, subject = '' } = group.attrs;
      return id ? [{ id: id.includes('@') ? id : `${id}@g.us`, subject, size: sizeOf(group) }] : [];
    })
    .sort((a, b) => a.subject.localeCompare(b.subject) || a.id.localeCompare(b.id));
}
