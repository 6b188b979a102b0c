/** Presence and calls of a session. All throw SESSION_NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, UNAVAILABLE. */
import type { TypingState } from '../../whatsapp/requests.ts';
import type { Ctx } from '../context.ts';
import { askWhatsApp } from '../sessions/ask-whatsapp.ts';
import { type ChatRef, type ContactRef, enterSession, peerOf, personOf } from './enter.ts';

/** Shows "typing…" or "recording…" in a chat, or ends that. Phones drop it after some seconds. Throws INVALID_NUMBER. */
export async function showTyping(ctx: Ctx, ref: ChatRef & { state: TypingState }): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'presence');
  const input = { jid: peerOf(ctx, ref.chat).peer, state: ref.state };
  // Asked for as often as messages are written: it counts as a question, not as a change.
  await askWhatsApp(ctx, session, { name: 'presence.typing', input, changes: false });
}

/** Shows the number as online, or not, for as long as the connection lives. */
export async function setOnline(ctx: Ctx, ref: { sessionId: string; online: boolean }): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'presence');
  const input = { online: ref.online };
  await askWhatsApp(ctx, session, { name: 'presence.set', input, changes: false });
}

/** Asks WhatsApp to tell when that person is online or writes, for as long as the connection lives. Throws INVALID_NUMBER. */
export async function subscribePresence(ctx: Ctx, ref: ContactRef): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'presence');
  const input = { jid: personOf(ctx, ref.contact).peer };
  await askWhatsApp(ctx, session, { name: 'presence.subscribe', input, changes: false });
}

/** Rejects a call that rings. Throws NOT_FOUND when there is none of that id. */
export async function rejectCall(ctx: Ctx, ref: { sessionId: string; callId: string }): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'calls');
  await askWhatsApp(ctx, session, { name: 'call.reject', input: { callId: ref.callId }, changes: true });
}
