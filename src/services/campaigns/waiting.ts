/** Why a campaign sends nothing now, and when that ends: one pure answer for the API and the pages. */
import { PRIORITIES } from '../../queue/priority.ts';
import { byLength, type Hold, type SendingRow, sendingState } from '../../queue/session-state.ts';
import type { CampaignRow } from './row.ts';

type WaitingCampaign = Pick<
  CampaignRow,
  'status' | 'reason' | 'frozenAt' | 'dueAt' | 'waitingReason' | 'waitingUntil'
>;

/** It is outside the campaign's hours where the next recipients live; the quiet hours of its session are another reason. */
export const RECIPIENT_NIGHT = 'recipient_night';

/** WhatsApp answers about others and says nothing of some numbers, which are asked for again. */
export const NUMBER_SILENT = 'number_silent';

/** A campaign that somebody paused; one that paused itself says why instead. */
const PAUSED = 'campaign_paused';

/**
 * Everything that is in the way of the campaign at this time (epoch milliseconds), what lasts longest first: its schedule,
 * a pause, what its feeder has met, and what holds the sessions when all of them are held. Empty: it sends, or is over. Pure.
 */
export function campaignHolds(row: WaitingCampaign, senders: readonly SendingRow[], now: number): Hold[] {
  const all = (reason: string, until: number | null): Hold => ({ reason, until, everybody: true });
  const { waitingReason, waitingUntil } = row;
  const isOver = waitingUntil !== null && waitingUntil <= now;
  const met = waitingReason === null || isOver ? null : all(waitingReason, waitingUntil);
  if (row.status === 'scheduled') return [met ?? all('scheduled', row.dueAt)];
  if (row.status === 'paused') {
    return [all(row.reason === null || row.reason === 'user' ? PAUSED : row.reason, null)];
  }
  if (row.status !== 'running') return [];
  if (row.frozenAt === null) return [all('recipients', null)];
  const found = sendersHolds(senders, now);
  // What a session says itself is newer than what the feeder has met there.
  const isToldBy = met !== null && found.some(({ reason }) => reason === met.reason);
  return (met === null || isToldBy ? found : [...found, met]).sort(byLength);
}

/** What holds all messages of every session, as told by the one that is free first; nothing while one of them sends. */
function sendersHolds(senders: readonly SendingRow[], now: number): Hold[] {
  const each = senders.map((sender) =>
    sendingState(sender, now, PRIORITIES.low)
      .holds.filter(({ everybody }) => everybody)
      .map((hold) => (hold.reason === sender.status ? { ...hold, reason: `session_${hold.reason}` } : hold)),
  );
  if (each.some((holds) => holds.length === 0)) return [];
  const [first] = each.sort(([a], [b]) => byLength(b ?? NEVER, a ?? NEVER));
  return first ?? [];
}

const NEVER = { until: null };
