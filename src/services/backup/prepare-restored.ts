/** Makes a restored database fit for a service that starts on it. */
import { eq, inArray, isNotNull, like, or, sql } from 'drizzle-orm';
import { transact } from '../../db/ops.ts';
import { counters, settings, users, whatsappAccounts } from '../../db/schema.ts';
import { HAND_PAUSE, NO_END } from '../../queue/pause.ts';
import { holdCampaigns } from '../campaigns/after-restore.ts';
import type { MoveDeps } from '../campaigns/row.ts';
import { KEYS_PREFIX } from '../encryption/announcements.ts';

/** More than anybody makes between a backup and the moment it is needed. */
const MARGIN = 1_000;

/**
 * No process owns a session any more, and a late write of an earlier owner hits no row. Unless the data was
 * `moved`, with nothing done on it since the backup, what was handed out meanwhile must not work for somebody else:
 * users' numbers go on higher, tokens end, and campaigns wait for a person. How many of those do. `hold`: so do the
 * queues of all sessions.
 */
export async function prepareRestored(
  deps: MoveDeps,
  { moved, hold }: { moved: boolean; hold: boolean },
): Promise<number> {
  await transact(deps.database, async (tx) => {
    const accounts = whatsappAccounts;
    await tx.update(accounts).set({ owner: null, fence: sql`${accounts.fence} + ${MARGIN}` });
    if (hold) await tx.update(accounts).set({ pausedUntil: NO_END, pauseReason: HAND_PAUSE });
    await tx
      .update(accounts)
      .set({ qr: null, pairingCode: null, qrExpiresAt: null })
      .where(or(isNotNull(accounts.qr), isNotNull(accounts.pairingCode)));
    await tx
      .delete(settings)
      .where(or(inArray(settings.name, ['housekeeper']), like(settings.name, `${KEYS_PREFIX}%`)));
    if (moved) return;
    await tx
      .update(counters)
      .set({ value: sql`${counters.value} + ${MARGIN}` })
      .where(eq(counters.name, 'user'));
    await tx.update(users).set({ tokenVersion: sql`${users.tokenVersion} + ${MARGIN}` });
  });
  return moved ? 0 : holdCampaigns(deps);
}
