/** Several images and videos that phones show as one album. */
import { z } from 'zod';
import { transact } from '../../db/ops.ts';
import { reserveQueueRoom } from '../../queue/counts.ts';
import { enqueueMany } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { refuseWhenUsed } from '../../queue/usage.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newMessageId } from '../../utils/ids.ts';
import type { AlbumContent, Content } from '../../whatsapp/content.ts';
import { requireScope } from '../access.ts';
import { type Ctx, withParts } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import type { MediaSource } from '../media/sources.ts';
import { requireContentType } from './capability.ts';
import { notPostable } from './channel.ts';
import { KINDS } from './kinds/index.ts';
import type { Draft, DraftContext } from './kinds/kind.ts';
import { channelOf, toPeer } from './recipient.ts';
import { SentMessage, sendFields } from './schemas.ts';
import { foresee, readTimes, type SendInput } from './send.ts';
import { chooseSender, requireQueueing, type SendingSession } from './session.ts';
import { addressOf, toIso } from './view.ts';

/** Phones show fewer than four one by one, but take any number from two on. */
const MIN_ITEMS = 2;
export const MAX_ITEMS = 10;
/** Each may be a download. */
const FILES_AT_ONCE = 3;
/** For all files of an album together: as long as one has elsewhere. */
const FILES_WITHIN_MS = MINUTE_MS;
const HOW_MANY = `must have ${MIN_ITEMS} to ${MAX_ITEMS} items`;

const { image, video } = KINDS;
const { quotedMessageId: _notOfAlbums, ...target } = sendFields;

/** A request is JSON of 256 KB at most: a photo of a phone does not fit into it. */
const FILE = 'an https URL, or the id of an upload (`POST /media`)';

