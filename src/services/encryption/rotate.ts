/** Sealing everything with the newest key, while the service works on the same rows. */
import { inBatches } from '../../db/batches.ts';
import type { Database } from '../../db/client.ts';
import { pause } from '../../db/event-loop.ts';
import { transact } from '../../db/ops.ts';
import type { SecretBox } from '../../utils/crypto.ts';
import { SEALED_COLUMNS, type SealedValue } from './sealed-columns.ts';

export interface RotationDeps {
  database: Database;
  secrets: SecretBox;
}

export interface RotationProgress {
  /** the table at hand */
  place: string;
  /** values looked at and sealed again so far, over all passes */
  seen: number;
  resealed: number;
}

export interface Rotation {
  /** sealed again */
  resealed: number;
  /** still sealed with another key that is known: they went on changing */
  left: number;
  /** key ids that are not configured, with how many values they lock */
  lost: ReadonlyMap<string, number>;
  /** their key is known, and yet they do not open */
  damaged: number;
}

/** Rows of one transaction: a few milliseconds, in which nothing else writes on SQLite. */
const BATCH_SIZE = 50;
/** The service's turn between two of them. */
const PAUSE_MS = 10;
/** The last one finds nothing to do; each before it met values that the service was changing. */
const MAX_PASSES = 5;

/**
 * Seals with `secrets.keyId` whatever another of its keys has sealed, in small transactions. A value that changed
 * since it was read is left for the next pass. May be cut off at any moment and begun again: the rows themselves
 * say what is done.
 */
export async function rotateSealed(
  deps: RotationDeps,
  { onProgress, signal }: { onProgress?: (progress: RotationProgress) => void; signal?: AbortSignal } = {},
): Promise<Rotation> {
  const progress: RotationProgress = { place: '', seen: 0, resealed: 0 };
  for (let pass = 1; ; pass++) {
    const found = await runPass(deps, progress, onProgress, signal);
    if (found.todo === 0 || pass === MAX_PASSES || signal?.aborted) {
      const left = found.todo - found.done;
      return { resealed: progress.resealed, left, lost: found.lost, damaged: found.damaged };
    }
  }
}

interface Pass {
  /** values of another known key, and how many of them were sealed again */
  todo: number;
  done: number;
  lost: Map<string, number>;
  damaged: number;
}

async function runPass(
  deps: RotationDeps,
  progress: RotationProgress,
  onProgress: ((progress: RotationProgress) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<Pass> {
  const { secrets, database } = deps;
  const pass: Pass = { todo: 0, done: 0, lost: new Map(), damaged: 0 };
  for (const place of SEALED_COLUMNS) {
    progress.place = place.name;
    for await (const values of place.pages(database.db)) {
      if (signal?.aborted) return pass;
      const others = values.filter((value) => value.keyId !== secrets.keyId);
      for await (const batch of inBatches(others, BATCH_SIZE)) {
        await resealBatch(deps, batch, pass, progress);
        await pause(PAUSE_MS);
        if (signal?.aborted) return pass;
      }
      progress.seen += values.length;
      onProgress?.({ ...progress });
    }
  }
  return pass;
}

async function resealBatch(
  { database, secrets }: RotationDeps,
  values: readonly SealedValue[],
  pass: Pass,
  progress: RotationProgress,
): Promise<void> {
  const readable: SealedValue[] = [];
  for (const value of values) {
    if (!secrets.keyIds.includes(value.keyId)) {
      pass.lost.set(value.keyId, (pass.lost.get(value.keyId) ?? 0) + 1);
    } else if (opens(secrets, value)) readable.push(value);
    else pass.damaged++;
  }
  if (readable.length === 0) return;
  const done = await transact(database, async (tx) => {
    let resealed = 0;
    for (const value of readable) if (await value.reseal(tx, secrets)) resealed++;
    return resealed;
  });
  pass.todo += readable.length;
  pass.done += done;
  progress.resealed += done;
}

function opens(secrets: SecretBox, value: SealedValue): boolean {
  try {
    value.check(secrets);
    return true;
  } catch {
    return false;
  }
}

/** Counts the values of each encryption key in a database. */
export interface SealedCount {
  keyId: string;
  values: number;
  /** those that this box cannot open, whether for want of the key or because they are damaged */
  unreadable: number;
}

/** Tries every sealed value. */
export async function countSealed({ database, secrets }: RotationDeps): Promise<SealedCount[]> {
  const counts = new Map<string, SealedCount>();
  for (const place of SEALED_COLUMNS) {
    for await (const values of place.pages(database.db)) {
      for (const value of values) {
        const { keyId } = value;
        const count = counts.get(keyId) ?? { keyId, values: 0, unreadable: 0 };
        count.values++;
        if (!opens(secrets, value)) count.unreadable++;
        counts.set(keyId, count);
      }
    }
  }
  return [...counts.values()].sort((a, b) => b.values - a.values);
}
