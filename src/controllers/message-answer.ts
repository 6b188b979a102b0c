/** The answer of every send: at once, or with `Prefer: wait=N` when the outcome is known. */
import type { Context } from 'hono';
import type { Ctx } from '../services/context.ts';
import { getMessage, type QueuedMessage, queuedBody } from '../services/messages.ts';
import { throwUnlessSent, waitForOutcome } from '../services/outcomes.ts';
import { readWaitSeconds } from './prefer.ts';

/**
 * 202 for what is queued; with `Prefer: wait` 200 once WhatsApp's server has it, its error when it was not sent,
 * or 202 with the state it has reached when the time runs out: the message goes on. Throws what waiting found.
 */
export async function answerSend(
  ctx: Ctx,
  http: Context,
  queued: QueuedMessage,
): Promise<Record<string, unknown>> {
  const seconds = readWaitSeconds(http);
  if (seconds === 0) return queuedBody(queued.answer);
  http.header('Preference-Applied', `wait=${seconds}`);
  const signal = http.req.raw.signal;
  const outcome = await waitForOutcome(ctx, queued.id, { timeoutMs: seconds * 1_000, signal });
  if (outcome === null) {
    // A key with the scope to send may not read messages: it learns of this one message only.
    const reader: Ctx = { ...ctx, actor: { ...ctx.actor, scopes: null } };
    const message = await getMessage(reader, { messageId: queued.answer.messageId });
    const { status, waitingFor, estimatedSendAt } = message;
    return queuedBody({ ...queued.answer, status, waitingFor, estimatedSendAt });
  }
  throwUnlessSent(outcome);
  http.status(200);
  // It waits for nothing any more.
  const sent = { status: outcome.status, waitingFor: [], estimatedSendAt: null };
  return { message: 'Message sent', data: { ...queued.answer, ...sent } };
}
