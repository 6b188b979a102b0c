/** Which hold a session's messages wait for: one pure answer from its row, for all callers. */
import { whatsappAccounts } from '../db/schema.ts';
import { breakerReason } from './breaker.ts';
import type { LimitReason } from './limits.ts';
import { endOfPause, HAND_PAUSE } from './pause.ts';
import { PRIORITIES, type Priority } from './priority.ts';
import { quietUntil, readQuietHours } from './quiet-hours.ts';

/** The columns of a session's row that say whether it sends. */
export type SendingRow = Pick<
  typeof whatsappAccounts.$inferSelect,
  | 'status'
  | 'paired'
  | 'limits'
  | 'suspendedAt'
  | 'pausedUntil'
  | 'pauseReason'
  | 'pausedPriority'
  | 'breakerUntil'
  | 'breakerCode'
  | 'linkedAt'
  | 'newChatCap'
>;

/** These columns, for those who read them. */
export const sendingColumns = {
  status: whatsappAccounts.status,
  paired: whatsappAccounts.paired,
  limits: whatsappAccounts.limits,
  suspendedAt: whatsappAccounts.suspendedAt,
  pausedUntil: whatsappAccounts.pausedUntil,
  pauseReason: whatsappAccounts.pauseReason,
  pausedPriority: whatsappAccounts.pausedPriority,
  breakerUntil: whatsappAccounts.breakerUntil,
  breakerCode: whatsappAccounts.breakerCode,
  linkedAt: whatsappAccounts.linkedAt,
  newChatCap: whatsappAccounts.newChatCap,
} as const;

export interface Hold {
  /** `paused`, `minute_limit`, `hour_limit`, `quiet_hours`, `breaker_463`, … or the session's status */
  reason: string;
  /** epoch milliseconds; null: the end is not known */
  until: number | null;
  /** false: people who know the session are written to all the same */
  everybody: boolean;
}

export interface SendingState {
  connected: boolean;
  /** it sends by itself, now or once it is connected again */
  usable: boolean;
  /** it would send a message of this priority now, to anybody */
  ready: boolean;
  /** what is in the way of this priority; what lasts longest comes first */
  holds: Hold[];
}

const ENDED: ReadonlySet<string> = new Set(['logged_out', 'replaced', 'failed']);

/** Reasons that the dispatcher itself writes on the row. */
export const LIMIT_REASONS: readonly LimitReason[] = ['minute_limit', 'hour_limit', 'quiet_hours'];

/** Says what holds messages of this priority in this session at this time. Pure. */
export function sendingState(row: SendingRow, now: number, priority: Priority): SendingState {
  const usable = isUsable(row);
  const connected = usable && row.status === 'connected';
  const found = [
    connected ? null : { reason: row.status, until: null, everybody: true },
    pauseOf(row, now),
    limitOf(row, now, priority),
    quietOf(row, now, priority),
    breakerOf(row, now),
  ];
  const holds = found.filter((hold) => hold !== null).sort(byLength);
  return { connected, usable, ready: connected && holds.length === 0, holds };
}

/** It sends by itself, now or once it is connected again: it has credentials, and no end that is final. */
export function isUsable(row: Pick<SendingRow, 'paired' | 'status'>): boolean {
  return row.paired && !ENDED.has(row.status);
}

/** The hold of a session's queue, its connection aside: first what holds messages to everybody. Null: nothing does. */
export function queueHold(row: SendingRow, now: number, priority: Priority): Hold | null {
  const holds = sendingState({ ...row, paired: true, status: 'connected' }, now, priority).holds;
  return holds.find(({ everybody }) => everybody) ?? holds[0] ?? null;
}

/** Sorts what lasts longest to the front; an end that is not known counts as the longest. */
export function byLength(a: Pick<Hold, 'until'>, b: Pick<Hold, 'until'>): number {
  return (b.until ?? Number.MAX_SAFE_INTEGER) - (a.until ?? Number.MAX_SAFE_INTEGER);
}

/** The reason that sessions of a suspended workspace show. */
const SUSPENDED = 'workspace_suspended';

/** A pause by a person, or of the whole workspace, which holds codes too; null when there is none. */
export function pauseOf(
  row: Pick<SendingRow, 'suspendedAt' | 'pausedUntil' | 'pauseReason'>,
  now: number,
): Hold | null {
  const { suspendedAt, pausedUntil, pauseReason } = row;
  if (suspendedAt !== null) return { reason: SUSPENDED, until: null, everybody: true };
  if (pausedUntil === null || pausedUntil <= now || isLimit(pauseReason)) return null;
  return { reason: pauseReason ?? HAND_PAUSE, until: endOfPause(pausedUntil), everybody: true };
}

/** An open breaker, which holds what goes to people who do not know the session; null when it is closed. */
export function breakerOf(row: Pick<SendingRow, 'breakerUntil' | 'breakerCode'>, now: number): Hold | null {
  if (row.breakerUntil === null || row.breakerUntil <= now) return null;
  return { reason: breakerReason(row.breakerCode), until: row.breakerUntil, everybody: false };
}

function isLimit(pauseReason: string | null): boolean {
  return LIMIT_REASONS.some((reason) => reason === pauseReason);
}

/** Codes may still spend their reserve; the row says when that is spent too. */
function limitOf(row: SendingRow, now: number, priority: Priority): Hold | null {
  const { pausedUntil, pauseReason, pausedPriority } = row;
  if (pausedUntil === null || pausedUntil <= now || pauseReason === null || !isLimit(pauseReason))
    return null;
  if (pauseReason === 'quiet_hours' || priority < (pausedPriority ?? PRIORITIES.normal)) return null;
  return { reason: pauseReason, until: pausedUntil, everybody: true };
}

function quietOf(row: SendingRow, now: number, priority: Priority): Hold | null {
  if (priority === PRIORITIES.high) return null;
  const until = quietUntil(readQuietHours(row.limits?.quietHours), now);
  return until === null ? null : { reason: 'quiet_hours', until, everybody: true };
}
