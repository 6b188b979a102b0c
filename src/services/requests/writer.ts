/** Calls on their way into the log of API calls: gathered in memory, written in batches. */
import { untilUsedUp } from '../../db/batches.ts';
import { insertMany } from '../../db/ops.ts';
import { apiRequestBodies, apiRequests } from '../../db/schema.ts';
import { inCleanContext } from '../../db/scope.ts';
import { createMutex } from '../../utils/mutex.ts';
import type { Deps } from '../context.ts';
import { createBodyChoices, type LoggedCall } from './row.ts';

export interface CallWriter {
  /** Takes a call; it is in the log within about two seconds. */
  add(call: LoggedCall): void;
  /** Whether a further call may bring its bodies: memory is worth more while the database is away. */
  takesBodies(): boolean;
  /** Writes what is waiting; resolves also when the database is away. */
  flush(): Promise<void>;
  forgetChoice(userId: number): void;
  /** Writes what is waiting, and plans nothing more. */
  stop(): Promise<void>;
}

/** Nobody waits for it: whoever reads the log has it written first. */
const FLUSH_MS = 2_000;
const BATCH_SIZE = 200;
/** Then the oldest are dropped. */
const MAX_WAITING = 10_000;
const MAX_WITH_BODIES = 1_000;

/** Makes the writer of this process. Its batches are written one after the other. */
export function createCallWriter(deps: Pick<Deps, 'db' | 'clock' | 'logger'>): CallWriter {
  const choices = createBodyChoices(deps);
  const inOrder = createMutex();
  let waiting: LoggedCall[] = [];
  let cancelTimer: (() => void) | null = null;
  let stopped = false;

  function schedule(): void {
    if (cancelTimer || waiting.length === 0) return;
    cancelTimer = deps.clock.setTimer(() => void flush(), FLUSH_MS);
  }

  function flush(): Promise<void> {
    cancelTimer?.();
    cancelTimer = null;
    return inOrder(() => inCleanContext(writeAll));
  }

  async function writeAll(): Promise<void> {
    try {
      await untilUsedUp(1, writeBatch);
    } catch (error) {
      deps.logger.debug('calls wait to be logged', { error });
      waiting = waiting.slice(-MAX_WAITING);
    }
    if (!stopped) schedule();
  }

  /** How many were written; when it rejects they wait as before. */
  async function writeBatch(): Promise<number> {
    const batch = waiting.splice(0, BATCH_SIZE);
    try {
      if (batch.length > 0) await write(batch);
      return batch.length;
    } catch (error) {
      waiting = [...batch, ...waiting];
      throw error;
    }
  }

  /** Each of its statements is done once, though the one that follows fails. */
  async function write(batch: readonly LoggedCall[]): Promise<void> {
    const kept = await choices.keeping(batch.map(({ row }) => row.userId));
    const unwritten = batch.filter(({ isWritten }) => !isWritten);
    const rows = unwritten.map(({ row }) => row);
    if (rows.length > 0) await insertMany(deps.db, apiRequests, rows, BATCH_SIZE);
    for (const call of unwritten) call.isWritten = true;
    const bodies = batch.flatMap(({ row, body }) => (body !== null && kept.has(row.userId) ? body : []));
    if (bodies.length > 0) await insertMany(deps.db, apiRequestBodies, bodies, BATCH_SIZE);
  }

  return {
    add(call) {
      waiting.push(call);
      if (waiting.length > MAX_WAITING) waiting = waiting.slice(-MAX_WAITING);
      if (waiting.length >= BATCH_SIZE) void flush();
      else schedule();
    },
    takesBodies: () => waiting.length < MAX_WITH_BODIES,
    flush,
    forgetChoice: choices.forget,
    async stop() {
      stopped = true;
      await flush();
    },
  };
}
