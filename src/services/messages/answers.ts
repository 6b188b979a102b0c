/** What people have answered to a message that a session sent: each person once, whichever name their answer gave. */
import { z } from 'zod';
import type { Db } from '../../db/client.ts';
import { lidJid, lidOf, phoneJid } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import type { Ctx } from '../context.ts';
import { personBehind } from '../groups/news.ts';
import { readNames } from './names.ts';

/** A group has 1,024 members at most, each known by two names. */
export const MAX_ANSWERS = 5_000;

/** An answer as the database keeps it. */
export interface KeptAnswer {
  /** canonical JID; empty: the owner of the session */
  who: string;
  /** when it was given, epoch milliseconds */
  at: number;
}

/** The newest answer of a person. */
export type NewestAnswer<T extends KeptAnswer> = T & {
  /** null: the owner */
  jid: string | null;
  /** all under which they have answered */
  names: (string | null)[];
};

/** Each person once, whether the answer named the number or the LID, in the order given. `rows`: the newest first. */
export async function newestOfEach<T extends KeptAnswer>(
  db: Db,
  accountId: string,
  rows: readonly T[],
): Promise<NewestAnswer<T>[]> {
  const lids = rows.flatMap(({ who }) => lidOf(who) ?? []);
  const pairs = await findLidPairs(db, { accountId }, 'lid', lids);
  const phoneBehind = new Map(pairs.map(({ lid, phone }) => [lidJid(lid), phoneJid(phone)]));
  const newest = new Map<string, NewestAnswer<T>>();
  for (const row of rows) {
    const jid = phoneBehind.get(row.who) ?? row.who;
    const known = newest.get(jid);
    const name = row.who === '' ? null : row.who;
    if (known) known.names.push(name);
    else newest.set(jid, { ...row, jid: jid || null, names: [name] });
  }
  return [...newest.values()];
}

/** Who has answered, as answers of the API show it. */
export const answeredBy = {
  jid: z.string().nullable().describe('who it was; null: the owner of the session'),
  phone: z.string().nullable(),
  name: z.string().nullable(),
};

export interface ShownPerson {
  jid: string | null;
  phone: string | null;
  name: string | null;
}

/** The people of those answers, with the names that they give themselves, in their order. */
export async function showPeople(
  ctx: Ctx,
  accountId: string,
  answers: readonly { jid: string | null }[],
): Promise<ShownPerson[]> {
  const asked = answers.map(({ jid }) => ({ accountId, jids: jid === null ? [] : [jid] }));
  const names = await readNames(ctx, asked);
  return answers.map(({ jid }, i) => ({
    ...(jid === null ? { jid, phone: null } : personBehind(jid)),
    name: names[i] ?? null,
  }));
}
