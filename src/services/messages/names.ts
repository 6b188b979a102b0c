/** How people are called, as the session that writes with them knows it. */

import { and, inArray } from 'drizzle-orm';
import { waPeople } from '../../db/schema.ts';
import { jidsOf } from '../../whatsapp/jid.ts';
import type { Ctx } from '../context.ts';
import type { MessageOutput } from './schemas.ts';
import { type MessageRecord, toMessage } from './view.ts';

/** Somebody in a session, by every JID that may be theirs; the first whose name is known counts. */
export interface Known {
  accountId: string;
  jids: readonly string[];
}

/** Their names in the same order, null where none is known: by one statement. The sessions are the caller's own. */
export async function readNames(
  { db }: Pick<Ctx, 'db'>,
  people: readonly Known[],
): Promise<(string | null)[]> {
  const jids = [...new Set(people.flatMap((person) => person.jids))];
  if (jids.length === 0) return [];
  const accounts = [...new Set(people.map(({ accountId }) => accountId))];
  const { accountId, jid, name, pushName } = waPeople;
  const rows = await db
    .select({ accountId, jid, name, pushName })
    .from(waPeople)
    .where(and(inArray(accountId, accounts), inArray(jid, jids)));
  const named = new Map(rows.map((row) => [`${row.accountId} ${row.jid}`, row.name ?? asName(row.pushName)]));
  return people.map(
    (person) =>
      person.jids.map((one) => named.get(`${person.accountId} ${one}`)).find((name) => name) ?? null,
  );
}

/** Some call themselves by their number, which tells nothing. */
const asName = (pushName: string | null) =>
  pushName !== null && /^\+?\d+$/.test(pushName) ? null : pushName;

/** The other side of a message: in a group the member who wrote, or the group that was written to. */
export function otherSideOf({ accountId, participant, peer, phone, lid }: MessageRecord): Known {
  return { accountId, jids: [...new Set([participant ?? peer, ...jidsOf({ phone, lid })])] };
}

/** Messages as answers show them, with the names of their other sides. */
export async function toMessages(ctx: Ctx, rows: readonly MessageRecord[]): Promise<MessageOutput[]> {
  const names = await readNames(ctx, rows.map(otherSideOf));
  return rows.map((row, i) => toMessage(ctx, row, names[i]));
}
