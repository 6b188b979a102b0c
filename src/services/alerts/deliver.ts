/** Hands one notice to a channel: by mail, to a Telegram chat, or to a webhook. */
import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { type alertChannels, users, workspaceMembers } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { HttpFailure } from '../../utils/guarded-fetch.ts';
import { MailFailure } from '../../utils/smtp.ts';
import type { Deps } from '../context.ts';
import { signatureHeaders } from '../webhooks/signature.ts';

export type ChannelRow = typeof alertChannels.$inferSelect;

/** What a person or a program is told. It holds no code, and nothing of a message. */
export interface Notice {
  /** the same for each attempt: receivers can tell a repetition */
  id: string;
  subject: string;
  text: string;
  /** of a webhook */
  event: { type: string; data: Record<string, unknown> };
}

/**
 * `error`: a sentence without addresses or secrets. `final`: it will never be taken. `away`: what all channels of this type go
 * to takes nothing of anybody now.
 */
export type Outcome =
  | { delivered: true }
  | { delivered: false; error: string; final: boolean; away?: boolean };

export type DeliverDeps = Pick<
  Deps,
  'config' | 'db' | 'clock' | 'secrets' | 'outgoing' | 'mailer' | 'telegram'
>;

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16_384;
/** Telegram's own limit for one message. */
const MAX_TELEGRAM = 4_096;

/** The context that the secret of a channel is sealed with. */
export const sealedChannelContext = (channelId: string) => `alert-channel:${channelId}`;

const ANSWER_TOO_LONG = 'The answer of the receiver was too long.';

const failed = (error: string, final = false): Outcome => ({ delivered: false, error, final });

const isAway = (error: string): Outcome => ({ delivered: false, error, final: false, away: true });

/** Milliseconds for which nothing is sent to channels of this type, since what they share took nothing; 0: it may be. */
export function restMs({ mailer, telegram }: DeliverDeps, type: ChannelRow['type']): number {
  if (type === 'email') return mailer?.waitMs() ?? 0;
  return type === 'telegram' ? telegram.waitMs() : 0;
}

/** Throws only for what failed on this side, never for what a receiver, a network or a setting did. */
export async function deliver(deps: DeliverDeps, channel: ChannelRow, notice: Notice): Promise<Outcome> {
  if (channel.type === 'email') return mail(deps, channel, notice);
  let secret: string;
  try {
    secret = deps.secrets.openText(channel.secret ?? '', sealedChannelContext(channel.id));
  } catch {
    return failed('The secret of the channel cannot be read: give it again.');
  }
  try {
    return channel.type === 'telegram'
      ? await telegram(deps, channel, secret, notice)
      : await post(deps, channel, secret, notice);
  } catch (error) {
    if (error instanceof HttpFailure) return failed(error.message);
    // An answer that is too long was an answer all the same.
    if (error instanceof AppError && error.code === 'FILE_TOO_LARGE') return failed(ANSWER_TOO_LONG);
    if (error instanceof AppError) return failed(error.message);
    throw error;
  }
}

async function mail(
  { db, mailer }: DeliverDeps,
  channel: ChannelRow,
  { id, subject, text }: Notice,
): Promise<Outcome> {
  if (mailer === null) return failed('The service sends no e-mail.');
  // Whoever left the workspace is told nothing more of it.
  if (!(await isMembersAddress(db, channel.userId, channel.target))) {
    return failed('The address belongs to no member of the workspace any more.', true);
  }
  try {
    await mailer.send({ id, to: channel.target, subject, text });
    return { delivered: true };
  } catch (error) {
    if (!(error instanceof MailFailure)) throw error;
    if (error.kind === 'away')
      return isAway('The mail server takes no mail now; it is asked again by itself.');
    return failed('The mail server did not take the message.', error.kind === 'final');
  }
}

/** Whether an active member of the workspace has this address. */
export async function isMembersAddress(db: Db, workspaceId: number, email: string): Promise<boolean> {
  const [row] = await db
    .select({ id: users.id })
    .from(workspaceMembers)
    .innerJoin(users, eq(users.id, workspaceMembers.userId))
    .where(
      and(
        eq(workspaceMembers.workspaceId, workspaceId),
        eq(users.email, email.toLowerCase()),
        eq(users.status, 'active'),
      ),
    );
  return row !== undefined;
}

const TELEGRAM_AWAY = 'Telegram does not answer now; it is asked again by itself.';

/** One Telegram serves all channels: where it does not answer one, no other asks for a while. */
async function telegram(
  deps: DeliverDeps,
  channel: ChannelRow,
  token: string,
  notice: Notice,
): Promise<Outcome> {
  const { telegram: peer } = deps;
  if (peer.waitMs() > 0) return isAway(TELEGRAM_AWAY);
  peer.asked();
  let outcome: Outcome = isAway(TELEGRAM_AWAY);
  try {
    outcome = await askTelegram(deps, channel, token, notice);
  } catch (error) {
    if (!(error instanceof HttpFailure)) {
      peer.answered();
      throw error;
    }
  }
  if (!outcome.delivered && outcome.away === true) peer.failed();
  else peer.answered();
  return outcome;
}

/** The token is a part of the address, so that nothing of this request is logged. */
async function askTelegram(
  { config, outgoing }: DeliverDeps,
  { target }: ChannelRow,
  token: string,
  { text }: Notice,
): Promise<Outcome> {
  const answer = await outgoing.guarded.exchange(`${config.telegramUrl}/bot${token}/sendMessage`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      chat_id: target,
      text: text.slice(0, MAX_TELEGRAM),
      link_preview_options: { is_disabled: true },
    }),
    maxBytes: MAX_ANSWER_BYTES,
    timeoutMs: TIMEOUT_MS,
  });
  if (answer.ok) return { delivered: true };
  if (answer.status === 401 || answer.status === 404) return failed('Telegram refuses the token of the bot.');
  if (answer.status === 400 || answer.status === 403) {
    return failed('The bot may not write to this chat, or there is no such chat.');
  }
  if (answer.status === 429) return failed('Telegram asks to wait.');
  if (answer.status >= 500) return isAway(TELEGRAM_AWAY);
  return failed(`Telegram answered with status ${answer.status}.`);
}

async function post(
  { clock, outgoing }: DeliverDeps,
  { target }: ChannelRow,
  secret: string,
  { id, event }: Notice,
): Promise<Outcome> {
  const at = clock.now();
  const body = JSON.stringify({ id, ...event, timestamp: new Date(at).toISOString() });
  const headers = signatureHeaders([secret], { id, at, body });
  const { status } = await outgoing.hooks.post(target, { headers, body, timeoutMs: TIMEOUT_MS });
  if (status >= 200 && status < 300) return { delivered: true };
  return failed(`The receiver answered with status ${status}.`);
}
