/** How accounts stand with WhatsApp: what the server has told is kept with the session, and its end is told. */

import { and, asc, eq, isNull, lte } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { affected, isUnavailable, skipLocked, transact } from '../db/ops.ts';
import { whatsappAccounts } from '../db/schema.ts';
import { inCleanContext } from '../db/scope.ts';
import { type Fact, record } from '../events/record.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { createKeyedMutex } from '../utils/mutex.ts';
import type { AccountRef, NewChatCap, Standing, TimeLock } from '../whatsapp/engine.ts';
import { CHAT_REFUSED } from '../whatsapp/refusals.ts';
import type { QueueDeps } from './deps.ts';
import { isHeldRow } from './fence.ts';
import { bringBack } from './step-aside.ts';

type Row = Pick<
  typeof whatsappAccounts.$inferSelect,
  'restrictedUntil' | 'restriction' | 'breakerUntil' | 'newChatCap'
>;
type Changes = Partial<Row> & { breakerCode?: string | null };
export type StandingDeps = Pick<QueueDeps, 'database' | 'db' | 'clock' | 'stream' | 'signals'>;
type Session = Pick<AccountRef, 'id' | 'userId' | 'sessionId'>;

/** Sessions of one round whose restriction has ended. */
const BATCH_SIZE = 100;

/**
 * Takes what engines tell of accounts, in the order of each. While the database is away it is forgotten: the next
 * connection asks the server again.
 */
export function createStandingKeeper(
  deps: StandingDeps & Pick<QueueDeps, 'logger'>,
): (account: AccountRef, told: Standing) => void {
  const turns = createKeyedMutex();
  return (account, told) => {
    turns
      .run(account.id, () => inCleanContext(() => takeStanding(deps, account, told)))
      .catch((error: unknown) =>
        deps.logger.warn('the standing of an account could not be kept', {
          sessionId: account.sessionId,
          error: String(error),
        }),
      );
  };
}

/** Tries to write what was told onto a row that others change at the same time. */
const MAX_TRIES = 5;

/**
 * Keeps what the server told about the account, and records when a restriction begins, moves its end or ends. The breaker
 * ends with it. Nothing happens when the session is not held any more. Not to be called twice at a time for a session.
 * Rejects when the row changes all the time.
 */
export async function takeStanding(deps: StandingDeps, account: AccountRef, told: Standing): Promise<void> {
  const now = deps.clock.now();
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const outcome = await transact(deps.database, (tx) => writeStanding(tx, deps, account, told, now));
    if (outcome === 'changed meanwhile') continue;
    if (outcome === 'done') return;
    try {
      await bringBack(deps.db, account.id, now, Number.POSITIVE_INFINITY);
    } finally {
      // Some may be back though it failed.
      deps.signals.wake(account.id, { rowChanged: true });
    }
    return;
  }
  throw new Error('the row of the session changes all the time');
}

/** `earlier`: written, and strangers may be written to earlier than was thought. */
type Outcome = 'done' | 'earlier' | 'changed meanwhile';

async function writeStanding(
  tx: Tx,
  deps: StandingDeps,
  account: AccountRef,
  told: Standing,
  now: number,
): Promise<Outcome> {
  const row = await readRow(tx, account);
  if (row === null) return 'done';
  const lock = told.timeLock === undefined ? null : lockChanges(row, told.timeLock, now);
  const cap = told.newChatCap === undefined ? null : capChanges(row, told.newChatCap, now);
  const changes = { ...lock?.changes, ...cap?.changes };
  if (Object.keys(changes).length === 0) return 'done';
  const written = await tx
    .update(whatsappAccounts)
    .set(changes)
    .where(and(isHeldRow(account), isStill(row)));
  if (affected(written) === 0) return 'changed meanwhile';
  if (lock?.event) await record(tx, deps, [factOf(account, lock.event, lock.data)]);
  tx.afterCommitAsked(() => deps.signals.wake(account.id, { rowChanged: true }));
  return lock?.isEarlier === true || cap?.isEarlier === true ? 'earlier' : 'done';
}

/** The row is as it was read, as far as others than `takeStanding` change it: by a refusal, or by the end of a restriction. */
function isStill({ restrictedUntil, breakerUntil }: Row) {
  const isSame = (
    column: typeof whatsappAccounts.restrictedUntil | typeof whatsappAccounts.breakerUntil,
    value: number | null,
  ) => (value === null ? isNull(column) : eq(column, value));
  return and(
    isSame(whatsappAccounts.restrictedUntil, restrictedUntil),
    isSame(whatsappAccounts.breakerUntil, breakerUntil),
  );
}

