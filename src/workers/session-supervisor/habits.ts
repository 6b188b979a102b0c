/** What a session does by itself when its owner wants it so: it rejects calls, and marks what comes in as read. */
import { and, asc, eq, gte, inArray, isNull, ne, notLike, type SQL } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { inCleanContext } from '../../db/scope.ts';
import type { Deps } from '../../services/context.ts';
import { readKeyOf } from '../../services/messages/mark-read.ts';
import { isMessageOfChat } from '../../services/messages/of-chat.ts';
import { jitteredBackoffMs } from '../../utils/backoff.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import type { AccountRef, CallNews, Engine, PostPlace } from '../../whatsapp/engine.ts';
import { CHANNEL_SERVER, STATUS_JID } from '../../whatsapp/jid.ts';

export type HabitDeps = Pick<Deps, 'db' | 'clock' | 'logger'> & { engine: Engine };

/** What a session does by itself. */
export interface Habit {
  id: string;
  /** messages are marked read from that moment on (epoch milliseconds); null: none is */
  autoReadFrom: number | null;
  rejectCalls: boolean;
  /** posts of others are stored */
  receiveStatus: boolean;
  receiveChannels: boolean;
}

export interface Habits {
  /** The settings of sessions of this process, as their rows have them now; those that mark what came as read from now on. */
  follow<S extends Habit>(sessions: readonly S[]): S[];
  forget(accountId: string): void;
  /** Whether posts of others are to be stored there. */
  wantsPosts(accountId: string, place: PostPlace): boolean;
  /** Somebody calls: it is rejected where the session wants that. The text that follows is queued as the call is stored. */
  onCall(account: AccountRef, call: CallNews): void;
  /** Something may be unread: that message was just stored; or, without its id, the session is connected again. */
  wake(account: AccountRef, messageId?: string): void;
  stop(): Promise<void>;
}

/** A moment in which what comes is marked together. */
const GATHER_MS = 300;
/** Pauses while marking fails: WhatsApp does not answer, or the database is away. */
const AGAIN = { firstMs: 2_000, maxMs: 30_000 };
/** Receipts of one request. */
const MAX_READ = 100;
/** What came while the session was away for longer stays unread. */
const MAX_AGE_MS = DAY_MS;

/** Messages of a moment are not stored in the order of their times. */
const OVERLAP_MS = MINUTE_MS;
/** Messages of a session that are remembered until they are marked; with more of them everything is looked through. */
const MAX_STORED = 1_000;

/** What is to be marked of a session. */
interface Reading {
  /** messages from before that stay as they are */
  since: number;
  /** nothing before it is unread that was stored when the session was looked through */
  lookedFrom: number;
  /** whether it is to be looked through: what came may not have been told here */
  look: boolean;
  /** ids of messages that were just stored: one that was opened late belongs to an earlier time */
  stored: Set<string>;
}

