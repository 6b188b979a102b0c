/** What a session does by itself when its owner wants it so: it rejects calls, and marks what comes in as read. */
import { and, asc, eq, gte, inArray, isNull, ne } from 'drizzle-orm';
import { messages, whatsappAccounts } from '../../db/schema.ts';
import { inCleanContext } from '../../db/scope.ts';
import { spendFromWindow } from '../../db/windows.ts';
import { type RoomDeps, reserveQueueRoom } from '../../queue/counts.ts';
import { enqueue } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import type { Deps } from '../../services/context.ts';
import { readKeyOf } from '../../services/messages/mark-read.ts';
import { isMessageOfChat } from '../../services/messages/of-chat.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { newMessageId } from '../../utils/ids.ts';
import type { AccountRef, Engine, EngineEvent } from '../../whatsapp/engine.ts';
import { lidOf, phoneOf } from '../../whatsapp/jid.ts';

export type HabitDeps = Pick<Deps, 'db' | 'clock' | 'logger'> &
  RoomDeps & {
    engine: Engine;
    enqueuer: Pick<Deps['enqueuer'], 'add'>;
  };

/** Whose messages are marked read, from which moment on (epoch milliseconds); null: nobody's. */
export interface Habit {
  id: string;
  autoReadFrom: number | null;
}

export interface Habits {
  /** The settings of sessions of this process, as their rows have them now. */
  follow(sessions: readonly Habit[]): void;
  forget(accountId: string): void;
  /** Somebody calls. */
  onCall(account: AccountRef, call: Extract<EngineEvent, { type: 'call' }>): void;
  /** Something may be unread: a message was stored, or the session is connected again. */
  wake(account: AccountRef): void;
  stop(): Promise<void>;
}

/** One text to the same caller in that time, however often they call. */
const TEXT_EVERY_MS = HOUR_MS;
/** A moment in which what comes is marked together. */
const GATHER_MS = 300;
/** Receipts of one request. */
const MAX_READ = 100;
/** What came while the session was away for longer stays unread. */
const MAX_AGE_MS = DAY_MS;

/** Messages of a moment are not stored in the order of their times. */
const OVERLAP_MS = MINUTE_MS;

type Call = Extract<EngineEvent, { type: 'call' }>;

/** The caller has had its text already. */
class ToldAlready extends Error {
  override name = 'ToldAlready';
}

export function createHabits(deps: HabitDeps): Habits {
  const { clock, logger } = deps;
  const readFrom = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  let stopped = false;

  const failed = (what: string, account: AccountRef) => (error: unknown) =>
    logger.warn(what, { account: account.id, error: String(error) });

  function run(account: AccountRef): void {
    waiting.delete(account.id);
    if (running.has(account.id)) return void again.add(account.id);
    const work = markNew(account)
      .catch(failed('what came in could not be marked read', account))
      .finally(() => {
        running.delete(account.id);
        if (again.delete(account.id)) wake(account);
      });
    running.set(account.id, work);
  }

  async function markNew(account: AccountRef): Promise<void> {
    for (;;) {
      const from = readFrom.get(account.id);
      if (stopped || from === undefined || !deps.engine.isConnected(account.id)) return;
      const marked = await markBatch(deps, account, Math.max(from, clock.now() - MAX_AGE_MS));
      // Nothing before the oldest that is left is looked at again.
      if (readFrom.has(account.id)) readFrom.set(account.id, marked.upTo);
      if (!marked.more) return;
    }
  }

  function wake(account: AccountRef): void {
    if (stopped || !readFrom.has(account.id) || waiting.has(account.id)) return;
    waiting.set(
      account.id,
      clock.setTimer(() => inCleanContext(() => run(account)), GATHER_MS),
    );
  }

  return {
    follow(sessions) {
      for (const { id, autoReadFrom } of sessions) {
        if (autoReadFrom === null) readFrom.delete(id);
        else readFrom.set(id, Math.max(autoReadFrom, readFrom.get(id) ?? 0));
      }
    },
    forget(accountId) {
      readFrom.delete(accountId);
      waiting.get(accountId)?.();
      waiting.delete(accountId);
    },
    onCall(account, call) {
      if (call.missed) return;
      inCleanContext(() => answerCall(deps, account, call)).catch(
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

/** Marks the oldest unread messages since `from`; `upTo`: nothing before it is unread. */
async function markBatch(
  { db, clock, engine }: HabitDeps,
  account: AccountRef,
  from: number,
): Promise<{ more: boolean; upTo: number }> {
  const { accountId, createdAt, id, direction, readAt } = messages;
  const rows = await db
    .select()
    .from(messages)
    .where(
      and(
        eq(accountId, account.id),
        gte(createdAt, from),
        eq(direction, 'in'),
        isNull(readAt),
        isMessageOfChat(),
        ne(messages.type, 'undecryptable'),
      ),
    )
    .orderBy(asc(createdAt), asc(id))
    .limit(MAX_READ);
  const newest = rows.at(-1);
  if (!newest) return { more: false, upTo: from };
  await engine.markRead(account.id, rows.map(readKeyOf));
  const now = clock.now();
  const ids = rows.map((row) => row.id);
  await db.update(messages).set({ readAt: now, updatedAt: now }).where(inArray(messages.id, ids));
  return { more: rows.length === MAX_READ, upTo: Math.max(from, newest.createdAt - OVERLAP_MS) };
}

async function answerCall(deps: HabitDeps, account: AccountRef, call: Call): Promise<void> {
  const [row] = await deps.db
    .select({ rejectCalls: whatsappAccounts.rejectCalls, callText: whatsappAccounts.callText })
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, account.id));
  if (!row?.rejectCalls) return;
  await deps.engine.ask(account.id, 'call.reject', { callId: call.callId });
  if (row.callText === null || call.group) return;
  await sendText(deps, account, call, row.callText).catch((error: unknown) => {
    deps.logger.warn('the text after a call could not be queued', {
      account: account.id,
      error: String(error),
    });
  });
}

/**
 * Queued as any message is, at most once an hour for the same caller; it expires within that hour, as it would be a riddle
 * later. Throws RATE_LIMITED when the tenant's queue is full, and what `enqueue` throws.
 */
async function sendText(deps: HabitDeps, account: AccountRef, { by }: Call, text: string): Promise<void> {
  const { id: accountId, userId, sessionId } = account;
  const message = {
    userId,
    accountId,
    sessionId,
    messageId: newMessageId(),
    peer: by.jid,
    phone: by.phone ?? phoneOf(by.jid),
    lid: by.lid ?? lidOf(by.jid),
    type: 'text',
    content: { type: 'text', text },
    priority: PRIORITIES.normal,
    scheduledAt: null,
    expiresAt: deps.clock.now() + TEXT_EVERY_MS,
  };
  const window = { key: `call_text:${accountId}:${by.jid}`, max: 1, windowMs: TEXT_EVERY_MS };
  await reserveQueueRoom(deps, userId, 1);
  try {
    await enqueue(deps, message, async (tx) => {
      if ((await spendFromWindow(tx, window, deps.clock.now())) === null) throw new ToldAlready();
    });
  } catch (error) {
    if (!(error instanceof ToldAlready)) throw error;
  }
}
