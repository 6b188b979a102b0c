/** The beginning of every verb about the people and chats of a session. */
import { AppError } from '../../utils/errors.ts';
import { isGroupJid } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { requireCapability } from '../messages/capability.ts';
import { type Peer, toPeer } from '../messages/recipient.ts';
import { findOwnSession, type SendingSession } from '../messages/session.ts';

export interface ChatRef {
  sessionId: string;
  /** a number in any usual spelling, a LID or a group */
  chat: string;
}

export interface ContactRef {
  sessionId: string;
  contact: string;
}

type Ability = Parameters<typeof requireCapability>[1];

/** Throws FORBIDDEN, NOT_SUPPORTED, SESSION_NOT_FOUND. */
export async function enterSession(
  ctx: Ctx,
  sessionId: string,
  scope: 'read' | 'messages:write',
  ability: Ability,
): Promise<SendingSession> {
  requireScope(ctx, scope);
  requireCapability(ctx, ability);
  return findOwnSession(ctx, sessionId);
}

export const peerOf = (ctx: Ctx, name: string): Peer => toPeer(name, undefined, ctx.config.defaultCountry);

/** A person. Throws INVALID_NUMBER, VALIDATION_FAILED for a group. */
export function personOf(ctx: Ctx, contact: string): Peer {
  const peer = peerOf(ctx, contact);
  if (!isGroupJid(peer.peer)) return peer;
  throw new AppError('VALIDATION_FAILED', 'This is a group, not a person.', {
    details: { contact: 'must be a person' },
  });
}
