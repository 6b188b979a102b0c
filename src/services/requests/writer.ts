/** Calls on their way into the log of API calls: gathered in memory, written in batches. */
import { incoming, upsert } from '../../db/ops.ts';
import { apiRequestBodies, apiRequests } from '../../db/schema.ts';
import type { Deps } from '../context.ts';
import { createWriteBehind, type WriteBehind } from '../write-behind.ts';
import { createBodyChoices, type LoggedCall } from './row.ts';

export interface CallWriter extends Pick<WriteBehind<LoggedCall>, 'add' | 'flush' | 'stop'> {
  /** Whether a further call may bring its bodies: memory is worth more while the database is away. */
  takesBodies(): boolean;
  forgetChoice(userId: number): void;
}

/** Nobody waits for it: whoever reads the log has it written first. */
const FLUSH_MS = 2_000;
const BATCH_SIZE = 200;
const MAX_WAITING = 10_000;
const MAX_WITH_BODIES = 1_000;

/** Makes the writer of this process: a call is in the log within about two seconds. */
export function createCallWriter(deps: Pick<Deps, 'db' | 'clock' | 'logger'>): CallWriter {
  const choices = createBodyChoices(deps);

  /** Ids that are there already are left: the answer of an earlier try may have been lost. */
  async function write(batch: readonly LoggedCall[]): Promise<void> {
    const kept = await choices.keeping(batch.map(({ row }) => row.userId));
    const rows = batch.map(({ row }) => row);
    await upsert(deps.db, apiRequests, rows, [apiRequests.id], { id: incoming(apiRequests.id) });
    const bodies = batch.flatMap(({ row, body }) => (body !== null && kept.has(row.userId) ? body : []));
    const { id } = apiRequestBodies;
    await upsert(deps.db, apiRequestBodies, bodies, [id], { id: incoming(id) });
  }

  const calls = createWriteBehind<LoggedCall>(deps, {
    sorry: 'calls wait to be logged',
    flushMs: FLUSH_MS,
    batchSize: BATCH_SIZE,
    maxWaiting: MAX_WAITING,
    write,
  });
  return {
    add: calls.add,
    flush: calls.flush,
    stop: calls.stop,
    takesBodies: () => calls.waiting < MAX_WITH_BODIES,
    forgetChoice: choices.forget,
  };
}
