/** When a campaign is to begin: a time, a time in a zone, or a cron expression. */

import { Cron } from 'croner';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { isCalendarDay, isTimeZone, parseLocalTime, zoneClock } from '../../utils/time-zone.ts';
import type { ScheduleCampaignInput } from './schemas.ts';

/** A client's clock may be behind ours by as much. */
const SKEW_MS = MINUTE_MS;
const MAX_AHEAD_MS = 366 * DAY_MS;
const CRON_FIELDS = 5;
const MAX_CRON_REASON = 150;
const INSTANT = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})$/i;

/** `scheduledAt` is ISO 8601; without an offset it is a time in `timeZone`. */
type Start = Pick<ScheduleCampaignInput, 'scheduledAt' | 'cron'> & { timeZone: string };

/** When it is to begin for the first time. Throws VALIDATION_FAILED. */
export function firstRun(input: Start, now: number): number {
  if (!isTimeZone(input.timeZone)) throw invalid('timezone', 'is not a time zone such as Asia/Jakarta');
  const at = input.scheduledAt === undefined ? null : parseTime(input.scheduledAt, input.timeZone, now);
  if (input.cron === undefined) {
    if (at === null) throw invalid('scheduledAt', 'is required without cron');
    return at;
  }
  const first = nextRun(input.cron, input.timeZone, at === null ? now : at - 1);
  if (first === null) throw invalid('cron', 'has no time that ever comes');
  return first;
}

/** The next time of a cron expression after `after`; null when there is none. Throws VALIDATION_FAILED. */
export function nextRun(cron: string, timeZone: string, after: number): number | null {
  try {
    const job = new Cron(cron, { timezone: timeZone, mode: '5-part', paused: true });
    return job.nextRun(new Date(after))?.getTime() ?? null;
  } catch (error) {
    throw invalid('cron', cronReason(cron, String(error)));
  }
}

/** Why croner did not take it, in words that fit the five fields that are asked for. */
function cronReason(cron: string, error: string): string {
  if (cron.trim().split(/\s+/).length !== CRON_FIELDS) {
    return 'must have five fields, minute, hour, day, month and weekday, as in 0 9 * * 1';
  }
  const why = error.replace(/^\w+: (?:CronPattern: )?/, '').slice(0, MAX_CRON_REASON);
  return `is not a cron expression of five fields (${why})`;
}

function parseTime(text: string, timeZone: string, now: number): number {
  const at = readTime(text.trim().replace(' ', 'T'), timeZone);
  if (at === null) {
    throw invalid(
      'scheduledAt',
      'must be a time in ISO 8601, as in 2026-01-31T08:00:00Z or, with timezone, 2026-01-31T08:00:00',
    );
  }
  if (at < now - SKEW_MS) throw invalid('scheduledAt', 'is in the past');
  if (at > now + MAX_AHEAD_MS) throw invalid('scheduledAt', 'is more than a year ahead');
  return Math.max(at, now);
}

function readTime(iso: string, timeZone: string): number | null {
  const local = parseLocalTime(iso);
  if (local !== null) return zoneClock(timeZone).fromLocal(local);
  const at = INSTANT.test(iso) && isCalendarDay(iso.slice(0, 10)) ? Date.parse(iso) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

function invalid(field: string, reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, {
    details: { [field]: reason },
  });
}
