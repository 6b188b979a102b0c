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

/** The service's pace with a session's own settings (whatsapp_accounts.limits): slower if they say so, never faster. */
export function paceOf(service: Pacing, own: Record<string, unknown> | null): Pace {
  const lower = (name: keyof Pace) =>
    Math.min(service[name], Math.max(1, numberIn(own, name) ?? service[name]));
  const delayMinMs = Math.max(service.delayMinMs, numberIn(own, 'delayMinMs') ?? 0);
  return {
    delayMinMs,
    delayMaxMs: Math.max(delayMinMs, service.delayMaxMs, numberIn(own, 'delayMaxMs') ?? 0),
    perMinute: lower('perMinute'),
    perHour: lower('perHour'),
    perRecipientPerHour: lower('perRecipientPerHour'),
    otpReservePercent: service.otpReservePercent,
  };
}

/** Of a limit, what normal and low priority may spend: at least one, or they would never be sent. */
export function unreserved(limit: number, pace: Pick<Pace, 'otpReservePercent'>): number {
  return Math.max(1, Math.floor((limit * (100 - pace.otpReservePercent)) / 100));
}

function numberIn(own: Record<string, unknown> | null, name: string): number | undefined {
  const value = own?.[name];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.floor(value) : undefined;
}