const ItemInput = z
  .object({
    image: image.fields.image.describe(FILE).optional(),
    video: video.fields.video.describe(FILE).optional(),
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
    .describe(
      'images and videos in their order; a `data:` URL is taken too, as long as the whole request stays below 256 KB',
    ),
};

/** The head, which phones show nothing of, and the items in their order. */
export const SentAlbum = z.object({ album: SentMessage, items: z.array(SentMessage) });
export type SentAlbum = z.output<typeof SentAlbum>;

export interface QueuedAlbum {
  /** ids of the history rows, of the head first: for waiting on the outcomes, not for clients */
  ids: string[];
  answer: SentAlbum;
}

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
 * waits for its turn; the head is not counted. Throws as `sendMessage` does, and URL_REFUSED when the files take more than a minute.
 */
export async function sendAlbum(ctx: Ctx, input: AlbumInput): Promise<QueuedAlbum> {
  requireScope(ctx, 'messages:write');
  const drafts = input.items.map(draftOf);
  if (channelOf(input.to) !== null) throw notPostable();
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
  const forecasts = await foreseeEach(ctx, session, { ...to, priority, ...times }, parts.head.content);
  const { id: accountId, userId, sessionId } = session;
  const answerAt = (at: number): SentAlbum => {
    const common = {
      ...{ session: sessionId, sessionId, to: addressOf(to), status: 'queued' as const },
      scheduledAt: toIso(times.scheduledAt),
      ...(timeZone === null ? {} : { timezone: timeZone }),
      timestamp: new Date(at).toISOString(),
    };
    const answer = ({ messageId, content: { type } }: Part, place: number): SentMessage => ({
      ...{ messageId, type, ...common },
      ...(forecasts[place] ?? forecasts[0]),
    });
    return { album: answer(parts.head, 0), items: parts.items.map((item, i) => answer(item, i + 1)) };
  };
  return transact(ctx.db, async (tx) => {
    const about = { userId, accountId, sessionId, ...to, priority, ...times };
    const all = [parts.head, ...parts.items].map((part) => ({ ...about, ...part, type: part.content.type }));
    const now = ctx.clock.now();
    const answer = answerAt(now);
    // First: what was asked for before takes no room a second time.
    await claimIdempotency(ctx, tx, { status: 202, body: { success: true, ...albumBody(answer) } });
    const queued = await enqueueMany(tx, ctx, all, { now });
    return { ids: queued.map(({ id }) => id), answer };
  });
}

function draftOf({ type, source, caption }: AlbumItem): Draft {
  return type === 'image' ? image.draft({ image: source, caption }) : video.draft({ video: source, caption });
}

interface Part<C extends AlbumContent | Content = AlbumContent | Content> {
  messageId: string;
  content: C;
  counts?: false;
}

/** When the head and each item are likely to be sent: an item not before the head. */
async function foreseeEach(
  ctx: Ctx,
  session: SendingSession,
  message: Parameters<typeof foresee>[2],
  head: AlbumContent,
): Promise<[Forecast, ...Forecast[]]> {
  const first = await foresee(ctx, session, { ...message, type: head.type, content: head });
  const items: Forecast[] = [];
  for (let behind = 0; behind < head.images + head.videos; behind++) {
    const own = await foresee(ctx, session, { ...message, behind }, behind + 1);
    items.push(isLater(own, first) ? own : first);
  }
  return [first, ...items];
}

type Forecast = Awaited<ReturnType<typeof foresee>>;

/** What is not known is later than all that is. */
const isLater = (a: Forecast, b: Forecast) =>
  a.estimatedSendAt === null || (b.estimatedSendAt !== null && a.estimatedSendAt >= b.estimatedSendAt);

async function makeParts(
  ctx: Ctx,
  drafts: readonly Draft[],
  about: DraftContext,
): Promise<{ head: Part<AlbumContent>; items: Part[] }> {
  const album = newMessageId();
  const items = (await makeContents(ctx, drafts, about)).map((made): Part => {
    if (made.type !== 'image' && made.type !== 'video')
      throw new Error(`an album cannot hold a ${made.type}`);
    return { messageId: newMessageId(), content: { ...made, album } };
  });
  const images = drafts.filter(({ type }) => type === 'image').length;
  const content: AlbumContent = { type: 'album', images, videos: drafts.length - images };
  return { head: { messageId: album, content, counts: false }, items };
}

/** In the order of the drafts. With the first failure, and when the caller has gone, the others end too. */
async function makeContents(
  ctx: Ctx,
  drafts: readonly Draft[],
  about: DraftContext,
): Promise<readonly Content[]> {
  const ending = new AbortController();
  const cancel = ctx.clock.setTimer(() => ending.abort(tooSlow()), FILES_WITHIN_MS);
  const signal = AbortSignal.any([ending.signal, ...(ctx.signal ? [ctx.signal] : [])]);
  const made: Content[] = [];
  const waiting = drafts.entries();
  const makeSome = async () => {
    for (const [place, draft] of waiting) {
      if (signal.aborted) throw new AppError('UNAVAILABLE', 'The caller has gone.');
      try {
        made[place] = await draft.make(withParts(ctx, { signal }), about);
      } catch (error) {
        throw ofItem(error, place, draft.type);
      }
    }
  };
  try {
    const fail = (error: unknown) => ending.abort(error);
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, () => makeSome().catch(fail)));
    if (ending.signal.aborted) throw ending.signal.reason;
    return made;
  } finally {
    cancel();
  }
}

/** Says which item it is about: a value that is not valid under the name of its field, as for every body; else in `field`. */
function ofItem(error: unknown, place: number, type: string): unknown {
  if (!(error instanceof AppError)) return error;
  const { code, message, details, hint, retryAfterSeconds } = error;
  const item = `items.${place}`;
  // What is refused while an item is made is its file, which has another name wherever it comes from.
  const [reason = message] = Object.values(details ?? {});
  return new AppError(code, message, {
    details: code === 'VALIDATION_FAILED' ? { [`${item}.${type}`]: reason } : { ...details, field: item },
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    cause: error,
  });
}

function tooSlow(): AppError {
  const seconds = FILES_WITHIN_MS / 1000;
  return new AppError('URL_REFUSED', `The files of the album were not there within ${seconds} seconds.`, {
    details: { reason: 'timeout' },
  });
}
