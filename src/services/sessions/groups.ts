import { createLru } from '../../utils/lru.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { requireCapability } from '../messages/capability.ts';
import { findOwnSession, requireConnected } from '../messages/session.ts';
import { askOwner } from './ask-owner.ts';
import { spendAsk } from './ask-whatsapp.ts';

const GROUPS_TIMEOUT_MS = 20_000;

export interface Group {
  /** `…@g.us`, the `to` of a message with `isGroup` */
  id: string;
  subject: string;
  /** members; null where WhatsApp does not tell it in the list: `getGroup` counts them */
  size: number | null;
}

/** An answer of so lately is given again: to list hundreds of groups is much work for WhatsApp and for the session. */
const KEEP_MS = 5_000;
const MAX_LISTS = 1_000;

/** The groups of sessions as this process has asked for them lately, by whatsapp_accounts.id; times are monotonic. */
export interface GroupLists {
  get(accountId: string): { groups: Group[]; at: number } | undefined;
  set(accountId: string, list: { groups: Group[]; at: number }): void;
  delete(accountId: string): void;
}

export function createGroupLists(): GroupLists {
  return createLru<string, { groups: Group[]; at: number }>({ max: MAX_LISTS });
}

/**
 * The groups that a session is in, by name. Throws SESSION_NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, or
 * UNAVAILABLE when WhatsApp did not answer in time.
 */
export async function listGroups(ctx: Ctx, input: { sessionId: string }): Promise<Group[]> {
  requireScope(ctx, 'read');
  requireCapability(ctx, 'groups');
  const session = await findOwnSession(ctx, input.sessionId);
  requireConnected(session);
  const at = ctx.clock.monotonic();
  const known = ctx.groupLists.get(session.id);
  if (known && at - known.at < KEEP_MS) return known.groups;
  await spendAsk(ctx, session, { changes: false });
  const groups = await askOwner(ctx, session, 'list_groups', {}, GROUPS_TIMEOUT_MS);
  ctx.groupLists.set(session.id, { groups, at });
  return groups;
}
