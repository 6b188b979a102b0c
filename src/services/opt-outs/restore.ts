/** Putting an opt-out back that was removed by mistake, as it was. */
import { z } from 'zod';
import { transact, tryInsert } from '../../db/ops.ts';
import { OPT_OUT_SOURCES, optOuts } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { type Ctx, originOf } from '../context.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { toLedgerKey } from './ledger-keys.ts';
import type { OptOut } from './opt-outs.ts';
import { withoutOptedOut } from './opted-out.ts';

const Removed = z.object({
  number: z.string(),
  source: z.enum(OPT_OUT_SOURCES),
  word: z.string().nullable(),
  note: z.string().nullable(),
  sessionId: z.string().nullable(),
  createdAt: z.iso.datetime(),
});

/** Another person, or the same one in another workspace, cannot open it. */
const purposeOf = ({ actor }: Ctx) => `opt-out-restore:${actor.userId}:${actor.personId}`;

/** A text that `restoreOptOut` puts back: nobody can write their own word or date into the ledger with it. */
export function sealOptOut(ctx: Ctx, removed: OptOut): string {
  return ctx.secrets.sealText(JSON.stringify(removed), purposeOf(ctx));
}

/**
 * Puts an opt-out back with its reason, word, note and time; one that is there again meanwhile stays as it is. Throws
 * CONFLICT for a text that is not ours.
 */
export async function restoreOptOut(ctx: Ctx, { sealed }: { sealed: string }): Promise<{ number: string }> {
  const { userId } = await enterBroadcast(ctx, {}, 'broadcast');
  const { number, createdAt, ...kept } = openRemoved(ctx, sealed);
  const phone = toLedgerKey(/^\d+$/.test(number) ? `+${number}` : number, ctx.config.defaultCountry);
  await transact(ctx.database, async (tx) => {
    if ((await withoutOptedOut(tx, userId, [phone])).length === 0) return;
    const row = { userId, phone, ...kept, createdAt: Date.parse(createdAt) };
    if (!(await tryInsert(tx, optOuts, row))) return;
    const data = { source: kept.source };
    await record(tx, ctx, [{ userId, event: 'opt_out.added', subject: number, data, origin: originOf(ctx) }]);
  });
  return { number };
}

function openRemoved(ctx: Ctx, sealed: string): z.output<typeof Removed> {
  try {
    return Removed.parse(JSON.parse(ctx.secrets.openText(sealed, purposeOf(ctx))));
  } catch {
    throw new AppError('CONFLICT', 'This cannot be undone any more: add the number again.');
  }
}
