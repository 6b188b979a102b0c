/** Taking away the second factors of somebody who has lost them. */
import { eq } from 'drizzle-orm';
import { affected, transact } from '../../../db/ops.ts';
import { secondFactors } from '../../../db/schema.ts';
import { record } from '../../../events/record.ts';
import { AppError } from '../../../utils/errors.ts';
import { type Ctx, originOf } from '../../context.ts';
import type { UserIdParams } from '../../fields.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import { languageOf } from '../../mail/texts.ts';
import { findUser, requireAdmin } from '../../users.ts';
import { accountOf } from '../../workspaces/own.ts';
import { endProofs } from './verbs.ts';

/**
 * Takes away all second factors and recovery codes of a person, who is told by mail where there is an SMTP server; the
 * password is asked for as before. For admins who signed in. Throws NOT_FOUND, CONFLICT for whoever has none.
 */
export async function clearFactors(ctx: Ctx, input: UserIdParams): Promise<void> {
  requireAdmin(ctx);
  const { id, email: address } = await findUser(ctx.db, input.id);
  await transact(ctx.db, async (tx) => {
    const cleared = affected(await tx.delete(secondFactors).where(eq(secondFactors.userId, id)));
    if (cleared === 0) throw new AppError('CONFLICT', 'This person has no second factor.');
    await endProofs(tx, id);
    const account = await accountOf(tx, id);
    const fact = { ...account, event: 'auth.second_factors_cleared' as const, subject: String(id) };
    await record(tx, ctx, [{ ...fact, origin: originOf(ctx) }]);
    const language = languageOf(ctx.config);
    if (ctx.config.smtp !== null) await enqueueMail(tx, ctx, { kind: 'factors_cleared', address, language });
    tx.afterCommitAsked(() => ctx.credentials.forget(id));
  });
}
