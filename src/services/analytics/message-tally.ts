/** Messages of a session, counted as they are read: nothing of them is kept but numbers. */
import type { messages } from '../../db/schema.ts';
import type { ZoneClock } from '../../utils/time-zone.ts';

export type TalliedMessage = Pick<
  typeof messages.$inferSelect,
  'direction' | 'type' | 'status' | 'phone' | 'peer' | 'errorCode' | 'queuedAt' | 'sentAt' | 'createdAt'
>;

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

export interface Tally {
  add(message: TalliedMessage): void;
  result(): MessageStatistics;
}

const PEAKS = 3;
const TOP = 10;
/** What a message that was acknowledged may be by now. */
const ACKNOWLEDGED = new Set(['sent', 'delivered', 'read']);

/** Starts an empty count; days and hours are those of `zone`. */
export function createTally(zone: ZoneClock): Tally {
  const statuses = new Map<string, number>();
  const byType = new Map<string, Volume>();
  const byHour = Array.from({ length: 24 }, (_, hour) => ({ hour, ...newVolume() }));
  const byDay = new Map<string, Volume & { byType: Map<string, number> }>();
  const numbers = new Map<string, number>();
  const errors = new Map<string, number>();
  const latencies: number[] = [];
  let received = 0;
  let total = 0;

  function add(message: TalliedMessage): void {
    const { direction, status, type, createdAt } = message;
    const kind = kindOf(message);
    const { date, hour } = zone.at(createdAt);
    total++;
    if (direction === 'in') received++;
    else increase(statuses, status);
    const day = byDay.get(date) ?? { ...newVolume(), byType: new Map() };
    byDay.set(date, day);
    const ofType = byType.get(type) ?? newVolume();
    byType.set(type, ofType);
    const ofHour = byHour[hour];
    if (kind !== null) for (const volume of [day, ofType, ofHour]) if (volume) volume[kind]++;
    if (kind === 'sent') increase(day.byType, type);
    increase(numbers, message.phone ?? message.peer);
    if (kind === 'failed') increase(errors, message.errorCode ?? 'UNKNOWN');
    if (kind === 'sent' && message.queuedAt !== null && message.sentAt !== null) {
      latencies.push(Math.max(0, message.sentAt - message.queuedAt));
    }
  }

  function result(): MessageStatistics {
    const of = (status: string) => statuses.get(status) ?? 0;
    const sent = of('sent') + of('delivered') + of('read');
    const expired = of('expired');
    const ended = sent + of('failed') + expired;
    const hours = byHour.map(({ hour, sent: out, received: into }) => ({ hour, messages: out + into }));
    return {
      messages: {
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
      },
      byType: Object.fromEntries(byType),
      byHour,
      byDay: [...byDay]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([date, day]) => ({ date, ...day, byType: Object.fromEntries(day.byType) })),
      peakHours: hours
        .filter((hour) => hour.messages > 0)
        .sort((a, b) => b.messages - a.messages || a.hour - b.hour)
        .slice(0, PEAKS),
      topNumbers: top(numbers).map(([phoneNumber, n]) => ({ phoneNumber, messages: n })),
      errors: top(errors).map(([errorCode, n]) => ({ errorCode, count: n })),
      responseTime: summarize(latencies),
    };
  }
  return { add, result };
}

function kindOf({ direction, status }: TalliedMessage): keyof Volume | null {
  if (direction === 'in') return 'received';
  if (ACKNOWLEDGED.has(status)) return 'sent';
  return status === 'failed' || status === 'expired' ? 'failed' : null;
}

const newVolume = (): Volume => ({ sent: 0, received: 0, failed: 0 });

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function top(counts: Map<string, number>): [string, number][] {
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, TOP);
}

/** With one decimal; null of nothing. */
export function percent(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((1000 * part) / whole) / 10;
}

/** Nearest-rank percentiles. */
function summarize(values: number[]): MessageStatistics['responseTime'] {
  const sorted = Float64Array.from(values).sort();
  const at = (p: number) => sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? null;
  const sum = sorted.reduce((total, value) => total + value, 0);
  return {
    count: sorted.length,
    averageMs: sorted.length === 0 ? null : Math.round(sum / sorted.length),
    p50Ms: at(50),
    p90Ms: at(90),
    p95Ms: at(95),
    p99Ms: at(99),
    maxMs: at(100),
  };
}
