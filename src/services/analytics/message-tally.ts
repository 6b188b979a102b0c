/** Statistics of a session from the counts of its messages. Pure. */
import type { messages } from '../../db/schema.ts';
import { DAY_MS, HOUR_MS } from '../../utils/durations.ts';

/** Messages of one local hour that are alike. */
export interface MessageGroup
  extends Pick<typeof messages.$inferSelect, 'direction' | 'type' | 'status' | 'errorCode'> {
  /** the hour's beginning, as the milliseconds at which a clock on UTC shows the same */
  localHour: number;
  n: number;
}

export interface MessageCounts {
  groups: readonly MessageGroup[];
  topNumbers: MessageStatistics['topNumbers'];
  responseTime: MessageStatistics['responseTime'];
}

export interface Volume {
  sent: number;
  received: number;
  failed: number;
}

export interface MessageStatistics {
  messages: Volume & {
    total: number;
    delivered: number;
    read: number;
    pending: number;
    expired: number;
    canceled: number;
    /** percent of what ended: acknowledged by WhatsApp, or failed and expired; null when nothing did */
    successRate: number | null;
    errorRate: number | null;
  };
  byType: Record<string, Volume>;
  byHour: (Volume & { hour: number })[];
  /** what was sent each day, by type: what a bill would list */
  byDay: (Volume & { date: string; byType: Record<string, number> })[];
  /** the busiest hours of the day, busiest first */
  peakHours: { hour: number; messages: number }[];
  topNumbers: { phoneNumber: string; messages: number }[];
  errors: { errorCode: string; count: number }[];
  /** from the queue to WhatsApp's acknowledgement */
  responseTime: {
    count: number;
    averageMs: number | null;
    p50Ms: number | null;
    p90Ms: number | null;
    p95Ms: number | null;
    p99Ms: number | null;
    maxMs: number | null;
  };
}

const PEAKS = 3;
/** Numbers and errors that are listed. */
export const TOP = 10;
/** The statuses that an acknowledged message may have by now. */
export const ACKNOWLEDGED = ['sent', 'delivered', 'read'] as const;

/** Days and hours are those of the zone in which the groups were made. */
export function summarize({ groups, topNumbers, responseTime }: MessageCounts): MessageStatistics {
  const { totals, byType, byHour, byDay, errors } = addUp(groups);
  const hours = byHour.map(({ hour, sent, received }) => ({ hour, messages: sent + received }));
  return {
    messages: totalsOf(totals),
    byType: Object.fromEntries(byType),
    byHour,
    byDay: [...byDay]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([date, day]) => ({ date, ...day, byType: Object.fromEntries(day.byType) })),
    peakHours: hours
      .filter((hour) => hour.messages > 0)
      .sort((a, b) => b.messages - a.messages || a.hour - b.hour)
      .slice(0, PEAKS),
    topNumbers,
    errors: [...errors]
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .slice(0, TOP)
      .map(([errorCode, count]) => ({ errorCode, count })),
    responseTime,
  };
}

interface Totals {
  total: number;
  received: number;
  /** of the messages that were sent or are to be */
  statuses: Map<string, number>;
}

function addUp(groups: readonly MessageGroup[]) {
  const totals: Totals = { total: 0, received: 0, statuses: new Map() };
  const byType = new Map<string, Volume>();
  const byHour = Array.from({ length: 24 }, (_, hour) => ({ hour, ...newVolume() }));
  const byDay = new Map<string, Volume & { byType: Map<string, number> }>();
  const errors = new Map<string, number>();
  for (const group of groups) {
    const { direction, status, type, n, localHour } = group;
    const kind = kindOf(group);
    totals.total += n;
    if (direction === 'in') totals.received += n;
    else increase(totals.statuses, status, n);
    const date = new Date(localHour).toISOString().slice(0, 10);
    const day = byDay.get(date) ?? { ...newVolume(), byType: new Map() };
    byDay.set(date, day);
    const ofType = byType.get(type) ?? newVolume();
    byType.set(type, ofType);
    const ofHour = byHour[(localHour % DAY_MS) / HOUR_MS];
    if (kind !== null) for (const volume of [day, ofType, ofHour]) if (volume) volume[kind] += n;
    if (kind === 'sent') increase(day.byType, type, n);
    if (kind === 'failed') increase(errors, group.errorCode ?? 'UNKNOWN', n);
  }
  return { totals, byType, byHour, byDay, errors };
}

function totalsOf({ total, received, statuses }: Totals): MessageStatistics['messages'] {
  const of = (status: string) => statuses.get(status) ?? 0;
  const sent = of('sent') + of('delivered') + of('read');
  const expired = of('expired');
  const ended = sent + of('failed') + expired;
  return {
    total,
    sent,
    received,
    failed: of('failed'),
    delivered: of('delivered') + of('read'),
    read: of('read'),
    pending: of('queued') + of('sending'),
    expired,
    canceled: of('canceled'),
    successRate: percent(sent, ended),
    errorRate: percent(ended - sent, ended),
  };
}

function kindOf({ direction, status }: MessageGroup): keyof Volume | null {
  if (direction === 'in') return 'received';
  if (ACKNOWLEDGED.some((one) => one === status)) return 'sent';
  return status === 'failed' || status === 'expired' ? 'failed' : null;
}

const newVolume = (): Volume => ({ sent: 0, received: 0, failed: 0 });

function increase(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}

/** With one decimal; null of nothing. */
export function percent(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((1000 * part) / whole) / 10;
}
