/** The end of a download: the file in our storage and the message knows it, or the message knows why there is none. */

import type { Readable } from 'node:stream';
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { inboundMedia, media, messages } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { mediaLimit } from '../../utils/sizes.ts';
import type { InboundMedia } from '../../whatsapp/inbound-content.ts';
import type { Deps } from '../context.ts';
import { detectType } from '../media/detect.ts';
import { expiryOf } from '../media/keep.ts';
import { discardFile, type StagedFile, stageFile, storageKeyOf } from '../media/staging.ts';
import type { MediaWork } from './media-work.ts';

type KeepDeps = Pick<Deps, 'config' | 'clock' | 'db' | 'stream' | 'storage' | 'mediaTools'>;

/** The fallback type when the bytes say nothing. */
const UNTOLD = new Set(['application/octet-stream', 'text/plain']);
const MAX_TYPE = 120;

/**
 * Keeps a downloaded file and tells of it, once. Throws FILE_TOO_LARGE, VALIDATION_FAILED for an empty one, UNAVAILABLE, and
 * what the stream throws; then nothing is left of it.
 */
export async function keepInboundMedia(deps: KeepDeps, work: MediaWork, stream: Readable): Promise<void> {
  const staged = await stageFile(deps, stream, mediaLimit(deps.config.files));
  try {
    const detected = await detectType(deps, staged, null, { userId: work.userId });
    // Its key is that of the work, so that a crash from here on leaves nothing behind that the next attempt would not
    // replace.
    await deps.storage.put(storageKeyOf(fileIdOf(work)), staged);
    const end = await finish(deps, work, (tx, message) => keepRow(deps, tx, work, staged, detected, message));
    if (end === 'forgotten') await deps.storage.remove(storageKeyOf(fileIdOf(work)));
  } finally {
    await discardFile(staged);
  }
}

/** There will be no file: the message says so, and the key is forgotten. */
export async function giveUpMedia(deps: KeepDeps, work: MediaWork, error: string): Promise<void> {
  const end = await finish(deps, work, async () => ({ state: 'failed', error }));
  if (end !== 'lost') await deps.storage.remove(storageKeyOf(fileIdOf(work)));
}

/** media.id of the file. */
const fileIdOf = ({ id, mediaId }: MediaWork): string => mediaId ?? id;

type MessageRow = typeof messages.$inferSelect;
type Outcome = Partial<InboundMedia> & Pick<InboundMedia, 'state'>;

/** `lost`: somebody else has claimed it since; `forgotten`: its message is not kept any more. */
type End = 'ended' | 'lost' | 'forgotten';

/** Ends the work in one transaction. */
function finish(
  deps: KeepDeps,
  work: MediaWork,
  write: (tx: Tx, message: MessageRow) => Promise<Outcome>,
): Promise<End> {
  return transact<End>(deps.db, async (tx) => {
    const ended = await tx
      .delete(inboundMedia)
      .where(and(eq(inboundMedia.id, work.id), eq(inboundMedia.attempts, work.attempts)));
    if (affected(ended) === 0) return 'lost';
    // Written first, which takes the lock: an edit of its caption at the same moment is not lost.
    const isOurs = eq(messages.id, work.id);
    await tx.update(messages).set({ updatedAt: deps.clock.now() }).where(isOurs);
    const [message] = await tx.select().from(messages).where(isOurs);
    if (!message) return 'forgotten';
    const outcome = await write(tx, message);
    const content = { ...asObject(message.content), media: { ...mediaOf(message.content), ...outcome } };
    await tx.update(messages).set({ content }).where(isOurs);
    await record(tx, deps, [
      {
        userId: message.userId,
        session: { id: message.accountId, sessionId: message.sessionId },
        event: 'message.media',
        subject: message.messageId,
        status: outcome.state === 'failed' ? 'failure' : 'success',
        data: {
          id: work.id,
          type: message.type,
          chat: message.peer,
          state: outcome.state,
          ...(message.direction === 'out' ? { direction: 'out' } : {}),
        },
      },
    ]);
    return 'ended';
  });
}

async function keepRow(
  deps: KeepDeps,
  tx: Tx,
  work: MediaWork,
  staged: StagedFile,
  detected: string,
  message: MessageRow,
): Promise<Outcome> {
  const id = fileIdOf(work);
  const { sha256, size } = staged;
  const now = deps.clock.now();
  const content = asObject(message.content);
  await tx.insert(media).values({
    id,
    userId: message.userId,
    accountId: message.accountId,
    sessionId: message.sessionId,
    kind: 'inbound',
    sha256,
    mimetype: detected.slice(0, MAX_TYPE),
    size,
    filename: typeof content.filename === 'string' ? content.filename : null,
    storageKey: storageKeyOf(id),
    createdAt: now,
    expiresAt: expiryOf(deps, now),
  });
  // The type that the bytes show is served; where they show none, the message goes on telling what its sender said.
  const mimetype = UNTOLD.has(detected) ? {} : { mimetype: detected };
  return { state: 'stored', id, sha256, size, ...mimetype };
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

const mediaOf = (content: unknown) => asObject(asObject(content).media);
