/** Channels (newsletters): which a session has or follows, and what may be posted to them. */
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { Content, ContentType } from '../../whatsapp/content.ts';
import { CHANNEL_ROLES, type ChannelRole } from '../../whatsapp/requests.ts';
import type { Ctx } from '../context.ts';
import { enterSession } from '../people/enter.ts';
import type { SenderInput } from '../pools.ts';
import { askWhatsApp } from '../sessions/ask-whatsapp.ts';
import { requireCapability } from './capability.ts';
import { linkOf, type SendingSession } from './session.ts';

export const ChannelOutput = z
  .object({
    id: z.string().describe('`to` of a post'),
    name: z.string(),
    description: z.string().nullable(),
    role: z
      .enum(CHANNEL_ROLES)
      .nullable()
      .describe('of the session in it: an `owner` or an `admin` can post. Null: WhatsApp did not tell'),
    canPost: z.boolean(),
    followers: z.int().nullable().describe('null: WhatsApp did not tell'),
    verified: z.boolean(),
    link: z.string().nullable().describe('where everybody can follow it'),
  })
  .meta({ id: 'Channel' });
export type ChannelOutput = z.infer<typeof ChannelOutput>;

const CHANNEL_LINK = 'https://whatsapp.com/channel/';
/** What channels take. */
export const POSTABLE: ReadonlySet<ContentType> = new Set(['text', 'image', 'video']);
/** Why nobody can say now whether the session may post: the engine looks again before the post leaves. */
const NOT_KNOWN: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'NOT_CONNECTED',
  'RATE_LIMITED',
  'SEND_FAILED',
]);

/**
 * The channels that a session has made or follows, by name; `truncated`: WhatsApp named more than are read. Throws SESSION_NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED,
 * RATE_LIMITED, and UNAVAILABLE when WhatsApp did not answer in time.
 */
export async function listChannels(
  ctx: Ctx,
  input: { sessionId: string },
): Promise<{ channels: ChannelOutput[]; truncated: boolean }> {
  const session = await enterSession(ctx, input.sessionId, 'read', 'channels');
  const asked = { name: 'channel.list', input: {}, changes: false } as const;
  const answer = await askWhatsApp(ctx, session, asked);
  // A process of the release before answers with the list alone.
  const { channels, truncated } = Array.isArray(answer) ? { channels: answer, truncated: false } : answer;
  return {
    channels: channels.map(({ invite, ...channel }) => ({
      ...channel,
      canPost: channel.role === 'owner' || channel.role === 'admin',
      link: invite === null ? null : `${CHANNEL_LINK}${invite}`,
    })),
    truncated,
  };
}

/**
 * Throws NOT_SUPPORTED (the engine), VALIDATION_FAILED for what channels do not take, NOT_FOUND for a channel that WhatsApp does
 * not know, and CONFLICT for a session that is neither its owner nor an admin. While WhatsApp cannot be asked, the post waits in
 * the queue, and fails as `CHANNEL_GONE` if it may not be made.
 */
export async function requirePostable(
  ctx: Ctx,
  session: SendingSession,
  channel: string,
  { content, quotedMessageId }: { content: { type: ContentType }; quotedMessageId?: string | undefined },
): Promise<void> {
  requireCapability(ctx, 'channels');
  if (!POSTABLE.has(content.type)) throw notPostable();
  if (quotedMessageId !== undefined)
    throw invalid('quotedMessageId', 'must be missing: a post to a channel answers nothing');
  const found = await ask(ctx, session, channel);
  if (found === null) {
    throw new AppError('NOT_FOUND', 'WhatsApp knows no such channel.', { details: { to: channel } });
  }
  if (found?.role !== 'subscriber' && found?.role !== 'guest') return;
  throw new AppError('CONFLICT', 'Only the owner and the admins of a channel can post to it.', {
    details: { to: channel, role: found.role },
  });
}

/** The refusal of what a channel does not take. */
export function notPostable(): AppError {
  return invalid('to', 'must not be a channel: those take texts, images and videos');
}

/** Throws VALIDATION_FAILED for a choice of sessions: which of them may post is not for chance. */
export function requireOneSession({ sessions, pool }: SenderInput): void {
  if (pool === undefined && (sessions === undefined || sessions.length === 1)) return;
  const field = pool === undefined ? 'sessions' : 'pool';
  throw invalid(field, 'must be one session: only the owner and the admins of a channel can post to it');
}

/** Undefined while it cannot be known. */
async function ask(ctx: Ctx, session: SendingSession, channel: string) {
  const now = ctx.clock.now();
  const key = `${linkOf(session)} ${channel}`;
  const known = ctx.postableChannels.get(key);
  if (known && known.until > now) return known;
  try {
    const input = { name: 'channel.info', input: { channel }, changes: false } as const;
    const found = await askWhatsApp(ctx, session, input);
    const { role = null } = found ?? {};
    if (role === 'owner' || role === 'admin')
      ctx.postableChannels.set(key, { role, until: now + REMEMBER_MS });
    return found;
  } catch (error) {
    if (error instanceof AppError && NOT_KNOWN.has(error.code)) return undefined;
    throw error;
  }
}

/** Where sessions were owner or admin lately: the engine looks again before each post leaves. */
export type PostableChannels = LRUCache<string, { role: ChannelRole; until: number }>;

/** How long WhatsApp is not asked again whether a session may post. */
const REMEMBER_MS = 5 * MINUTE_MS;
const MAX_REMEMBERED = 2_000;

export function createPostableChannels(): PostableChannels {
  return new LRUCache({ max: MAX_REMEMBERED });
}

/** Throws VALIDATION_FAILED for what phones do not show of a post. */
export function requirePlainPost(content: Content): void {
  if ('viewOnce' in content && content.viewOnce) throw invalid('viewOnce', 'is not for channels');
  if ('mentions' in content && content.mentions?.length) throw invalid('mentions', 'is not for channels');
}

function invalid(field: string, reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, {
    details: { [field]: reason },
  });
}
