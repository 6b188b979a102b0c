/** Hands one notice to a channel: by mail, to a Telegram chat, or to a webhook. */
import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { type alertChannels, users, workspaceMembers } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { HttpFailure } from '../../utils/guarded-fetch.ts';
import { type Mailer, MailFailure } from '../../utils/smtp.ts';
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

/** `error`: a sentence without addresses or secrets. `final`: it will never be taken. */
export type Outcome = { delivered: true } | { delivered: false; error: string; final: boolean };

export type DeliverDeps = Pick<Deps, 'config' | 'db' | 'clock' | 'secrets' | 'outgoing'>;

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16_384;
/** Telegram's own limit for one message. */
const MAX_TELEGRAM = 4_096;

/** The context that the secret of a channel is sealed with. */
export const sealedChannelContext = (channelId: string) => `alert-channel:${channelId}`;

const ANSWER_TOO_LONG = 'The answer of the receiver was too long.';

const failed = (error: string, final = false): Outcome => ({ delivered: false, error, final });

/** Throws only for what failed on this side, never for what a receiver, a network or a setting did; `mailer` is null where the service sends no mails. */
export async function deliver(
  deps: DeliverDeps,
  mailer: Mailer | null,
  channel: ChannelRow,
  notice: Notice,
): Promise<Outcome> {
  if (channel.type === 'email') return mail(deps, mailer, channel, notice);
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
  { db }: DeliverDeps,
  mailer: Mailer | null,
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
    return failed('The mail server did not take the message.', error.final);
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

/** The token is a part of the address, so that nothing of this request is logged. */
async function telegram(
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
