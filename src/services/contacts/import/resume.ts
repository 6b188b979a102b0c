/** Imports outlive a restart: what a process that is gone has left is gone on with, or ended truthfully. */

import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { and, asc, eq, isNull, lt, ne, notInArray, or } from 'drizzle-orm';
import { readLive } from '../../../cluster/processes.ts';
import { readBatches } from '../../../db/batches.ts';
import { isAfter } from '../../../db/keyset.ts';
import { affected, deleteInBatches } from '../../../db/ops.ts';
import { contactImportErrors, contactImports } from '../../../db/schema.ts';
import { type BackoffRange, jitteredBackoffMs } from '../../../utils/backoff.ts';
import { DAY_MS } from '../../../utils/durations.ts';
import { createLru } from '../../../utils/lru.ts';
import { finish, type ImportDeps, ImportStopped, runImport, spoolPath } from './job.ts';
import { ImportLost, type ImportRow } from './store.ts';

/** Another machine has the file, and may come back with it. */
const WAIT_FOR_HOST_MS = 600_000;
/** An import that could not be ended for this long will not be. */
const GIVE_UP_MS = DAY_MS;
/** The result of an import stays for a month. */
const KEEP_MS = 30 * DAY_MS;
const BATCH_SIZE = 100;

/** Names this machine, as far as files on its disk go. */
export function thisHost(): string {
  return hostname().slice(0, 190);
}

/**
 * Works on an import until it ends or cannot go on; then it is let go of, for whoever takes it up. Resolves in every
 * case: the row says what happened. True: it failed in a way that may come again.
 */
export function workOn(deps: ImportDeps, job: ImportRow, signal: AbortSignal): Promise<boolean> {
  return orLetGo(deps, job, () => runImport(deps, job, signal));
}

async function orLetGo(deps: ImportDeps, job: ImportRow, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof ImportLost) return false;
    const failed = !(error instanceof ImportStopped);
    if (failed) deps.logger.error('an import could not go on', { error, importId: job.id });
    await letGo(deps, job.id);
    return failed;
  }
}

/** Without the database it is let go of before imports are next taken up, or by the end of the process. */
async function letGo({ background, db, logger }: ImportDeps, importId: string): Promise<void> {
  const mine = and(eq(contactImports.id, importId), eq(contactImports.owner, background.processId));
  try {
    await db.update(contactImports).set({ owner: null }).where(mine);
    background.abandoned.delete(importId);
  } catch (error) {
    background.abandoned.add(importId);
    logger.debug('an import keeps its owner', { error, importId });
  }
}

/** How long an import rests that could not go on, by how often in a row: it reads its whole file each time. */
const AGAIN: BackoffRange = { firstMs: 15_000, maxMs: 1_800_000 };
/** Imports whose failures are remembered; those of others are tried each time. */
const MAX_FAILED = 1_000;

export interface ImportResumer {
  /**
   * Takes up imports that no process works on, side by side as when they were sent: none waits for another's end. Resolves
   * with a promise for each, of when this process is done with it.
   */
  resume(signal: AbortSignal): Promise<Promise<void>[]>;
}

/** Makes what takes up imports, and remembers which could not go on. */
export function createImportResumer(deps: ImportDeps): ImportResumer {
  const { background, clock } = deps;
  const failed = createLru<string, { times: number; againAtMs: number }>({ max: MAX_FAILED });
  const mayTry = ({ id }: ImportRow) => (failed.get(id)?.againAtMs ?? 0) <= clock.monotonic();

  function note({ id }: ImportRow, hasFailed: boolean): void {
    if (!hasFailed) {
      failed.delete(id);
      return;
    }
    const times = (failed.get(id)?.times ?? 0) + 1;
    const againAtMs = clock.monotonic() + jitteredBackoffMs(AGAIN, times, Math.random());
    failed.set(id, { times, againAtMs });
  }

  /** What is to be done now; null: another process has it, or it waits. */
  async function takeUp(row: ImportRow): Promise<((signal: AbortSignal) => Promise<void>) | null> {
    const verdict = judge(deps, row);
    if (verdict === 'wait' || !(await take(deps, row))) return null;
    const job = { ...row, owner: background.processId };
    if (verdict === 'give up')
      return async () => note(job, await orLetGo(deps, job, () => giveUp(deps, job)));
    return async (stopping) => note(job, await workOn(deps, job, stopping));
  }

  return {
    async resume(signal) {
      for (const importId of [...background.abandoned]) await letGo(deps, importId);
      const begun: Promise<void>[] = [];
      for await (const rows of readLeft(deps, signal)) {
        for (const row of rows) {
          if (signal.aborted) break;
          const work = mayTry(row) ? await takeUp(row) : null;
          if (work !== null) begun.push(background.run('an import', work));
        }
      }
      return begun;
    },
  };
}

