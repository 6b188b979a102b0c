/** A queue over a real database, a fake engine and a clock that the test moves. */

import { eq } from 'drizzle-orm';
import { messageQueue, messages, whatsappAccounts } from '../../src/db/schema.ts';
import { createEventStream, type LiveEvent } from '../../src/events/stream.ts';
import { createAllowances } from '../../src/queue/allowances.ts';
import { createQueueCounts } from '../../src/queue/counts.ts';
import type { IntakeDeps } from '../../src/queue/deps.ts';
import { createEnqueuer, enqueue, type NewMessage } from '../../src/queue/enqueue.ts';
import { createSettler, type Settler } from '../../src/queue/settle.ts';
import { createQueueSignals } from '../../src/queue/signals.ts';
import { createPeerBook } from '../../src/queue/subscriber-peers.ts';
import { type Config, loadConfig } from '../../src/utils/config.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { createLoopShare } from '../../src/utils/loop-share.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { createDispatcher, type Dispatcher, type DispatcherDeps } from '../../src/workers/dispatcher.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { createFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts';

type Pacing = Config['pacing'];

/** No gap and limits that nobody meets by chance. */
export const FAST: Pacing = {
  delayMinMs: 0,
  delayMaxMs: 0,
  perMinute: 100_000,
  perHour: 100_000,
  perRecipientPerHour: 100_000,
  otpReservePercent: 20,
  newContactsPerDay: 0,
  maxAttempts: 3,
  ackTimeoutMs: 20_000,
  prepareTimeoutMs: 20_000,
  typingMsPerChar: 0,
};

const silent = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
};

type AccountColumns = Partial<
  Pick<
    typeof whatsappAccounts.$inferInsert,
    | 'userId'
    | 'limits'
    | 'pausedUntil'
    | 'pauseReason'
    | 'lastHighAt'
    | 'linkedAt'
    | 'newChatCap'
    | 'knownFrom'
  >
>;

export interface QueueFixture {
  deps: IntakeDeps;
  database: TestDatabase;
  clock: FakeClock;
  engine: FakeEngine;
  settler: Settler;
  userId: number;
  dispatcher: Dispatcher;
  /** Another dispatcher (and settler) on the same database, as after a restart or in another process. */
  newDispatcher(options?: Partial<DispatcherDeps>): Dispatcher;
  /** A session that this process owns. */
  account(columns?: AccountColumns): Promise<AccountRef>;
  queue(account: AccountRef, message?: Partial<NewMessage>): Promise<{ id: string; messageId: string }>;
  /** Stores a message of somebody who wrote to the session. */
  befriend(account: AccountRef, phone: string, peer?: string): Promise<void>;
  message(id: string): Promise<typeof messages.$inferSelect>;
  row(id: string): Promise<typeof messageQueue.$inferSelect | undefined>;
  /** What was recorded for the tenant, in order. */
  events: LiveEvent[];
  close(): Promise<void>;
}

/** A text of this session to somebody, as the queue takes it. */
export function newMessage(account: AccountRef, changes: Partial<NewMessage> = {}): NewMessage {
  const phone = changes.phone ?? '6281200000001';
  return {
    userId: account.userId,
    accountId: account.id,
    sessionId: account.sessionId,
    messageId: newMessageId(),
    peer: `${phone}@s.whatsapp.net`,
    phone,
    lid: null,
    type: 'text',
    content: { type: 'text', text: 'hello' },
    priority: 1,
    scheduledAt: null,
    expiresAt: null,
    ...changes,
  };
}

export async function openQueue(pacing: Partial<Pacing> = {}): Promise<QueueFixture> {
  const database = await openTestDatabase();
  const clock = createFakeClock();
  const {
    quotas,
    otp,
    engine: engineName,
  } = loadConfig({
    NODE_ENV: 'test',
    JWT_SECRET: 'test-jwt-secret-'.repeat(4),
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  });
  const config = {
    pacing: { ...FAST, ...pacing },
    queueQuota: 100_000,
    quotas,
    otp,
    engine: engineName,
  };
  const base = {
    config,
    database,
    db: database.db,
    clock,
    logger: silent,
    stream: createEventStream(),
    signals: createQueueSignals(),
    allowances: createAllowances({ db: database.db, clock }),
    usageSlot: 1,
    peers: createPeerBook({ db: database.db, clock }),
  };
  const deps: IntakeDeps = {
    ...base,
    enqueuer: createEnqueuer(base),
    queueCounts: createQueueCounts(),
  };
  const engine = createFakeEngine(clock);
  const userId = Math.floor(Math.random() * 1e9);
  const events: LiveEvent[] = [];
  deps.stream.subscribe({ userId }, (event) => {
    events.push(event);
  });
  const running: { dispatcher: Dispatcher; settler: Settler }[] = [];
  clock.idleWith(async () => {
    for (const { dispatcher } of running) await dispatcher.idle();
  });

  function newDispatcher(options: Partial<DispatcherDeps> = {}): Dispatcher {
    const settler = createSettler(deps, { windowMs: 0, receiptMs: 0 });
    const parts = { engine, settler, loopShare: createLoopShare() };
    const dispatcher = createDispatcher({ ...deps, ...parts, random: () => 0.5, ...options });
    dispatcher.start();
    running.push({ dispatcher, settler });
    return dispatcher;
  }
  const dispatcher = newDispatcher();
  const [first] = running;
  if (!first) throw new Error('no dispatcher');
  return {
    deps,
    database,
    clock,
    engine,
    settler: first.settler,
    userId,
    dispatcher,
    newDispatcher,
    events,
    async account(columns = {}) {
      const now = clock.now();
      const row = {
        id: newId(),
        userId,
        sessionId: `s-${newId().slice(-8)}`,
        status: 'connected' as const,
        pairing: 'qr' as const,
        paired: true,
        owner: 'me'.padEnd(32, '0'),
        fence: 1,
        createdAt: now,
        updatedAt: now,
        ...columns,
      };
      await database.db.insert(whatsappAccounts).values(row);
      const { id, sessionId, owner, fence } = row;
      return { id, userId: row.userId, sessionId, owner, fence };
    },
    async queue(account, message = {}) {
      const full = newMessage(account, { userId, ...message });
      const { id } = await enqueue(deps, full);
      return { id, messageId: full.messageId };
    },
    async befriend({ id: accountId, userId: tenant, sessionId }, phone, peer = `${phone}@s.whatsapp.net`) {
      const at = clock.now();
      await database.db.insert(messages).values({
        id: newId(at),
        userId: tenant,
        accountId,
        sessionId,
        messageId: newMessageId(),
        direction: 'in',
        peer,
        type: 'text',
        content: { type: 'text', text: 'hi' },
        status: 'received',
        createdAt: at,
        updatedAt: at,
      });
    },
    async message(id) {
      const [row] = await database.db.select().from(messages).where(eq(messages.id, id));
      if (!row) throw new Error(`no message ${id}`);
      return row;
    },
    async row(id) {
      const [row] = await database.db.select().from(messageQueue).where(eq(messageQueue.id, id));
      return row;
    },
    async close() {
      for (const { dispatcher: one, settler } of running) {
        await Promise.all([one.stop(), clock.advance(60_000)]);
        await Promise.all([settler.stop(1_000), clock.advance(1_000)]);
      }
      await database.close();
    },
  };
}

/** n different phone numbers. */
export function phones(n: number): string[] {
  return Array.from({ length: n }, (_, i) => `62812${String(10_000_000 + i)}`);
}
