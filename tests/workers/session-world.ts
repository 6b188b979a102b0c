/** Processes with supervisors over one real database, a scripted engine each and a clock that stands still. */
import { eq } from 'drizzle-orm';
import { createCommandBus } from '../../src/cluster/commands.ts';
import type { Host } from '../../src/cluster/host.ts';
import type { Database, Db } from '../../src/db/client.ts';
import { activityLogs, users, whatsappAccounts, workspaces } from '../../src/db/schema.ts';
import { createEventStream } from '../../src/events/stream.ts';
import { createAllowances } from '../../src/queue/allowances.ts';
import { createQueueCounts } from '../../src/queue/counts.ts';
import { createQueueSignals } from '../../src/queue/signals.ts';
import { loadConfig } from '../../src/utils/config.ts';
import { createSecretBox } from '../../src/utils/crypto.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Logger } from '../../src/utils/logger.ts';
import { createQuietWarnings } from '../../src/utils/quiet-warnings.ts';
import { createOwnership } from '../../src/workers/ownership.ts';
import { createSessionSupervisor, type ReceiptEvent } from '../../src/workers/session-supervisor/index.ts';
import { createFakeClock, type FakeClock, turns } from '../helpers/clock.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { createScriptedEngine } from '../helpers/scripted-engine.ts';

const config = loadConfig({
  NODE_ENV: 'test',
  JWT_SECRET: 'test-jwt-secret-'.repeat(4),
  ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
});

export type AccountRow = typeof whatsappAccounts.$inferSelect;

export const silent: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
};

/** A host whose other processes are as the test says. */
export function fakeHost(name: string, pid: number, dead: Set<number> = new Set()): Host {
  return {
    identity: { host: name, pid, pidStartedAt: `t${pid}` },
    check: (other) => (other.host !== name ? 'unknown' : dead.has(other.pid) ? 'dead' : 'alive'),
  };
}

/** The database with a plug: while it is pulled, every call fails as when the server is away; `refused`: those about that table. */
function withPlug(database: Database, now: () => number, work: Work) {
  const plug = { pulled: false, refused: null as object | null };
  const away = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const db = new Proxy(database.db, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (plug.pulled && name === 'transaction') return Promise.reject(away());
        if (plug.pulled || (args[0] !== undefined && args[0] === plug.refused)) throw away();
        const result: unknown = Reflect.apply(value, target, args);
        return name === 'transaction' ? work.count(Promise.resolve(result)) : work.watch(result);
      };
    },
  });
  const plugged: Database = {
    ...database,
    db,
    now: async () => {
      if (plug.pulled) throw away();
      return now();
    },
  };
  return { plug, database: plugged };
}

type Work = ReturnType<typeof countWork>;

/** Counts the queries that run, so that time does not run away from a real database. */
function countWork() {
  let running = 0;
  const count = <R>(promise: Promise<R>): Promise<R> => {
    running += 1;
    return promise.finally(() => {
      running -= 1;
    });
  };
  /** A query builder that is counted from the moment it is awaited. */
  const watch = (builder: unknown): unknown => {
    if (typeof builder !== 'object' || builder === null || builder instanceof Promise) return builder;
    return new Proxy(builder, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'then') return (...args: unknown[]) => watch(Reflect.apply(value, target, args));
        return (...handlers: Parameters<Promise<unknown>['then']>) => {
          const result = new Promise((resolve, reject) => Reflect.apply(value, target, [resolve, reject]));
          return count(result).then(...handlers);
        };
      },
    });
  };
  const idle = async () => {
    for (let calm = 0; calm < 5; calm = running === 0 ? calm + 1 : 0) await turns(1);
  };
  return { count, watch, idle };
}

function countTimers(clock: FakeClock) {
  const waiting = new Set<object>();
  const counted: FakeClock = {
    ...clock,
    setTimer(fn, delayMs) {
      const entry = {};
      waiting.add(entry);
      const cancel = clock.setTimer(() => {
        waiting.delete(entry);
        fn();
      }, delayMs);
      return () => {
        waiting.delete(entry);
        cancel();
      };
    },
  };
  return { clock: counted, waiting };
}

/** Lets the event loop turn until `check` holds. Rejects after `timeoutMs` of real time. */
export async function eventually(check: () => unknown, timeoutMs = 5_000): Promise<void> {
  const endsAt = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > endsAt) throw new Error(`never came true: ${check}`);
    await turns(1);
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>;
export type Process = ReturnType<World['process']>;