export function createHabits(deps: HabitDeps): Habits {
  const { clock, logger } = deps;
  const readings = new Map<string, Reading>();
  const receivers = { status: new Set<string>(), channels: new Set<string>() };
  const rejecting = new Set<string>();
  const waiting = new Map<string, () => void>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  /** failures in a row */
  const failures = new Map<string, number>();
  let stopped = false;

  const failed = (what: string, account: AccountRef) => (error: unknown) =>
    logger.warn(what, { account: account.id, error: String(error) });

  function run(account: AccountRef): void {
    waiting.delete(account.id);
    if (running.has(account.id)) return void again.add(account.id);
    const work = markNew(account)
      .then(
        () => void failures.delete(account.id),
        (error: unknown) => {
          failed('what came in could not be marked read', account)(error);
          if (readings.has(account.id)) failures.set(account.id, (failures.get(account.id) ?? 0) + 1);
        },
      )
      .finally(() => {
        running.delete(account.id);
        const isAsked = again.delete(account.id);
        const count = failures.get(account.id);
        if (count !== undefined) wait(account, jitteredBackoffMs(AGAIN, count, Math.random()));
        else if (isAsked) wait(account);
      });
    running.set(account.id, work);
  }

  async function markNew(account: AccountRef): Promise<void> {
    for (;;) {
      const reading = readings.get(account.id);
      if (stopped || !reading || !deps.engine.isConnected(account.id)) return;
      if (reading.look) await lookThrough(deps, account, reading);
      else if (reading.stored.size > 0) await markStored(deps, account, reading);
      else return;
    }
  }

  function wake(account: AccountRef, messageId?: string): void {
    const reading = readings.get(account.id);
    if (stopped || !reading) return;
    if (messageId === undefined || reading.stored.size >= MAX_STORED) reading.look = true;
    else reading.stored.add(messageId);
    // A connection that is there again is no reason to wait on; a message waits with those that could not be marked.
    if (messageId === undefined && failures.delete(account.id)) cancelWait(account.id);
    wait(account);
  }

  function cancelWait(accountId: string): void {
    waiting.get(accountId)?.();
    waiting.delete(accountId);
  }

  function wait(account: AccountRef, ms = GATHER_MS): void {
    if (stopped || !readings.has(account.id) || waiting.has(account.id)) return;
    waiting.set(
      account.id,
      clock.setTimer(() => inCleanContext(() => run(account)), ms),
    );
  }

  return {
    follow(sessions) {
      return sessions.filter(({ id, autoReadFrom, rejectCalls, receiveStatus, receiveChannels }) => {
        follow(rejecting, id, rejectCalls);
        follow(receivers.status, id, receiveStatus);
        follow(receivers.channels, id, receiveChannels);
        const known = readings.get(id);
        if (autoReadFrom === null) readings.delete(id);
        else if (known) known.since = Math.max(autoReadFrom, known.since);
        else readings.set(id, { since: autoReadFrom, lookedFrom: 0, look: true, stored: new Set() });
        return autoReadFrom !== null && !known;
      });
    },
    forget(accountId) {
      readings.delete(accountId);
      rejecting.delete(accountId);
      receivers.status.delete(accountId);
      receivers.channels.delete(accountId);
      cancelWait(accountId);
      failures.delete(accountId);
    },
    wantsPosts: (accountId, place) => receivers[place].has(accountId),
    onCall(account, call) {
      if (call.missed || !rejecting.has(account.id)) return;
      inCleanContext(() => deps.engine.ask(account.id, 'call.reject', { callId: call.callId })).catch(
        failed('a call could not be rejected', account),
      );
    },
    wake,
    async stop() {
      stopped = true;
      for (const cancel of waiting.values()) cancel();
      waiting.clear();
      await Promise.all(running.values());
    },
  };
}

function follow(wanting: Set<string>, id: string, wants: boolean): void {
  if (wants) wanting.add(id);
  else wanting.delete(id);
}

/** Marks the oldest unread messages; `look` stays when there are more, or it did not come to an end. */
async function lookThrough(deps: HabitDeps, account: AccountRef, reading: Reading): Promise<void> {
  reading.look = false;
  try {
    const rows = await markBatch(deps, account, reading, gte(messages.createdAt, reading.lookedFrom));
    const newest = rows.at(-1);
    if (!newest) return;
    reading.lookedFrom = Math.max(reading.lookedFrom, newest.createdAt - OVERLAP_MS);
    if (rows.length === MAX_READ) reading.look = true;
  } catch (error) {
    reading.look = true;
    throw error;
  }
}

/** Marks what was just stored; what could not be marked is remembered. */
async function markStored(deps: HabitDeps, account: AccountRef, reading: Reading): Promise<void> {
  const ids = [...reading.stored].slice(0, MAX_READ);
  for (const id of ids) reading.stored.delete(id);
  try {
    await markBatch(deps, account, reading, inArray(messages.messageId, ids));
  } catch (error) {
    for (const id of ids) reading.stored.add(id);
    throw error;
  }
}

/** Marks the oldest unread ones of these messages, up to so many; which. */
async function markBatch(
  { db, clock, engine }: HabitDeps,
  account: AccountRef,
  { since }: Reading,
  which: SQL,
): Promise<(typeof messages.$inferSelect)[]> {
  const { accountId, createdAt, id, direction, readAt } = messages;
  const rows = await db
    .select()
    .from(messages)
    .where(
      and(
        eq(accountId, account.id),
        gte(createdAt, Math.max(since, clock.now() - MAX_AGE_MS)),
        which,
        eq(direction, 'in'),
        isNull(readAt),
        isMessageOfChat(),
        ne(messages.type, 'undecryptable'),
        // Who has looked at a status post is told by hand alone, and channels ask for nothing.
        ne(messages.peer, STATUS_JID),
        notLike(messages.peer, `%${CHANNEL_SERVER}`),
      ),
    )
    .orderBy(asc(createdAt), asc(id))
    .limit(MAX_READ);
  if (rows.length === 0) return [];
  await engine.markRead(account.id, rows.map(readKeyOf));
  const now = clock.now();
  const ids = rows.map((row) => row.id);
  await db.update(messages).set({ readAt: now, updatedAt: now }).where(inArray(messages.id, ids));
  return rows;
}
