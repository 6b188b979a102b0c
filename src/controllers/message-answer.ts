/** The answer of every send: at once, or with `Prefer: wait=N` when the outcome is known. */
import type { Context } from 'hono';
import { whenAborted, whenGone } from '../middlewares/gone.ts';
import { type Ctx, withParts } from '../services/context.ts';
import type { Answer } from '../services/idempotency.ts';
import { albumBody, type QueuedAlbum, SentAlbum } from '../services/messages/album.ts';
import { findOrNull, waitingOf } from '../services/messages/read.ts';
import { SentMessage } from '../services/messages/schemas.ts';
import { type QueuedMessage, queuedBody } from '../services/messages.ts';
import { isSent, outcomeOf, throwUnlessSent, waitForOutcome } from '../services/outcomes.ts';
import type { Maybe } from '../utils/maybe.ts';
import { readWaitSeconds } from './prefer.ts';

/** A message that is waited for. `outcome`: what is known of its end. */
type AwaitedMessage = QueuedMessage & { outcome?: ReturnType<typeof outcomeOf> };

/**
 * 202 for what is queued; with `Prefer: wait` 200 once WhatsApp's server has it, its error when it was not sent,
 * or 202 with the state it has reached when the time runs out: the message goes on. Throws what waiting found.
 */
export function answerSend(ctx: Ctx, http: Context, queued: QueuedMessage): Maybe<Record<string, unknown>> {
  const seconds = readWaitSeconds(http);
  return seconds === 0 ? queuedBody(queued.answer) : tell(http, waitForMessage(ctx, http, queued, seconds));
}

/**
 * The same of an album, which waits for the outcomes of its head and of all its items: 200 once WhatsApp's server has all items,
 * the error of the first that was not sent, with the states of all in its details, or 202 when the time runs out. Phones show
 * the items of a head that was not sent one by one: that is no error.
 */
export function answerAlbum(
  ctx: Ctx,
  http: Context,
  { ids, answer }: QueuedAlbum,
): Maybe<Record<string, unknown>> {
  const seconds = readWaitSeconds(http);
  if (seconds === 0) return albumBody(answer);
  const parts = [answer.album, ...answer.items].map((part, n) => ({ id: ids[n] ?? '', answer: part }));
  return tell(http, waitForAlbum(ctx, http, parts, seconds));
}

/**
 * What a repeat with `Prefer: wait` is told where a 202 is kept for its Idempotency-Key: what that message, or that album, has
 * come to, as the first request would be told that still waits. Null without the preference, and where the message is gone: the kept
 * answer holds then. Throws what waiting found.
 */
export async function answerAgain(ctx: Ctx, http: Context, kept: Answer): Promise<Answer | null> {
  const seconds = readWaitSeconds(http);
  if (seconds === 0 || kept.status !== 202) return null;
  const album = SentAlbum.safeParse(kept.body.data);
  if (album.success) {
    const parts = await Promise.all(
      [album.data.album, ...album.data.items].map((part) => findSent(ctx, part)),
    );
    const found = parts.filter((part) => part !== null);
    return found.length < parts.length ? null : waitForAlbum(ctx, http, found, seconds);
  }
  const { data: answer } = SentMessage.safeParse(kept.body.data);
  const sent = answer === undefined ? null : await findSent(ctx, answer);
  return sent === null ? null : waitForMessage(ctx, http, sent, seconds);
}

async function tell(http: Context, waiting: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, body } = await waiting;
  if (status === 200) http.status(200);
  return body;
}

async function waitForMessage(
  ctx: Ctx,
  http: Context,
  sent: AwaitedMessage,
  seconds: number,
): Promise<Answer> {
  const { id, answer } = sent;
  http.header('Preference-Applied', `wait=${seconds}`);
  const outcome =
    sent.outcome ??
    (await waitForOutcome(ctx, id, {
      timeoutMs: seconds * 1_000,
      whenGone: (listener) => whenGone(http, listener),
    }));
  if (outcome === null) return { status: 202, body: queuedBody(await asReached(ctx, answer)) };
  throwUnlessSent(outcome, answer);
  return { status: 200, body: { message: 'Message sent', data: asEnded(answer, outcome) } };
}

/** `parts`: the head first. */
async function waitForAlbum(
  ctx: Ctx,
  http: Context,
  parts: readonly AwaitedMessage[],
  seconds: number,
): Promise<Answer> {
  http.header('Preference-Applied', `wait=${seconds}`);
  const { signal } = http.req.raw;
  const options = {
    timeoutMs: seconds * 1_000,
    whenGone: (listener: () => void) => whenAborted(signal, listener),
  };
  const all = await Promise.all(
    parts.map(async ({ id, answer, outcome: known }) => {
      const outcome = known ?? (await waitForOutcome(ctx, id, options));
      return { outcome, part: outcome === null ? await asReached(ctx, answer) : asEnded(answer, outcome) };
    }),
  );
  const [album, ...items] = all.map(({ part }) => part);
  if (album === undefined) throw new Error('an album has a head');
  if (all.some(({ outcome }) => outcome === null)) return { status: 202, body: albumBody({ album, items }) };
  const states = all.map(({ outcome, part: { messageId, status } }) => ({
    ...{ messageId, status },
    errorCode: outcome?.errorCode ?? null,
  }));
  const failed = all.slice(1).find(({ outcome }) => outcome !== null && !isSent(outcome));
  if (failed?.outcome)
    throwUnlessSent(failed.outcome, failed.part, { album: states[0], items: states.slice(1) });
  return { status: 200, body: { message: 'Album sent', data: { album, items } } };
}

/** The message behind a kept answer, and its end if it has one; null when it is gone. */
async function findSent(ctx: Ctx, answer: SentMessage): Promise<AwaitedMessage | null> {
  const { messageId, sessionId: session } = answer;
  const row = await findOrNull(ctx, messageId, { direction: 'out', session });
  return row === null ? null : { id: row.id, answer, outcome: outcomeOf(row) };
}

/** The state that it has come to by now; as it was where it has been erased since. */
async function asReached(ctx: Ctx, answer: SentMessage): Promise<SentMessage> {
  // A key with the scope to send may not read messages: it learns of this one message only.
  const reader = withParts(ctx, { actor: { ...ctx.actor, scopes: null } });
  const { messageId, sessionId: session } = answer;
  const row = await findOrNull(reader, messageId, { direction: 'out', session });
  return row === null ? answer : { ...answer, status: row.status, ...(await waitingOf(reader, row)) };
}

/** It waits for nothing any more. */
const asEnded = (answer: SentMessage, { status }: Pick<SentMessage, 'status'>): SentMessage => ({
  ...answer,
  ...{ status, waitingFor: [], estimatedSendAt: null },
});