async function readRow(tx: Tx, account: AccountRef): Promise<Row | null> {
  const { restrictedUntil, restriction, breakerUntil, newChatCap } = whatsappAccounts;
  const [row] = await tx
    .select({ restrictedUntil, restriction, breakerUntil, newChatCap })
    .from(whatsappAccounts)
    .where(isHeldRow(account));
  return row ?? null;
}

interface LockChange {
  changes: Changes;
  event: 'session.restricted' | 'session.unrestricted' | null;
  data: Record<string, unknown>;
  /** strangers may be written to earlier than was thought */
  isEarlier: boolean;
}

function lockChanges(row: Row, lock: TimeLock | null, now: number): LockChange | null {
  const { restrictedUntil: before, breakerUntil } = row;
  if (lock === null) {
    if (before === null) return null;
    // A breaker with another end was opened for a refusal: that one is ours to end.
    const breaker = breakerUntil === before ? { breakerUntil: null } : {};
    return {
      changes: { restrictedUntil: null, restriction: null, ...breaker },
      event: 'session.unrestricted',
      data: { reason: 'lifted' },
      isEarlier: true,
    };
  }
  const { until, kind } = lock;
  const isNew = before === null || before <= now;
  const since = isNew ? now : (row.restriction?.since ?? now);
  // An end that the server does not name is taken for a minute from each answer: that is no news, and no end to trust.
  const moved = before !== null && Math.abs(until - before) > MINUTE_MS;
  const breaker = until - now > MINUTE_MS ? until : Math.max(until, breakerUntil ?? 0);
  return {
    changes: {
      restrictedUntil: until,
      restriction: { kind, since },
      breakerUntil: breaker,
      breakerCode: CHAT_REFUSED,
    },
    event: isNew || moved ? 'session.restricted' : null,
    data: { until: new Date(until).toISOString(), kind, since: new Date(since).toISOString() },
    isEarlier: breakerUntil !== null && breaker < breakerUntil,
  };
}

/** A cap is kept with the time at which it was told: first contacts are counted on from there. Null: there is no cap, as before. */
function capChanges(
  { newChatCap: before }: Row,
  told: NewChatCap | null,
  now: number,
): { changes: Changes; isEarlier: boolean } | null {
  if (told === null) return before === null ? null : { changes: { newChatCap: null }, isEarlier: true };
  const { total, used, status, until } = told;
  const isOther =
    before !== null &&
    (before.total !== total || before.used !== used || before.until !== until || before.status !== status);
  return { changes: { newChatCap: { total, used, status, until, toldAt: now } }, isEarlier: isOther };
}

/**
 * Restrictions whose time has come are over: told once, whichever process is first. Answers how many. Messages that wait for
 * it are due by themselves.
 */
export async function endRestrictions(deps: StandingDeps & Pick<QueueDeps, 'logger'>): Promise<number> {
  const { id, userId, sessionId, restrictedUntil } = whatsappAccounts;
  const now = deps.clock.now();
  const over = await skipLocked(
    deps.db
      .select({ id, userId, sessionId, restrictedUntil })
      .from(whatsappAccounts)
      .where(lte(restrictedUntil, now))
      .orderBy(asc(restrictedUntil))
      .limit(BATCH_SIZE),
  );
  let ended = 0;
  for (const session of over) {
    if (session.restrictedUntil === null) continue;
    try {
      if (await endRestriction(deps, session, session.restrictedUntil)) ended += 1;
    } catch (error) {
      // What the database refuses of one session stops no other.
      if (isUnavailable(error)) throw error;
      deps.logger.error('a restriction could not be ended', { sessionId: session.sessionId, error });
    }
  }
  return ended;
}

function endRestriction(deps: StandingDeps, session: Session, until: number): Promise<boolean> {
  return transact(deps.database, async (tx) => {
    const ended = await tx
      .update(whatsappAccounts)
      .set({ restrictedUntil: null, restriction: null })
      .where(and(eq(whatsappAccounts.id, session.id), eq(whatsappAccounts.restrictedUntil, until)));
    if (affected(ended) === 0) return false;
    await record(tx, deps, [factOf(session, 'session.unrestricted', { reason: 'ended' })]);
    tx.afterCommitAsked(() => deps.signals.wake(session.id, { rowChanged: true }));
    return true;
  });
}

function factOf(
  { id, userId, sessionId }: Session,
  event: 'session.restricted' | 'session.unrestricted',
  data: Record<string, unknown>,
): Fact {
  return { userId, event, session: { id, sessionId }, data };
}
