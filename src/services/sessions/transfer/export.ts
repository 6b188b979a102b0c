/** A link for another program: the files that Baileys' `useMultiFileAuthState` reads, as a zip. */
import { PassThrough, type Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { z } from 'zod';
import { pause } from '../../../db/event-loop.ts';
import { transact } from '../../../db/ops.ts';
import { record } from '../../../events/record.ts';
import { MINUTE_MS } from '../../../utils/durations.ts';
import { AppError } from '../../../utils/errors.ts';
import { readAllKeys, readCredentials } from '../../../whatsapp/credential-transfer.ts';
import { CREDENTIALS_FILE, fileOfKey } from '../../../whatsapp/link-files.ts';
import { requirePerson, requireScope } from '../../access.ts';
import { type Ctx, originOf } from '../../context.ts';
import { askOwner } from '../ask-owner.ts';
import { findSession, type SessionRef } from '../find.ts';

export const ExportSessionQuery = z.object({
  confirm: z.string().max(100).describe('the name of the session once more: the session stops here'),
});

/** The socket has 10 s to close. */
const HAND_OVER_TIMEOUT_MS = 20_000;
/** Bytes that wait for a slow reader. */
const MAX_WAITING_BYTES = 1024 ** 2;
const LOOK_EVERY_MS = 50;
/** A reader that is so slow gets no more. */
const MAX_EXPORT_MS = 10 * MINUTE_MS;

/**
 * Stops the session and gives its credentials and keys away, as a zip. For a person, who repeats the session's name in
 * `confirm`. Throws SESSION_NOT_FOUND, VALIDATION_FAILED for another name, CONFLICT when it is not linked, UNAVAILABLE.
 */
export async function exportSession(
  ctx: Ctx,
  ref: SessionRef & { confirm: string },
): Promise<{ filename: string; stream: Readable }> {
  requireScope(ctx, 'sessions:write');
  requirePerson(ctx);
  const session = await findSession(ctx, ref);
  if (ref.confirm !== session.sessionId) {
    throw new AppError('VALIDATION_FAILED', 'Repeat the name of the session to confirm.', {
      details: { confirm: 'must be the name of the session' },
    });
  }
  if (!session.paired) throw new AppError('CONFLICT', 'This session has no link that could be exported.');
  await askOwner(ctx, session, 'hand_over', {}, HAND_OVER_TIMEOUT_MS);
  const credentials = await readCredentials(ctx, session.id);
  if (credentials === null) throw new AppError('CONFLICT', 'This session has no credentials.');
  await transact(ctx.database, (tx) =>
    record(tx, ctx, [
      {
        userId: session.userId,
        event: 'session.exported',
        subject: session.sessionId,
        origin: originOf(ctx),
      },
    ]),
  );
  return { filename: `${session.sessionId}.zip`, stream: zipOf(ctx, session.id, credentials) };
}

function zipOf(ctx: Ctx, accountId: string, credentials: Buffer): Readable {
  const zip = new ZipFile();
  const output = new PassThrough();
  zip.outputStream.pipe(output);
  const fail = (error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error)));
  zip.on('error', fail);
  add(zip, CREDENTIALS_FILE, connectedBefore(credentials));
  addKeys(ctx, accountId, zip, output).then(() => zip.end(), fail);
  return output;
}

/**
 * The same credentials as those of a device that has been connected before: Baileys waits 20 s for a history that comes with a new
 * link alone, and keeps back everything that arrives until then.
 */
function connectedBefore(credentials: Buffer): Buffer {
  const creds: Record<string, unknown> = JSON.parse(credentials.toString());
  const accountSyncCounter = Math.max(1, Number(creds.accountSyncCounter ?? 0));
  return Buffer.from(JSON.stringify({ ...creds, accountSyncCounter }));
}

async function addKeys(ctx: Ctx, accountId: string, zip: ZipFile, output: PassThrough): Promise<void> {
  const deadlineMs = ctx.clock.monotonic() + MAX_EXPORT_MS;
  for await (const keys of readAllKeys(ctx, accountId)) {
    for (const key of keys) add(zip, fileOfKey(key), key.value);
    while (!output.destroyed && waitingIn(zip) > MAX_WAITING_BYTES) {
      if (ctx.clock.monotonic() > deadlineMs) throw new Error('the export was not read in time');
      await pause(LOOK_EVERY_MS);
    }
    if (output.destroyed) return;
  }
}

/** Bytes that the zip has made and the client has not read. */
function waitingIn({ outputStream }: ZipFile): number {
  return outputStream instanceof PassThrough ? outputStream.readableLength : 0;
}

/** For their owner only, wherever it is unpacked. */
const add = (zip: ZipFile, name: string, bytes: Buffer) => zip.addBuffer(bytes, name, { mode: 0o100600 });