/** Imports that run by their rows, and that no living process works on; the oldest first. */
async function* readLeft(deps: ImportDeps, signal: AbortSignal): AsyncGenerator<ImportRow[]> {
  const { createdAt, id, owner, status } = contactImports;
  // SQLite serves one process: whoever else is named is gone.
  const live = deps.database.dialect === 'sqlite' ? [] : await readLive(deps.database);
  const working = [...new Set([...live, deps.background.processId])];
  const isLeft = and(eq(status, 'running'), or(isNull(owner), notInArray(owner, working)));
  yield* readBatches<ImportRow>(
    BATCH_SIZE,
    (last) =>
      deps.db
        .select()
        .from(contactImports)
        .where(and(isLeft, isAfter([createdAt, id], last && [last.createdAt, last.id])))
        .orderBy(asc(createdAt), asc(id))
        .limit(BATCH_SIZE),
    signal,
  );
}

function judge(deps: ImportDeps, row: ImportRow): 'resume' | 'wait' | 'give up' {
  const now = deps.clock.now();
  if (now - row.createdAt > GIVE_UP_MS) return 'give up';
  if (existsSync(spoolPath(deps, row.id))) return 'resume';
  return row.host === thisHost() || now - row.updatedAt > WAIT_FOR_HOST_MS ? 'give up' : 'wait';
}

async function take(deps: ImportDeps, row: ImportRow): Promise<boolean> {
  const owner = row.owner === null ? isNull(contactImports.owner) : eq(contactImports.owner, row.owner);
  const taken = await deps.db
    .update(contactImports)
    .set({ owner: deps.background.processId })
    .where(and(eq(contactImports.id, row.id), eq(contactImports.status, 'running'), owner));
  return affected(taken) === 1;
}

async function giveUp(deps: ImportDeps, job: ImportRow): Promise<void> {
  const errorMessage =
    job.doneRows === 0
      ? 'The service was interrupted before anything was imported: send the file again.'
      : `The service was interrupted after ${job.doneRows} rows, which are imported: send the file again.`;
  await finish(deps, job, { status: 'failed', errorCode: 'UNAVAILABLE', errorMessage });
  await rm(spoolPath(deps, job.id), { force: true });
}

/** Removes files of imports that have ended or never began: a crash can leave one. How many went. */
export async function removeOldFiles({
  config,
  clock,
}: Pick<ImportDeps, 'config' | 'clock'>): Promise<number> {
  const folder = dirname(spoolPath({ config }, 'any'));
  const names = existsSync(folder) ? await readdir(folder) : [];
  let removed = 0;
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    // Nothing is resumed after a day; the margin is for the clocks of machines that share the folder.
    if (found === null || found.mtimeMs > clock.now() - 2 * GIVE_UP_MS) continue;
    await rm(path, { force: true });
    removed++;
  }
  return removed;
}

/** Forgets imports, and what was said of their lines, a month after they ended. */
export async function forgetOldImports(
  deps: Pick<ImportDeps, 'db' | 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  const rows = await deps.db
    .select({ id: contactImports.id })
    .from(contactImports)
    .where(
      and(ne(contactImports.status, 'running'), lt(contactImports.createdAt, deps.clock.now() - KEEP_MS)),
    )
    .limit(100);
  for (const { id } of rows) {
    await deleteInBatches(deps.db, {
      table: contactImportErrors,
      key: contactImportErrors.line,
      where: eq(contactImportErrors.importId, id),
      signal,
    });
    if (signal.aborted) return;
    await deps.db.delete(contactImports).where(eq(contactImports.id, id));
  }
}
