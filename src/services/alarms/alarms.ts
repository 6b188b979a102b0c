/** What needs a person: one pure answer from the state of a tenant or of the service, for pages, routes and notices. */
import { ALARM_KINDS, type SESSION_STATUSES } from '../../db/schema.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { Tally } from '../otp/conversion.ts';

export type AlarmKind = (typeof ALARM_KINDS)[number] | 'service_trouble';

export interface Alarm {
  /** the same for the same alarm, in every process */
  key: string;
  kind: AlarmKind;
  /** epoch milliseconds; null: not known */
  since: number | null;
  sessionId: string | null;
  /** E.164 digits of the number of the session */
  phoneNumber: string | null;
  /** whether the session has credentials that it can connect with; null: not of a session */
  paired: boolean | null;
  /** why, as the session, the limit or the service names it */
  reason: string | null;
  /** of a webhook */
  webhookId: string | null;
  /** host of the webhook, with the end of its id where several of that host are down: its path may hold a secret */
  host: string | null;
  /** codes that were refused since, events or messages that wait, codes of the hour */
  count: number | null;
  /** verified codes of these, or the limit that is reached */
  of: number | null;
  /** when it ends by itself, epoch milliseconds; null: not known */
  until: number | null;
}

export interface SessionState {
  id: string;
  sessionId: string;
  status: (typeof SESSION_STATUSES)[number];
  reason: string | null;
  /** the one that is linked, or that is to be linked again */
  phoneNumber: string | null;
  paired: boolean;
  connectedAt: number | null;
  disconnectedAt: number | null;
  breakerUntil: number | null;
  restrictedUntil: number | null;
  restrictedSince: number | null;
  /** calls that asked for a code and were refused because it is not connected, since it ended */
  refusedCodes: number;
  /** messages that are late (see LATE_MS), and since when the first of them is due; null: none */
  late: { messages: number; since: number } | null;
}

export interface TenantState {
  /** null: it is not suspended */
  suspendedAt: number | null;
  sessions: readonly SessionState[];
  /** the active ones that are down */
  downWebhooks: readonly { id: string; host: string; waiting: number | null; since: number | null }[];
  /** codes that ended in the last hour; null: too few to judge, or enough were typed in */
  conversion: Tally | null;
  limits: readonly { quota: string; used: number; limit: number; until: number | null }[];
}

/** A session that lost its connection comes back by itself; after this long somebody should look. */
export const AWAY_MS = 15 * MINUTE_MS;
/** A message that is due, that nothing holds, and whose session has begun nothing for this long, is late. */
export const LATE_MS = 10 * MINUTE_MS;

const ENDED: ReadonlySet<string> = new Set(['logged_out', 'replaced', 'failed']);
/** Somebody wanted these ends. */
export const WANTED_ENDS: ReadonlySet<string> = new Set(['logout', 'exported', 'user_disabled']);
const NEEDS_LINK: ReadonlySet<string> = new Set(['qr', 'passkey', 'passkey_confirm']);

const NOTHING: Omit<Alarm, 'key' | 'kind'> = {
  since: null,
  sessionId: null,
  phoneNumber: null,
  paired: null,
  reason: null,
  webhookId: null,
  host: null,
  count: null,
  of: null,
  until: null,
};

/** A suspended workspace sends nothing, which is no trouble of its own; what is wrong with a number stays wrong. */
export const EXPLAINED_BY_SUSPENSION: ReadonlySet<string> = new Set(['queue_late', 'conversion_low']);

/** Characters of a webhook's id that tell it from others of the same host. */
const SHOWN_OF_ID = 6;

/** What stops most first. */
const ORDER: readonly string[] = ['workspace_suspended', ...ALARM_KINDS];

