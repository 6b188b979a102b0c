/**
 * One writer, many callers: writes that wait at the same time share one SQLite transaction, because the commit
 * is what costs. Each caller is answered only after that commit. Who goes first: work.ts.
 */
import { between } from '../utils/backoff.ts';
import { DatabaseTimeoutError, GroupCommitError } from './errors.ts';
import { holdOf, monotonicMs, pause, yieldToEventLoop } from './event-loop.ts';
import {
  asError,
  type Group,
  type GroupJob,
  type GroupLimits,
  type Job,
  type Member,
  submitAlone,
  submitMember,
  submitStatement,
} from './group-jobs.ts';
import { inCleanContext } from './scope.ts';
import type { Connection, OpenTransaction, Rows, Statement } from './sqlite-connection.ts';
import type { DatabaseLoad } from './types.ts';
import { createWorkQueue, currentWork, type WorkQueue } from './work.ts';

/** 20 ms: a WhatsApp socket's keepalive must never wait for the database. */
export const DEFAULT_LIMITS: GroupLimits = {
  maxMembers: 200,
  maxHoldMs: 20,
  memberTimeoutMs: 10_000,
  busyTimeoutMs: 5_000,
};

export interface GroupCommit {
  /** One statement; a failing one leaves no trace and does no harm. */
  run(statement: Statement): Promise<Rows>;
  /** Waits for a turn; until the member ends, no other one writes. */
  begin(): Promise<Member>;
  /** Runs `fn` while no group is open. */
  alone<R>(fn: (writer: Connection) => Promise<R>): Promise<R>;
  load(): DatabaseLoad;
  /** True while a transaction is open: all other writers wait for its end. */
  isWriting(): boolean;
  /** Resolves when everything that was asked for is done; refuses what comes later. */
  drain(): Promise<void>;
}

/** The connection that writes. */
export interface Writer {
  client: Connection;
  /** Replaces the connection by a new one with the same settings. */
  reopen(): Promise<void>;
}

/** `onCommit` hears of each transaction that is in the database. */
export function createGroupCommit(
  writer: Writer,
  limits: GroupLimits = DEFAULT_LIMITS,
  onCommit: () => void = () => undefined,
): GroupCommit {
  const begin = createBeginner(writer, limits.busyTimeoutMs);
  const waiting = createWorkQueue<Job>();
  const whenIdle: (() => void)[] = [];
  let running = false;
  let draining = false;
  let writing = false;

  function submit(job: Job): void {
    if (draining) {
      job.lost(new DatabaseTimeoutError('the database is closing'));
      return;
    }
    waiting.add(job, currentWork());
    if (running) return;
    running = true;
    inCleanContext(() => void pump());
  }

  /** Between groups the loop turns, so that sockets and reads get theirs. */
  async function pump(): Promise<void> {
    while (waiting.size > 0) {
      await yieldToEventLoop();
      if (waiting.peek()?.alone) {
        await runAlone(waiting.take());
        continue;
      }
      writing = true;
      const committed = await runGroup(begin, waiting, limits);
      writing = false;
      if (committed) onCommit();
    }
    running = false;
    for (const resolve of whenIdle.splice(0)) resolve();
  }

  return {
    run: (statement) => submitStatement(submit, statement),
    begin: () => submitMember(submit, limits),
    alone: (fn) => submitAlone(submit, () => fn(writer.client)),
    load: () => ({ used: running ? 1 : 0, waiting: waiting.size, limit: 1 }),
    isWriting: () => writing,
    async drain() {
      draining = true;
      if (running) await new Promise<void>((resolve) => whenIdle.push(resolve));
    },
  };
}

async function runAlone(job: Job | undefined): Promise<void> {
  if (job?.alone) await job.work();
}

function takeMember(waiting: WorkQueue<Job>): GroupJob | undefined {
  if (waiting.peek()?.alone !== false) return undefined;
  const job = waiting.take();
  return job?.alone === false ? job : undefined;
}

/** The group that holds the writer goes on while it has work, and lets the loop turn only when it has held that for long enough. */
function openGroup(transaction: OpenTransaction, maxHoldMs: number): Group & { isUndone(): boolean } {
  let sinceMs = monotonicMs();
  let undone = false;
  return {
    transaction,
    isUndone: () => undone,
    async undo() {
      await transaction.rollback();
      undone = true;
    },
    yieldIfDue() {
      if (monotonicMs() - sinceMs < maxHoldMs) return null;
      return yieldToEventLoop().then(() => {
        sinceMs = monotonicMs();
      });
    },
  };
}

/** False: nothing was committed. */
async function runGroup(begin: Beginner, waiting: WorkQueue<Job>, limits: GroupLimits): Promise<boolean> {
  let transaction: OpenTransaction;
  try {
    transaction = await begin.next();
  } catch (error) {
    for (let n = 0; n < limits.maxMembers; n++) waiting.take()?.lost(asError(error));
    return false;
  }
  const startedMs = monotonicMs();
  const group = openGroup(transaction, limits.maxHoldMs);
  const members: GroupJob[] = [];
  for (let job = takeMember(waiting); job; job = takeMember(waiting)) {
    members.push(job);
    await job.work(group, members.length === 1);
    const heldMs = monotonicMs() - startedMs;
    const full = members.length >= limits.maxMembers || heldMs >= holdOf(limits.maxHoldMs);
    // A full disk or an I/O error makes SQLite roll back everything by itself.
    if (full || transaction.closed) break;
  }
  try {
    if (!group.isUndone()) await transaction.commit();
  } catch (cause) {
    begin.distrust();
    const error = new GroupCommitError('the shared transaction did not commit', { cause });
    for (const member of members) member.lost(error);
    return false;
  }
  for (const member of members) member.committed();
  return !group.isUndone();
}

interface Beginner {
  next(): Promise<OpenTransaction>;
  /** The connection is in doubt: take a new one for the next transaction. */
  distrust(): void;
}

/**
 * Begins transactions. SQLite's own busy timeout would stop the event loop, so the waiting is done here. A BEGIN
 * that was refused stays "in progress" in the driver and would make the next COMMIT fail: hence a new connection.
 */
function createBeginner(writer: Writer, busyTimeoutMs: number): Beginner {
  let trusted = true;
  return {
    async next() {
      const giveUpMs = monotonicMs() + busyTimeoutMs;
      for (;;) {
        try {
          if (!trusted) await writer.reopen();
          trusted = true;
          return await writer.client.transaction('write');
        } catch (error) {
          trusted = false;
          const busy = error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
          if (!busy || monotonicMs() >= giveUpMs) throw error;
          await pause(between(5, 25, Math.random()));
        }
      }
    },
    distrust() {
      trusted = false;
    },
  };
}
