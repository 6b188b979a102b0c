/** The session's row as sending sees it: who owns it, how fast it sends, and whether it pauses. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import { createBatcher } from '../db/batcher.ts';
import type { Db } from '../db/client.ts';
import { padded, placeholders, prepared, preparedFor, statementsAreCheap, valuesAt } from '../db/ops.ts';
import { messageQueue, whatsappAccounts } from '../db/schema.ts';
import type { Held } from './fence.ts';
import type { SendingRow } from './session-state.ts';

export interface AccountState
  extends Pick<
    SendingRow,
    | 'limits'
    | 'suspendedAt'
    | 'pausedUntil'
    | 'pauseReason'
    | 'breakerUntil'
    | 'breakerCode'
    | 'linkedAt'
    | 'newChatCap'
  > {
  owner: string | null;
  fence: number;
  lastHighAt: number | null;
}

const stateColumns = {
  owner: whatsappAccounts.owner,
  fence: whatsappAccounts.fence,
  limits: whatsappAccounts.limits,
  suspendedAt: whatsappAccounts.suspendedAt,
  pausedUntil: whatsappAccounts.pausedUntil,
  pauseReason: whatsappAccounts.pauseReason,
  breakerUntil: whatsappAccounts.breakerUntil,
  breakerCode: whatsappAccounts.breakerCode,
  lastHighAt: whatsappAccounts.lastHighAt,
  linkedAt: whatsappAccounts.linkedAt,
  newChatCap: whatsappAccounts.newChatCap,
} as const;

const stateOf = prepared((db) =>
  db
    .select(stateColumns)
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, sql.placeholder('accountId')))
    .prepare(),
);

/** The session's row, or null when it was deleted. */
export async function readAccountState(db: Db, accountId: string): Promise<AccountState | null> {
  const [row] = await stateOf(db).execute({ accountId });
  return row ?? null;
}

const beforeRelay = prepared((db) =>
  db
    .select({ ...stateColumns, status: messageQueue.status, claimedFence: messageQueue.claimedFence })
    .from(whatsappAccounts)
    .leftJoin(messageQueue, eq(messageQueue.id, sql.placeholder('queueId')))
    .where(eq(whatsappAccounts.id, sql.placeholder('accountId')))
    .prepare(),
);

/** One look before a stanza leaves: the session's row, and whether the queue row is still this claim. */
async function readBeforeRelay(
  db: Db,
  held: Held,
  queueId: string,
): Promise<{ account: AccountState | null; claimed: boolean }> {
  const [row] = await beforeRelay(db).execute({ accountId: held.id, queueId });
  if (!row) return { account: null, claimed: false };
  const { status, claimedFence, ...account } = row;
  return { account, claimed: status === 'sending' && claimedFence === held.fence };
}

/** The look before a stanza leaves, for all sessions of this process. */
export type RelayLook = (
  held: Held,
  queueId: string,
) => Promise<{ account: AccountState | null; claimed: boolean }>;

/** Looks of one statement, and statements at a time. */
const LOOKS_AT_ONCE = 50;
const LOOKS_RUNNING = 4;

/** Makes the look: where a statement is a round trip, those of the same moment share one. */
export function createRelayLook(db: Db): RelayLook {
  if (statementsAreCheap) return (held, queueId) => readBeforeRelay(db, held, queueId);
  const batcher = createBatcher({
    run: (items: readonly Looked[]) => readAllBeforeRelay(db, items),
    maxBatch: LOOKS_AT_ONCE,
    maxRunning: LOOKS_RUNNING,
  });
  return (held, queueId) => batcher.add({ held, queueId });
}

interface Looked {
  held: Held;
  queueId: string;
}

const looksOfSeveral = preparedFor((db, named, looks, accounts) => {
  const { id, status, claimedFence } = messageQueue;
  return db
    .select({ ...stateColumns, accountId: whatsappAccounts.id, queueId: id, status, claimedFence })
    .from(whatsappAccounts)
    .leftJoin(
      messageQueue,
      and(
        eq(messageQueue.accountId, whatsappAccounts.id),
        inArray(id, placeholders(named, 'queueId', looks)),
      ),
    )
    .where(inArray(whatsappAccounts.id, placeholders(named, 'account', accounts)))
    .prepare();
});

async function readAllBeforeRelay(
  db: Db,
  items: readonly Looked[],
): Promise<{ account: AccountState | null; claimed: boolean }[]> {
  const [first] = items;
  if (items.length === 1 && first) return [await readBeforeRelay(db, first.held, first.queueId)];
  const accounts = padded([...new Set(items.map(({ held }) => held.id))], LOOKS_AT_ONCE);
  const rows = await looksOfSeveral(db, items.length, accounts.length).execute({
    ...valuesAt(items.map(({ queueId }) => ({ queueId }))),
    ...valuesAt(accounts.map((account) => ({ account }))),
  });
  const byAccount = new Map(rows.map((row) => [row.accountId, row]));
  const byQueueId = new Map(rows.map((row) => [row.queueId, row]));
  return items.map(({ held, queueId }) => {
    const row = byQueueId.get(queueId);
    const claimed = row?.status === 'sending' && row.claimedFence === held.fence;
    return { account: byAccount.get(held.id) ?? null, claimed };
  });
}

/** True while the row names this owner and fence. */
export function stillHeld(state: AccountState | null, held: Held): boolean {
  return state !== null && state.owner === held.owner && state.fence === held.fence;
}