/** The alarms of a workspace at this time, what stops most first. A number that was never linked gives none. Pure. */
export function alarmsOf(state: TenantState, now: number): Alarm[] {
  const all: Alarm[] = [];
  if (state.suspendedAt !== null) {
    all.push({ ...NOTHING, key: 'workspace', kind: 'workspace_suspended', since: state.suspendedAt });
  }
  for (const { quota, used, limit, until } of state.limits) {
    if (used < limit) continue;
    const key = `limit:${quota}`;
    all.push({ ...NOTHING, key, kind: 'limit_reached', reason: quota, count: used, of: limit, until });
  }
  for (const { id, host, waiting, since } of state.downWebhooks) {
    const key = `webhook:${id}`;
    const isAlone = state.downWebhooks.every((other) => other.id === id || other.host !== host);
    const shown = isAlone ? host : `${host} (…${id.slice(-SHOWN_OF_ID)})`;
    all.push({ ...NOTHING, key, kind: 'webhook_down', webhookId: id, host: shown, count: waiting, since });
  }
  if (state.conversion !== null) {
    const { ended, verified } = state.conversion;
    all.push({ ...NOTHING, key: 'conversion', kind: 'conversion_low', count: verified, of: ended });
  }
  all.push(...state.sessions.flatMap((one) => sessionAlarms(one, now)));
  const shown =
    state.suspendedAt === null ? all : all.filter(({ kind }) => !EXPLAINED_BY_SUSPENSION.has(kind));
  return shown.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function sessionAlarms(session: SessionState, now: number): Alarm[] {
  const { id, sessionId, phoneNumber, paired, reason } = session;
  if (!wasLinked(session) || WANTED_ENDS.has(reason ?? '')) return [];
  const about = { ...NOTHING, sessionId, phoneNumber, paired, reason };
  const connection = connectionAlarm(session, now);
  if (connection !== null) {
    const { kind, since, count } = connection;
    // One alarm, from the end until it is linked again.
    return [{ ...about, key: `session:${id}:connection`, kind, since, count }];
  }
  const all: Alarm[] = [];
  const until = Math.max(session.breakerUntil ?? 0, session.restrictedUntil ?? 0);
  if (until > now) {
    const key = `session:${id}:restricted`;
    all.push({ ...about, key, kind: 'restricted', reason: null, since: session.restrictedSince, until });
  }
  if (session.late !== null) {
    const { messages: count, since } = session.late;
    all.push({ ...about, key: `session:${id}:queue_late`, kind: 'queue_late', reason: null, since, count });
  }
  return all;
}

/** Nobody misses a number that was never there. Its number is no sign: it is taken away while it is linked again. */
export const wasLinked = ({ connectedAt }: Pick<SessionState, 'connectedAt'>): boolean =>
  connectedAt !== null;

type ConnectionAlarm = { kind: AlarmKind; since: number | null; count: number | null };

function connectionAlarm(session: SessionState, now: number): ConnectionAlarm | null {
  const { status, paired, disconnectedAt, refusedCodes: count } = session;
  if (status === 'connected') return null;
  const since = wentAt(session);
  if (ENDED.has(status)) return { kind: 'session_ended', since, count };
  // Without a link that can come back by itself somebody has to begin again, unless somebody had ended it (session-runner.ts).
  if (!paired) return disconnectedAt === null ? null : { kind: 'link_needed', since, count };
  if (NEEDS_LINK.has(status)) return { kind: 'link_needed', since, count };
  if (since === null || now - since < AWAY_MS) return null;
  return { kind: 'session_away', since, count: null };
}

/**
 * When it lost its connection; null: not known. The owner of the session writes it once, at the loss or, after a process that
 * was killed, at its next start; attempts that fail afterwards do not renew it.
 */
export function wentAt({
  connectedAt,
  disconnectedAt,
}: Pick<SessionState, 'connectedAt' | 'disconnectedAt'>): number | null {
  return disconnectedAt !== null && disconnectedAt >= (connectedAt ?? 0) ? disconnectedAt : null;
}

/** An alarm of the whole service, for its administrators. */
export function serviceAlarm(reason: string): Alarm {
  return { ...NOTHING, key: `service:${reason}`, kind: 'service_trouble', reason };
}
