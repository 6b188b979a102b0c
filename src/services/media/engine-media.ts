import type { Readable } from 'node:stream';
import { and, eq } from 'drizzle-orm';
import { media } from '../../db/schema.ts';
import type { MediaDetails } from '../../whatsapp/content.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { Deps } from '../context.ts';
import { detailsOf } from './keep.ts';

/** The bytes of a file of the session's tenant, for an engine; null when they are gone. Throws UNAVAILABLE. */
export async function openForEngine(
  deps: Pick<Deps, 'db' | 'storage'>,
  account: AccountRef,
  mediaId: string,
): Promise<Readable | null> {
  const row = await findForEngine(deps, account, mediaId);
  return row ? deps.storage.open(row.key) : null;
}

/** Details that a message tells of that file; none when it is gone. */
export async function describeForEngine(
  deps: Pick<Deps, 'db'>,
  account: AccountRef,
  mediaId: string,
): Promise<MediaDetails> {
  const row = await findForEngine(deps, account, mediaId);
  return row ? detailsOf(row) : {};
}

async function findForEngine(deps: Pick<Deps, 'db'>, account: AccountRef, mediaId: string) {
  const [row] = await deps.db
    .select({ key: media.storageKey, details: media.details })
    .from(media)
    .where(and(eq(media.id, mediaId), eq(media.userId, account.userId)));
  return row;
}
