import type { Readable } from 'node:stream';
import { and, eq } from 'drizzle-orm';
import { media } from '../../db/schema.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { Deps } from '../context.ts';

/** The bytes of a file of the session's tenant, for an engine; null when they are gone. Throws UNAVAILABLE. */
export async function openForEngine(
  deps: Pick<Deps, 'db' | 'storage'>,
  account: AccountRef,
  mediaId: string,
): Promise<Readable | null> {
  const [row] = await deps.db
    .select({ key: media.storageKey })
    .from(media)
    .where(and(eq(media.id, mediaId), eq(media.userId, account.userId)));
  return row ? deps.storage.open(row.key) : null;
}
