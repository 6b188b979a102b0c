/** Mails that were given up: what they were about keeps why, and whoever waits for it is told. */
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { type MAIL_FAILURES, users, workspaceInvitations, workspaceMembers } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import type { Deps } from '../context.ts';

export type MailFailureReason = (typeof MAIL_FAILURES)[number];

/**
 * Keeps on an open invitation that nobody got its mail, and tells its workspace, in the transaction in which the mail ends. The
 * address of whoever invited, who is to be told by a mail; null: nobody is, or the invitation is over.
 */
export async function failInvitation(
  tx: Tx,
  { clock, stream }: Pick<Deps, 'clock' | 'stream'>,
  { id, reason }: { id: string; reason: MailFailureReason },
): Promise<string | null> {
  const isIt = eq(workspaceInvitations.id, id);
  await tx.update(workspaceInvitations).set({ mailFailedAt: clock.now(), mailFailure: reason }).where(isIt);
  const [row] = await tx.select().from(workspaceInvitations).where(isIt);
  if (row === undefined) return null;
  const { workspaceId: userId, email, role, invitedBy } = row;
  const fact = { userId, event: 'member.invitation_failed' as const, status: 'failure' as const };
  await record(tx, { clock, stream }, [{ ...fact, subject: id, data: { email, role, invitedBy, reason } }]);
  const [person] = await tx
    .select({ email: users.email })
    .from(workspaceMembers)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .where(and(eq(workspaceMembers.workspaceId, userId), eq(workspaceMembers.userId, invitedBy)));
  return person?.email ?? null;
}
