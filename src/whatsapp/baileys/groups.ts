import type { GroupMetadata, WASocket } from '@whiskeysockets/baileys';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createLru } from '../../utils/lru.ts';
import type { GroupSummary } from '../engine.ts';

const MAX_GROUPS = 200;
const TTL_MS = 10 * MINUTE_MS;

/** Members of groups, so that a message to one does not ask the server for them each time. */
export interface GroupCache {
  get(jid: string): GroupMetadata | undefined;
  /** From the cache, else from the server. */
  fetch(sock: WASocket, jid: string): Promise<GroupMetadata>;
  /** The next `fetch` asks the server. */
  forget(jid: string): void;
  /** Forgets a group when the server tells of a change in it. */
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
    },
  };
}

/** The groups that the session is in, by name. Rejects when the query fails. */
export async function listGroups(
  sock: Pick<WASocket, 'groupFetchAllParticipating'>,
): Promise<GroupSummary[]> {
  const groups = Object.values(await sock.groupFetchAllParticipating());
  return groups
    .map(({ id, subject, size, participants }) => ({ id, subject, size: size ?? participants.length }))
    .sort((a, b) => a.subject.localeCompare(b.subject) || a.id.localeCompare(b.id));
}
