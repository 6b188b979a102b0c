import type { Config } from '../utils/config-types.ts';

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

type Pacing = Config['pacing'];

/** A new number begins slowly. */
export interface WarmUp {
  /** until the full pace is reached */
  days: number;
  /** messages an hour on the first day */
  startPerHour: number;
  /** epoch milliseconds */
  since: number;
}

const DAY_MS = 86_400_000;

/**
 * The service's pace with a session's own settings (whatsapp_accounts.limits) at a time: slower if they say so, never
 * faster.
 */
export function paceOf(service: Pacing, own: Record<string, unknown> | null, now: number): Pace {
  const lower = (name: keyof Pace) =>
    Math.min(service[name], Math.max(1, numberIn(own, name) ?? service[name]));
  const delayMinMs = Math.max(service.delayMinMs, numberIn(own, 'delayMinMs') ?? 0);
  return {
    delayMinMs,
    delayMaxMs: Math.max(delayMinMs, service.delayMaxMs, numberIn(own, 'delayMaxMs') ?? 0),
    perMinute: lower('perMinute'),
    perHour: warmedUp(lower('perHour'), readWarmUp(own?.warmUp), now),
    perRecipientPerHour: lower('perRecipientPerHour'),
    otpReservePercent: service.otpReservePercent,
  };
}

/** Of a limit, what normal and low priority may spend: at least one, or they would never be sent. */
export function unreserved(limit: number, pace: Pick<Pace, 'otpReservePercent'>): number {
  return Math.max(1, Math.floor((limit * (100 - pace.otpReservePercent)) / 100));
}

/** The same share more every day, from the start to `full`. */
function warmedUp(full: number, warmUp: WarmUp | null, now: number): number {
  if (warmUp === null || warmUp.startPerHour >= full) return full;
  const day = Math.max(0, Math.floor((now - warmUp.since) / DAY_MS));
  if (day >= warmUp.days) return full;
  return Math.round(warmUp.startPerHour * (full / warmUp.startPerHour) ** (day / warmUp.days));
}

/** What the session's settings say; null for nothing or nonsense. */
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
