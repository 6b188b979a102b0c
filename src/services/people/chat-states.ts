/** How phones keep the chats of a tenant's sessions, and what labels are on them. */
import { and, eq, inArray } from 'drizzle-orm';
import { waChatStates, waLabels, waLabelUses, whatsappAccounts } from '../../db/schema.ts';
import type { AppStateVersions } from '../../whatsapp/app-state.ts';
import { joinStates } from '../../whatsapp/same-chat.ts';
import type { Ctx } from '../context.ts';
import { type ShownState, shownState } from '../inbound/shown-state.ts';
import type { Known } from '../messages/names.ts';

export interface ShownLabel {
  label: string;
  name: string;
  color: number;
}

export interface KeptChat {
  /** null: the phone has not told of its chats yet */
  state: ShownState | null;
  labels: ShownLabel[];
}

/** Of a chat that nobody has told of. */
export const NOTHING_KEPT: KeptChat = { state: null, labels: [] };

/** For each of these chats, in the same order. The sessions are the caller's own. */
export async function readKeptChats(
  ctx: Pick<Ctx, 'db' | 'clock'>,
  chats: readonly Known[],
): Promise<KeptChat[]> {
  if (chats.length === 0) return [];
  const accounts = [...new Set(chats.map(({ accountId }) => accountId))];
  const jids = [...new Set(chats.flatMap((chat) => chat.jids))];
  const told = await readTold(ctx, accounts);
  if (told.size === 0) return chats.map(() => NOTHING_KEPT);
  const states = await readStates(ctx, accounts, jids);
  const labels = await readLabelsOf(ctx, accounts, jids);
  const now = ctx.clock.now();
  return chats.map(({ accountId, jids: names }) => {
    const rows = names.flatMap((jid) => states.get(`${accountId} ${jid}`) ?? []);
    const own = new Map(
      names.flatMap((jid) => labels.get(`${accountId} ${jid}`) ?? []).map((label) => [label.label, label]),
    );
    const state = told.get(accountId) ? shownState(joinStates(rows), now) : null;
    return { state, labels: [...own.values()] };
  });
}

/** Those of these sessions whose phones have told of anything; true where that is all of how they keep their chats. */
async function readTold({ db }: Pick<Ctx, 'db'>, accounts: readonly string[]): Promise<Map<string, boolean>> {
  const { id, appStateVersions } = whatsappAccounts;
  const rows = await db
    .select({ id, versions: appStateVersions })
    .from(whatsappAccounts)
    .where(inArray(id, [...accounts]));
  const isAll = (versions: AppStateVersions) =>
    versions.regular_low !== undefined && versions.regular_high !== undefined;
  return new Map(rows.flatMap((row) => (row.versions ? [[row.id, isAll(row.versions)] as const] : [])));
}

async function readStates({ db }: Pick<Ctx, 'db'>, accounts: readonly string[], jids: readonly string[]) {
  const rows = await db
    .select()
    .from(waChatStates)
    .where(and(inArray(waChatStates.accountId, [...accounts]), inArray(waChatStates.chat, [...jids])));
  return new Map(rows.map((row) => [`${row.accountId} ${row.chat}`, row]));
}

/** The labels on chats themselves, by session and chat. */
async function readLabelsOf({ db }: Pick<Ctx, 'db'>, accounts: readonly string[], jids: readonly string[]) {
  const { accountId, label, name, color } = waLabels;
  const rows = await db
    .select({ accountId, chat: waLabelUses.chat, label, name, color })
    .from(waLabelUses)
    .innerJoin(waLabels, and(eq(accountId, waLabelUses.accountId), eq(label, waLabelUses.label)))
    .where(
      and(
        inArray(waLabelUses.accountId, [...accounts]),
        inArray(waLabelUses.chat, [...jids]),
        eq(waLabelUses.messageId, ''),
        eq(waLabels.deleted, false),
      ),
    )
    .orderBy(label);
  const found = new Map<string, ShownLabel[]>();
  for (const { accountId: account, chat, ...shown } of rows) {
    const key = `${account} ${chat}`;
    found.set(key, [...(found.get(key) ?? []), shown]);
  }
  return found;
}
