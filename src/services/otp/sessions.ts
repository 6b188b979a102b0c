/** Which session carries a code. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { type OtpFallback, whatsappAccounts } from '../../db/schema.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { type SendingRow, sendingColumns, sendingState } from '../../queue/session-state.ts';
import { AppError } from '../../utils/errors.ts';
import { sessionNotFound } from '../access.ts';

const accounts = whatsappAccounts;

export interface SendingSession extends OtpFallback {
  /** it would send a code now: connected, its breaker closed, not paused, and with room for codes in its limits */
  ready: boolean;
  connected: boolean;
  /** it will send by itself once it is connected again */
  usable: boolean;
}

/** The tenant's sessions of these names, in this order. Throws SESSION_NOT_FOUND for a name it does not have. */
export async function readSendingSessions(
  db: Db,
  userId: number,
  names: readonly string[],
  now: number,
): Promise<SendingSession[]> {
  const rows = await db
    .select(COLUMNS)
    .from(accounts)
    .where(and(eq(accounts.userId, userId), inArray(accounts.sessionId, [...names])));
  return [...new Set(names)].map((name) => {
    const row = rows.find(({ sessionId }) => sessionId === name);
    if (!row) throw sessionNotFound(name);
    return toCarrier(row, now);
  });
}

/** The same by account id, without those that are gone. */
export async function readFallbacks(
  db: Db,
  fallbacks: readonly OtpFallback[],
  now: number,
): Promise<SendingSession[]> {
  if (fallbacks.length === 0) return [];
  const ids = fallbacks.map(({ accountId }) => accountId);
  const rows = await db.select(COLUMNS).from(accounts).where(inArray(accounts.id, ids));
  return ids.flatMap((id) => rows.filter((row) => row.accountId === id).map((row) => toCarrier(row, now)));
}

const COLUMNS = {
  accountId: accounts.id,
  sessionId: accounts.sessionId,
  ...sendingColumns,
};

function toCarrier(row: SendingRow & OtpFallback, now: number): SendingSession {
  const { accountId, sessionId } = row;
  const { connected, usable, ready } = sendingState(row, now, PRIORITIES.high);
  return { accountId, sessionId, connected, usable, ready };
}

/**
 * The first that would send now, else the first that will; with `connectedOnly` the first of the connected ones.
 * Throws NOT_CONNECTED when none ever would.
 */
export function chooseSession(
  sendingSessions: readonly SendingSession[],
  connectedOnly = false,
): SendingSession {
  const open = connectedOnly ? sendingSessions.filter(({ connected }) => connected) : sendingSessions;
  const chosen = open.find(({ ready }) => ready) ?? open.find(({ usable }) => usable);
  if (chosen) return chosen;
  const [first] = sendingSessions;
  throw new AppError('NOT_CONNECTED', 'The session is not connected.', {
    details: { session: first?.sessionId ?? null },
  });
}
