/** A list as CSV, in the columns that an import reads. */

import { and, asc, eq, gt } from 'drizzle-orm';
import { readFitting } from '../../db/batches.ts';
import { broadcastContacts } from '../../db/schema.ts';
import { csvLines } from '../../utils/csv.ts';
import { own } from '../../utils/own.ts';
import { formatE164 } from '../../utils/phone.ts';
import type { Ctx } from '../context.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { findList, type ListRef, type ListRow } from './lists.ts';

/** Contacts read between two turns of the event loop, at most. */
const BATCH_SIZE = 100;

export interface CsvExport {
  fileName: string;
  lines: AsyncIterable<string>;
}

type ContactRow = typeof broadcastContacts.$inferSelect;

/** The contacts of a list with their custom fields, piece by piece. Throws NOT_FOUND. */
export async function exportContacts(ctx: Ctx, ref: ListRef): Promise<CsvExport> {
  const { userId } = await enterBroadcast(ctx, ref, 'read');
  const list = await findList(ctx.db, userId, ref.listId, ctx.actor.sessionIds);
  return { fileName: `contacts-${list.id}.csv`, lines: contactLines(ctx, list) };
}

async function* contactLines({ db, loopShare, actor }: Ctx, list: ListRow): AsyncGenerator<string> {
  yield csvLines([['name', 'number', ...list.columns]]);
  const { phone, name, fields, listId } = broadcastContacts;
  const batches = readFitting<Pick<ContactRow, 'phone' | 'name' | 'fields'>>(BATCH_SIZE, (last, size) =>
    db
      .select({ phone, name, fields })
      .from(broadcastContacts)
      .where(and(eq(listId, list.id), gt(phone, last?.phone ?? '')))
      .orderBy(asc(phone))
      .limit(size),
  );
  for await (const rows of batches) {
    yield csvLines(
      rows.map(({ phone, name, fields }) => [
        name,
        formatE164(phone),
        ...list.columns.map((column) => own(fields, column) ?? null),
      ]),
    );
    await loopShare.turn(actor.userId);
  }
}
