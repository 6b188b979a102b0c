import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { requireCapability } from '../messages/capability.ts';
import { findOwnSession, requireConnected } from '../messages/session.ts';
import { askOwner } from './ask-owner.ts';

const GROUPS_TIMEOUT_MS = 20_000;

export interface Group {
  /** `…@g.us`, the `to` of a message with `isGroup` */
  id: string;
  subject: string;
  size: number;
}

/**
 * The groups that a session is in, by name. Throws SESSION_NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED, or UNAVAILABLE when
 * WhatsApp did not answer in time.
 */
export async function listGroups(ctx: Ctx, input: { sessionId: string }): Promise<Group[]> {
  requireScope(ctx, 'read');
  requireCapability(ctx, 'groups');
  const session = await findOwnSession(ctx, input.sessionId);
  requireConnected(session);
  return askOwner(ctx, session, 'list_groups', {}, GROUPS_TIMEOUT_MS);
}
