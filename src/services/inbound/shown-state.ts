/** How the phone keeps a chat, as answers and events show it. */
import type { waChatStates } from '../../db/schema.ts';

type Kept = Pick<typeof waChatStates.$inferSelect, 'archived' | 'pinned' | 'mutedUntil' | 'markedUnread'>;

export interface ShownState {
  archived: boolean;
  pinned: boolean;
  muted: boolean;
  /** null: not muted, or until somebody ends it */
  mutedUntil: string | null;
  markedUnread: boolean;
}

/** What was never told of is not so. `now`: epoch milliseconds; the end of a muting passes without a word of the phone. */
export function shownState(kept: Kept | null, now: number): ShownState {
  const until = kept?.mutedUntil ?? 0;
  const muted = until < 0 || until > now;
  return {
    archived: kept?.archived === true,
    pinned: kept?.pinned === true,
    muted,
    mutedUntil: muted && until > 0 ? new Date(Math.min(until, MAX_DATE_MS)).toISOString() : null,
    markedUnread: kept?.markedUnread === true,
  };
}

/** Later than that it has no end for anybody. */
const MAX_DATE_MS = Date.UTC(9999, 11, 31);
