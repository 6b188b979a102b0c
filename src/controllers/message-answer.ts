/** The answer of every send: at once, or with `Prefer: wait=N` when the outcome is known. */
import type { Context } from 'hono';
import { whenAborted, whenGone } from '../middlewares/gone.ts';
import { type Ctx, withParts } from '../services/context.ts';
import { albumBody, type QueuedAlbum } from '../services/messages/album.ts';
import type { SentMessage } from '../services/messages/schemas.ts';
import { getMessage, type QueuedMessage, queuedBody } from '../services/messages.ts';
import { isSent, throwUnlessSent, waitForOutcome } from '../services/outcomes.ts';
import type { Maybe } from '../utils/maybe.ts';
import { readWaitSeconds } from './prefer.ts';

/**
 * 202 for what is queued; with `Prefer: wait` 200 once WhatsApp's server has it, its error when it was not sent,
 * or 202 with the state it has reached when the time runs out: the message goes on. Throws what waiting found.
 */
export function answerSend(ctx: Ctx, http: Context, queued: QueuedMessage): Maybe<Record<string, unknown>> {
  const seconds = readWaitSeconds(http);
  return seconds === 0 ? queuedBody(queued.answer) : answerWaiting(ctx, http, queued, seconds);
}

async function answerWaiting(
  ctx: Ctx,
  http: Context,
  queued: QueuedMessage,
  seconds: number,
): Promise<Record<string, unknown>> {
  http.header('Preference-Applied', `wait=${seconds}`);
  const outcome = await waitForOutcome(ctx, queued.id, {
    timeoutMs: seconds * 1_000,
    whenGone: (listener) => whenGone(http, listener),
  });
  if (outcome === null) return queuedBody(await asReached(ctx, queued.answer));
  throwUnlessSent(outcome);
  http.status(200);
  return { message: 'Message sent', data: asEnded(queued.answer, outcome) };
}

/**
 * The same of an album, which waits for the outcomes of its head and of all its items: 200 once WhatsApp's server has all items,
 * the error of the first that was not sent, with the states of all in its details, or 202 when the time runs out. Phones show
 * the items of a head that was not sent one by one: that is no error.
 */
export async function answerAlbum(
  ctx: Ctx,
  http: Context,
  { ids, answer }: QueuedAlbum,
): Promise<Record<string, unknown>> {
  const seconds = readWaitSeconds(http);
  if (seconds === 0) return albumBody(answer);
  http.header('Preference-Applied', `wait=${seconds}`);
  const { signal } = http.req.raw;
  const options = {
    timeoutMs: seconds * 1_000,
    whenGone: (listener: () => void) => whenAborted(signal, listener),
  };
  const all = await Promise.all(
    [answer.album, ...answer.items].map(async (part, n) => {
      const outcome = await waitForOutcome(ctx, ids[n] ?? '', options);
      return { outcome, part: outcome === null ? await asReached(ctx, part) : asEnded(part, outcome) };
    }),
  );
  const [album = answer.album, ...items] = all.map(({ part }) => part);
  if (all.some(({ outcome }) => outcome === null)) return albumBody({ album, items });
  const states = all.map(({ outcome, part: { messageId, status } }) => ({
    ...{ messageId, status },
    errorCode: outcome?.errorCode ?? null,
  }));
  const failed = all.slice(1).find(({ outcome }) => outcome !== null && !isSent(outcome));
  if (failed?.outcome) throwUnlessSent(failed.outcome, { album: states[0], items: states.slice(1) });
  http.status(200);
  return { message: 'Album sent', data: { album, items } };
}

/** The state that it has come to by now. */
async function asReached(ctx: Ctx, answer: SentMessage): Promise<SentMessage> {
  // A key with the scope to send may not read messages: it learns of this one message only.
  const reader = withParts(ctx, { actor: { ...ctx.actor, scopes: null } });
  const { status, waitingFor, estimatedSendAt } = await getMessage(reader, { messageId: answer.messageId });
  return { ...answer, status, waitingFor, estimatedSendAt };
}

/** It waits for nothing any more. */
const asEnded = (answer: SentMessage, { status }: Pick<SentMessage, 'status'>): SentMessage => ({
  ...answer,
  ...{ status, waitingFor: [], estimatedSendAt: null },
});
