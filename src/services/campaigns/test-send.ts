/** One message of a campaign to one number, before it is made: an ordinary message, which counts as one. */
import type { Ctx } from '../context.ts';
import type { SentMessage } from '../messages/schemas.ts';
import { sendMessage } from '../messages/send.ts';
import type { SessionRef } from '../sessions/find.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { sampleContacts } from '../templates/templates.ts';
import { createRenderer } from './render-content.ts';
import { contentOf } from './row.ts';
import type { SendCampaignInput } from './schemas.ts';
import { contentFor, invalid } from './start.ts';

/**
 * Fills the content in for the first recipient and queues it to `to`. Throws as `sendMessage`, and VALIDATION_FAILED when
 * there is nothing to send to that recipient.
 */
export async function sendCampaignTest(
  ctx: Ctx,
  ref: SessionRef,
  input: SendCampaignInput,
  to: string,
): Promise<SentMessage> {
  const { userId, session } = await enterBroadcast(ctx, ref, 'broadcast');
  const now = ctx.clock.now();
  const content = contentOf(await contentFor(ctx, session, input, now));
  const [contact] = await sampleContacts(ctx, userId, { ...input, limit: 1 });
  const rendered =
    contact === undefined
      ? 'empty_message'
      : createRenderer(content, `test:${now}`)({ ...contact, position: 1 });
  if (rendered === 'empty_message') throw invalid('message', 'is empty for the first recipient');
  if (rendered === 'message_too_long') throw invalid('message', 'is too long for the first recipient');
  const { answer } = await sendMessage(ctx, { session: session.sessionId, to, content: rendered.content });
  return answer;
}
