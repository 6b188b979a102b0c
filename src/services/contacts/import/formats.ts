/** Workbooks (.xlsx) and address books (vCard) become CSV first: a restart then goes on as with any other file. */

import { open, rename, rm } from 'node:fs/promises';
import { MINUTE_MS } from '../../../utils/durations.ts';
import { AppError } from '../../../utils/errors.ts';
import { createFairQueue } from '../../../utils/fair-queue.ts';
import { createHelperPool, HelperFailure } from '../../../utils/helper-process.ts';
import type { TableFormat, TableJob } from './tables/process.ts';

/** A million rows take about a minute. Its process computes on one core and comes after the service. */
const TIMEOUT_MS = 3 * MINUTE_MS;
/** Texts of a workbook are in memory while it is read. */
const HEAP_MIB = 512;
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './tables/process.ts' : './tables/process.js',
  import.meta.url,
);

/** Two at a time, of one tenant one. */
const places = createFairQueue({ concurrency: 2, maxWaiting: Number.POSITIVE_INFINITY });

/**
 * Leaves CSV in UTF-8 under the same path, each record on the line or row where it is in the file. In a process of its
 * own, which is killed with `signal`; `owner` has one at a time. Throws VALIDATION_FAILED for what cannot be read, and UNAVAILABLE when it was cut
 * off.
 */
export async function toCsv(path: string, owner: string, signal: AbortSignal): Promise<'csv' | TableFormat> {
  const format = await formatOf(path);
  if (format !== null) await places.run(owner, () => convert(path, format, signal));
  return format ?? 'csv';
}

async function convert(path: string, format: TableFormat, signal: AbortSignal): Promise<void> {
  const output = `${path}.part`;
  const job: TableJob = { format, input: path, output };
  const pool = createHelperPool({ entry: ENTRY, concurrency: 1, heapMiB: HEAP_MIB, idleMs: 1_000 });
  try {
    await pool.run(job, { owner: 'import', timeoutMs: TIMEOUT_MS, signal });
    await rename(output, path);
  } catch (error) {
    throw error instanceof HelperFailure ? toAppError(error, format) : error;
  } finally {
    pool.close();
    await rm(output, { force: true });
  }
}

async function formatOf(path: string): Promise<TableFormat | null> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    const head = buffer.subarray(0, bytesRead);
    if (head.subarray(0, 4).equals(Buffer.from('504b0304', 'hex'))) return 'xlsx';
    return /^\ufeff?\s*BEGIN:VCARD\s*[\r\n]/i.test(head.toString('utf8')) ? 'vcard' : null;
  } finally {
    await file.close();
  }
}

function toAppError({ kind, message }: HelperFailure, format: TableFormat): AppError {
  if (kind === 'aborted') return new AppError('UNAVAILABLE', 'The service stops.');
  const what = format === 'xlsx' ? 'Excel workbook or a ZIP archive' : 'address book';
  const reason =
    kind === 'failed' ? message : 'it takes too much time or memory: save it as "CSV UTF-8" and send that.';
  const text = `The file is an ${what} that cannot be read: ${reason}`;
  const code = kind === 'failed' && format === 'xlsx' ? 'UNSUPPORTED_MEDIA' : 'VALIDATION_FAILED';
  return new AppError(code, text, { details: { file: text } });
}