export async function openWorld() {
  const real = await openTestDatabase();
  const { clock, waiting } = countTimers(createFakeClock());
  const work = countWork();
  clock.idleWith(work.idle);
  const stream = createEventStream();
  const stops: (() => Promise<void>)[] = [];
  const db: Db = real.db;
  let userCount = 0;

  function process(
    options: { host?: Host; alone?: boolean; concurrency?: number; queueQuota?: number } = {},
  ) {
    const { plug, database } = withPlug(real, clock.now, work);
    const processId = newId(clock.now());
    const engine = createScriptedEngine();
    const deps = { db: database.db, clock, stream, logger: silent };
    const commands = createCommandBus({ processId, clock });
    const host = options.host ?? fakeHost('here', 100);
    const ownership = createOwnership({
      ...deps,
      database,
      host,
      processId,
      alone: options.alone ?? false,
      random: () => 0.5,
    });
    const log = {
      erased: [] as string[],
      sending: new Set<string>(),
      /** what is in flight when a session is removed ends with this */
      inFlight: Promise.resolve(),
      receipts: [] as ReceiptEvent[],
      warnings: [] as string[],
      refreshes: 0,
      rereads: 0,
    };
    const logger: Logger = { ...silent, warn: (what) => log.warnings.push(what) };
    const supervisor = createSessionSupervisor({
      ...deps,
      logger,
      quietWarnings: createQuietWarnings({ clock, logger }),
      database,
      config: { ...config, queueQuota: options.queueQuota ?? 100 },
      queueCounts: createQueueCounts(),
      signals: createQueueSignals(),
      allowances: createAllowances({ db: database.db, clock }),
      usageSlot: 0,
      secrets: createSecretBox([Buffer.alloc(32, 1)]),
      engine,
      ownership,
      commands,
      credentials: { erase: async ({ id }) => log.erased.push(id) },
      dispatcher: {
        add: ({ id }) => log.sending.add(id),
        remove: async (id) => {
          log.sending.delete(id);
          await log.inFlight;
        },
        rereadSessions: () => {
          log.rereads += 1;
        },
      },
      onReceipt: (_account, event) => log.receipts.push(event),
      onStanding: () => undefined,
      refreshClientVersion: async () => {
        log.refreshes += 1;
      },
      connectConcurrency: options.concurrency ?? 10,
      random: () => 0.5,
    });
    engine.listen(supervisor.onEvent);
    stops.push(() => {
      plug.pulled = false;
      engine.hangs = false;
      return supervisor.stop();
    });
    return { processId, engine, commands, ownership, supervisor, log, plug };
  }

  return {
    db,
    clock,
    stream,
    process,
    /** Waits until nothing that was begun waits for the database. */
    idle: work.idle,
    /** timers that have neither run nor been cancelled */
    timers: () => waiting.size,
    async user(status: 'active' | 'disabled' = 'active'): Promise<number> {
      const id = ++userCount;
      const at = clock.now();
      const row = { id, email: `u${id}@example.com`, name: 'U', passwordHash: 'x', role: 'user' as const };
      await db.insert(users).values({ ...row, status, createdAt: at, updatedAt: at });
      await db.insert(workspaces).values({ id, name: 'W', status, createdAt: at, updatedAt: at });
      return id;
    },
    async account(userId: number, more: Partial<AccountRow> = {}): Promise<string> {
      const id = newId(clock.now());
      const at = clock.now();
      await db.insert(whatsappAccounts).values({
        id,
        userId,
        sessionId: id.slice(20),
        status: 'connected',
        pairing: 'qr',
        paired: true,
        createdAt: at,
        updatedAt: at,
        ...more,
      });
      return id;
    },
    async row(accountId: string): Promise<AccountRow> {
      const [row] = await db.select().from(whatsappAccounts).where(eq(whatsappAccounts.id, accountId));
      if (!row) throw new Error('the session is gone');
      return row;
    },
    /** `status:reason` of every recorded status, oldest first */
    async history(accountId: string): Promise<string[]> {
      const rows = await db
        .select()
        .from(activityLogs)
        .where(eq(activityLogs.accountId, accountId))
        .orderBy(activityLogs.seq);
      return rows
        .filter((row) => row.event === 'session.status')
        .map(({ data }) => (data.reason === null ? String(data.status) : `${data.status}:${data.reason}`));
    },
    async close() {
      await Promise.all(stops.map((stop) => stop()));
      await real.close();
    },
  };
}

/** Waits until the session's row has this status (and reason). */
export function untilStatus(world: World, id: string, status: string, reason?: string): Promise<void> {
  return eventually(async () => {
    const row = await world.row(id);
    return row.status === status && (reason === undefined || row.reason === reason);
  });
}

/** Waits until the engine was asked for this many sockets. */
export function untilOpens(process: Process, n: number): Promise<void> {
  return eventually(() => process.engine.opens.length >= n);
}
