import type { Config } from '../utils/config.ts';
import { DAY_MS, MINUTE_MS } from '../utils/durations.ts';
import { PRIORITIES, type Priority } from './priority.ts';

/** How fast one session may send. Durations in milliseconds, limits in attempts per sliding window. */
export interface Pace {
  delayMinMs: number;
  delayMaxMs: number;
  perMinute: number;
  perHour: number;
  perRecipientPerHour: number;
  /** percent of each window that only high priority may spend */
  otpReservePercent: number;
}

export type Pacing = Config['pacing'];

/** A new number begins slowly. */
export interface WarmUp {
  /** until the full pace is reached */
  days: number;
  /** messages an hour on the first day */
  startPerHour: number;
  /** epoch milliseconds */
  since: number;
}

/** Messages that a session may send in a minute at most, where each mostly goes alone. */
const FEW_A_MINUTE = 120;

/**
 * Whether the service lets no session send one message right after the other: each waits for its gap or its limit as a rule, and
 * some milliseconds more, in which it can share the work of others', are not seen.
 */
export function isUnhurried({ perMinute, delayMinMs }: Pick<Pacing, 'perMinute' | 'delayMinMs'>): boolean {
  return perMinute <= FEW_A_MINUTE || delayMinMs >= MINUTE_MS / FEW_A_MINUTE;
}

/** The largest reserve: other messages must still get through. */
export const MAX_RESERVE_PERCENT = 90;

/** The columns of a session's row that set its pace. */
export interface PaceRow {
  /** its own settings */
  limits: Record<string, unknown> | null;
  /** when a high priority message was queued last, epoch milliseconds */
  lastHighAt: number | null;
}

/** A session whose row has not been read, or that is new. */
export const NOTHING_KNOWN: PaceRow = { limits: null, lastHighAt: null };

/** A session that sent no code for this long keeps nothing back for codes. */
const CODES_FORGOTTEN_MS = 30 * DAY_MS;

/**
 * The service's pace with a session's own settings at a time: slower if they say so, never faster. The reserve is the
 * session's own if it has set one, the service's where high priority was queued within 30 days, and nothing elsewhere.
 */
export function paceOf(service: Pacing, row: PaceRow, now: number): Pace {
  const own = row.limits;
  const lower = (name: keyof Pace) =>
    Math.min(service[name], Math.max(1, numberIn(own, name) ?? service[name]));
  const delayMinMs = Math.max(service.delayMinMs, numberIn(own, 'delayMinMs') ?? 0);
  return {
    delayMinMs,
    delayMaxMs: Math.max(delayMinMs, service.delayMaxMs, numberIn(own, 'delayMaxMs') ?? 0),
    perMinute: lower('perMinute'),
    perHour: warmedUp(lower('perHour'), readWarmUp(own?.warmUp), now),
    perRecipientPerHour: lower('perRecipientPerHour'),
    otpReservePercent: reserveOf(service, row, now).percent,
  };
}

export interface Reserve {
  /** 0 to 90, of each window */
  percent: number;
  /** `own`: set for the session; `codes`: high priority was queued lately; `none`: nothing is kept back */
  reason: 'own' | 'codes' | 'none';
}

/** The share that a session keeps back for high priority, and the reason. */
export function reserveOf(service: Pick<Pacing, 'otpReservePercent'>, row: PaceRow, now: number): Reserve {
  const own = numberIn(row.limits, 'otpReservePercent');
  if (own !== undefined) return { percent: Math.min(MAX_RESERVE_PERCENT, own), reason: 'own' };
  const hasCodes = row.lastHighAt !== null && row.lastHighAt > now - CODES_FORGOTTEN_MS;
  if (!hasCodes || service.otpReservePercent === 0) return { percent: 0, reason: 'none' };
  return { percent: service.otpReservePercent, reason: 'codes' };
}

/** Of a limit, what normal and low priority may spend: at least one, or they would never be sent. */
export function unreserved(limit: number, pace: Pick<Pace, 'otpReservePercent'>): number {
  return Math.max(1, Math.floor((limit * (100 - pace.otpReservePercent)) / 100));
}

/** Of a limit, what a message of this priority may spend. */
export function capOf(limit: number, pace: Pick<Pace, 'otpReservePercent'>, priority: Priority): number {
  return priority === PRIORITIES.high ? limit : unreserved(limit, pace);
}

/** The same share more every day, from the start to `full`. */
function warmedUp(full: number, warmUp: WarmUp | null, now: number): number {
  if (warmUp === null || warmUp.startPerHour >= full) return full;
  const day = Math.max(0, Math.floor((now - warmUp.since) / DAY_MS));
  if (day >= warmUp.days) return full;
  return Math.round(warmUp.startPerHour * (full / warmUp.startPerHour) ** (day / warmUp.days));
}

/** The warm-up in a session's settings; null for nothing or nonsense. */
export function readWarmUp(value: unknown): WarmUp | null {
  const fields = typeof value === 'object' && value !== null ? { ...value } : null;
  const days = numberIn(fields, 'days');
  const startPerHour = numberIn(fields, 'startPerHour');
  const since = numberIn(fields, 'since');
  return days && startPerHour && since !== undefined ? { days, startPerHour, since } : null;
}

function numberIn(own: Record<string, unknown> | null, name: string): number | undefined {
  const value = own?.[name];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.floor(value) : undefined;
}
