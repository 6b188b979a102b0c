/** Several images and videos that phones show as one album. */
import { z } from 'zod';
import { transact } from '../../db/ops.ts';
import { reserveQueueRoom } from '../../queue/counts.ts';
import { enqueueMany } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { refuseWhenUsed } from '../../queue/usage.ts';
import { newMessageId } from '../../utils/ids.ts';
import type { AlbumContent, Content } from '../../whatsapp/content.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import type { MediaSource } from '../media/sources.ts';
import { requireContentType } from './capability.ts';
import { KINDS } from './kinds/index.ts';
import type { Draft, DraftContext } from './kinds/kind.ts';
import { toPeer } from './recipient.ts';
import { SentMessage, sendFields } from './schemas.ts';
import { foresee, readTimes, type SendInput } from './send.ts';
import { chooseSender, requireQueueing } from './session.ts';
import { addressOf, toIso } from './view.ts';

/** Phones show fewer than four one by one, but take any number from two on. */
const MIN_ITEMS = 2;
/** A request has a minute for each download. */
export const MAX_ITEMS = 10;
const HOW_MANY = `must have ${MIN_ITEMS} to ${MAX_ITEMS} items`;

const { image, video } = KINDS;
const { quotedMessageId: _notOfAlbums, ...target } = sendFields;

const ItemInput = z
  .object({
    image: image.fields.image.optional(),
    video: video.fields.video.optional(),
    caption: image.fields.caption,
  })
  .refine(
    (item) => (item.image === undefined) !== (item.video === undefined),
    'must be one image or one video',
  );

/** What a request says of an album. */
export const albumFields = {
  ...target,
  items: z
    .array(ItemInput)
    .min(MIN_ITEMS, HOW_MANY)
    .max(MAX_ITEMS, HOW_MANY)
    .describe('images and videos in their order: each an https URL or the id of an upload'),
};

/** The head, which phones show nothing of, and the items in their order. */
export const SentAlbum = z.object({ album: SentMessage, items: z.array(SentMessage) });
export type SentAlbum = z.output<typeof SentAlbum>;

export interface AlbumItem {
  type: 'image' | 'video';
  source: MediaSource;
  caption?: string | undefined;
}

interface AlbumInput extends Omit<SendInput, 'content' | 'quotedMessageId' | 'addressee' | 'connectedOnly'> {
  items: readonly AlbumItem[];
}

const ALBUM_QUEUED = 'Album queued';

/** The body of the 202, as it is kept for an Idempotency-Key too. */
export function albumBody(data: SentAlbum): { message: string; data: SentAlbum } {
  return { message: ALBUM_QUEUED, data };
}

/**
 * Queues the head of an album and its items, all of them or none; resolves when they are durable. Each is a message of its own and
 * waits for its turn; the head is not counted. Throws as `sendMessage` does.
 */
export async function sendAlbum(ctx: Ctx, input: AlbumInput): Promise<SentAlbum> {
  requireScope(ctx, 'messages:write');
  const drafts = input.items.map(draftOf);
  const asked = toPeer(input.to, input.isGroup, ctx.config.defaultCountry);
  const priority = PRIORITIES[input.priority ?? 'normal'];
  const session = await chooseSender(ctx, input, asked, priority);
  requireQueueing(session);
  const { times, timeZone } = await readTimes(ctx, session, input);
  for (const { type } of drafts) requireContentType(ctx, type);
  await reserveQueueRoom(ctx, ctx.actor.userId, drafts.length + 1);
  await refuseWhenUsed(ctx.db, ctx, ctx.actor.userId);
  const to = asked.phone === null ? asked : { ...asked, lid: await ctx.lids.find(session.id, asked.phone) };
  const neededUntil = Math.max(ctx.clock.now(), times.scheduledAt ?? 0);
  const parts = await makeParts(ctx, drafts, { session, neededUntil });
  const expected = await foresee(ctx, session, { ...to, priority, ...times });
  const { id: accountId, userId, sessionId } = session;
  const answerAt = (at: number): SentAlbum => {
    const common = {
      ...{ session: sessionId, sessionId, to: addressOf(to), status: 'queued' as const },
      ...expected,
      scheduledAt: toIso(times.scheduledAt),
      ...(timeZone === null ? {} : { timezone: timeZone }),
      timestamp: new Date(at).toISOString(),
    };
    const answer = ({ messageId, content: { type } }: Part): SentMessage => ({ messageId, type, ...common });
    return { album: answer(parts.head), items: parts.items.map(answer) };
  };
  return transact(ctx.db, async (tx) => {
    const about = { userId, accountId, sessionId, ...to, priority, ...times };
    const all = [parts.head, ...parts.items].map((part) => ({ ...about, ...part, type: part.content.type }));
    const [first] = await enqueueMany(tx, ctx, all);
    const answer = answerAt(first?.queuedAt ?? ctx.clock.now());
    await claimIdempotency(ctx, tx, { status: 202, body: { success: true, ...albumBody(answer) } });
    return answer;
  });
}

function draftOf({ type, source, caption }: AlbumItem): Draft {
  return type === 'image' ? image.draft({ image: source, caption }) : video.draft({ video: source, caption });
}

interface Part {
  messageId: string;
  content: AlbumContent | Content;
  counts?: false;
}

/** One file after the other: each may be a download. */
async function makeParts(
  ctx: Ctx,
  drafts: readonly Draft[],
  about: DraftContext,
): Promise<{ head: Part; items: Part[] }> {
  const album = newMessageId();
  const items: Part[] = [];
  for (const draft of drafts) {
    const made = await draft.make(ctx, about);
    if (made.type !== 'image' && made.type !== 'video')
      throw new Error(`an album cannot hold a ${made.type}`);
    items.push({ messageId: newMessageId(), content: { ...made, album } });
  }
  const images = drafts.filter(({ type }) => type === 'image').length;
  const content: AlbumContent = { type: 'album', images, videos: drafts.length - images };
  return { head: { messageId: album, content, counts: false }, items };
}
