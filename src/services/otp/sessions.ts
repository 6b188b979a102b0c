/** Which session carries a code. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { prepared } from '../../db/ops.ts';
import { type OtpFallback, otpSettings, whatsappAccounts } from '../../db/schema.ts';
import { readKnown } from '../../queue/breaker.ts';
import {
  type ContactLimit,
  contactLimitOf,
  limitsContacts,
  personOf,
  strangersHeldUntil,
} from '../../queue/first-contacts.ts';
import { type Pace, type Pacing, paceOf } from '../../queue/pace.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { type SendingRow, sendingColumns, sendingState } from '../../queue/session-state.ts';
import { AppError } from '../../utils/errors.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import type { Ctx } from '../context.ts';
import { missingSession } from '../sessions/find.ts';
import type { OtpSettings } from './country.ts';
import type { OtpDeps } from './deps.ts';

const accounts = whatsappAccounts;

export interface SendingSession extends OtpFallback {
  /** it would send a code now: connected, not paused, and with room for codes in its limits */
  ready: boolean;
  /** it looks at who is a stranger: its breaker is open, or its first contacts are limited */
  strangers: Strangers | null;
  connected: boolean;
  /** as its row says, for refusals */
  status: SendingRow['status'];
  /** it will send by itself once it is connected again */
  usable: boolean;
  /** when high priority was last noted for it */
  lastHighAt: number | null;
}

/** The conditions of a session for messages to people who do not know it. */
interface Strangers {
  account: Pick<AccountRef, 'id' | 'userId'>;
  /** none are written to now */
  held: boolean;
  limit: ContactLimit;
  pace: Pace;
}

/**
 * The sessions as they are for a code to this number (E.164 digits): one that must not write to strangers now is ready
 * only if the number knows it.
 */
export async function readyFor(
  db: Db | Tx,
  sessions: readonly SendingSession[],
  phone: string,
  now: number,
): Promise<SendingSession[]> {
  const answers: SendingSession[] = [];
  for (const session of sessions) {
    const { strangers } = session;
    const ready = session.ready && (strangers === null || (await mayWriteTo(db, strangers, phone, now)));
    answers.push({ ...session, ready });
  }
  return answers;
}

async function mayWriteTo(
  db: Db | Tx,
  { account, held, limit, pace }: Strangers,
  phone: string,
  now: number,
): Promise<boolean> {
  const [pair] = await findLidPairs(db, { accountId: account.id }, 'phone', [phone]);
  const addressee = { peer: phoneJid(phone), phone, lid: pair?.lid ?? null };
  if ((await readKnown(db, account, [addressee])).has(addressee.peer)) return true;
  if (held) return false;
  const query = { limit, pace, priority: PRIORITIES.high, now, people: [personOf(addressee)] };
  return (await strangersHeldUntil(db, account.id, query)) === null;
}

/**
 * The tenant's sessions of these names, in this order, and its settings for codes. Throws SESSION_NOT_FOUND for a name it does
 * not have.
 */
export async function readSenders(
  { db, config, actor }: Pick<Ctx, 'db' | 'config' | 'actor'>,
  userId: number,
  names: readonly string[],
  now: number,
): Promise<{ sessions: SendingSession[]; settings: OtpSettings }> {
  const rows = await readNamed(db, userId, names);
  const wanted = [...new Set(names)];
  const missing = wanted.find((name) => !rows.some(({ sessionId }) => sessionId === name));
  if (missing !== undefined) throw await missingSession(db, userId, missing, actor.sessionIds);
  const sessions = wanted.flatMap((name) =>
    rows.filter(({ sessionId }) => sessionId === name).map((row) => toCarrier(config.pacing, row, now)),
  );
  return { sessions, settings: { allowedCountries: rows[0]?.allowedCountries ?? null } };
}

const namedOne = prepared((db) =>
  withSettings(db)
    .where(
      and(
        eq(accounts.userId, sql.placeholder('userId')),
        eq(accounts.sessionId, sql.placeholder('sessionId')),
      ),
    )
    .prepare(),
);

type NamedRow = CarrierRow & OtpSettings;

async function readNamed(db: Db, userId: number, names: readonly string[]): Promise<NamedRow[]> {
  const [sessionId] = names;
  if (sessionId !== undefined && names.length === 1) return namedOne(db).execute({ userId, sessionId });
  return withSettings(db).where(and(eq(accounts.userId, userId), inArray(accounts.sessionId, [...names])));
}

function withSettings(db: Db) {
  return db
    .select({ ...COLUMNS, allowedCountries: otpSettings.allowedCountries })
    .from(accounts)
    .leftJoin(otpSettings, eq(otpSettings.userId, accounts.userId));
}

/** The same by account id, without those that are gone. */
export async function readFallbacks(
  { db, config }: { db: Db | Tx; config: OtpDeps['config'] },
  fallbacks: readonly OtpFallback[],
  now: number,
): Promise<SendingSession[]> {
  if (fallbacks.length === 0) return [];
  const ids = fallbacks.map(({ accountId }) => accountId);
  const rows = await db.select(COLUMNS).from(accounts).where(inArray(accounts.id, ids));
  return ids.flatMap((id) =>
    rows.filter((row) => row.accountId === id).map((row) => toCarrier(config.pacing, row, now)),
  );
}

const COLUMNS = {
  accountId: accounts.id,
  userId: accounts.userId,
  sessionId: accounts.sessionId,
  lastHighAt: accounts.lastHighAt,
  ...sendingColumns,
};

type CarrierRow = SendingRow & OtpFallback & { userId: number; lastHighAt: number | null };

function toCarrier(pacing: Pacing, row: CarrierRow, now: number): SendingSession {
  const { accountId, userId, sessionId } = row;
  const { connected, usable, holds } = sendingState(row, now, PRIORITIES.high);
  const held = holds.some(({ everybody }) => !everybody);
  const limit = contactLimitOf(pacing, row, now);
  const asks = held || limitsContacts(limit);
  const account = { id: accountId, userId };
  return {
    accountId,
    sessionId,
    status: row.status,
    connected,
    usable,
    lastHighAt: row.lastHighAt,
    ready: connected && holds.every(({ everybody }) => !everybody),
    strangers: asks ? { account, held, limit, pace: paceOf(pacing, row, now) } : null,
  };
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
    details: { session: first?.sessionId ?? null, status: first?.status ?? null },
  });
}
