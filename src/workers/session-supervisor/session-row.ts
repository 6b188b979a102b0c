/** Reading and writing a session's row as its owner. */
import { and, eq, exists, type SQL } from 'drizzle-orm';
import { heldBy, quietWhileSuspended } from '../../cluster/leases.ts';
import type { Changes, Db, Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { whatsappAccounts, workspaces } from '../../db/schema.ts';
import { type Fact, record } from '../../events/record.ts';
import type { EventStream } from '../../events/stream.ts';
import { forgetFormerNumber } from '../../queue/other-number.ts';
import type { Clock } from '../../utils/clock.ts';
import { IMPORT_INTERRUPTED } from '../../whatsapp/credential-transfer.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';

const accounts = whatsappAccounts;

export type SessionStatus = (typeof accounts.$inferSelect)['status'];
/** The columns that one write sets; `status` and `reason` go together. */
export type RowChange = Omit<Changes<typeof accounts>, 'status' | 'reason'> & {
  status?: SessionStatus;
  reason?: string | null;
};
export type SessionRow = Pick<
  typeof accounts.$inferSelect,
  | 'id'
  | 'owner'
  | 'fence'
  | 'status'
  | 'reason'
  | 'paired'
  | 'pairing'
  | 'expectedPhone'
  | 'importedAt'
  | 'proxy'
  | 'autoReadFrom'
  | 'rejectCalls'
  | 'receiveStatus'
  | 'receiveChannels'
  | 'connectedAt'
  | 'disconnectedAt'
> & { enabled: boolean };

const COLUMNS = {
  id: accounts.id,
  owner: accounts.owner,
  fence: accounts.fence,
  status: accounts.status,
  reason: accounts.reason,
  paired: accounts.paired,
  pairing: accounts.pairing,
  expectedPhone: accounts.expectedPhone,
  importedAt: accounts.importedAt,
  proxy: accounts.proxy,
  autoReadFrom: accounts.autoReadFrom,
  rejectCalls: accounts.rejectCalls,
  receiveStatus: accounts.receiveStatus,
  receiveChannels: accounts.receiveChannels,
  connectedAt: accounts.connectedAt,
  disconnectedAt: accounts.disconnectedAt,
  suspendedAt: accounts.suspendedAt,
  workspaceStatus: workspaces.status,
};

/** The row, whoever owns it; null when it is gone. */
export async function readRow(db: Db, accountId: string): Promise<SessionRow | null> {
  const [row] = await db
    .select(COLUMNS)
    .from(accounts)
    .leftJoin(workspaces, eq(workspaces.id, accounts.userId))
    .where(eq(accounts.id, accountId));
  return row ? toRow(row) : null;
}

/** The rows of every session of `owner`. */
export async function readRowsOf(db: Db, owner: string): Promise<SessionRow[]> {
  const rows = await db
    .select(COLUMNS)
    .from(accounts)
    .leftJoin(workspaces, eq(workspaces.id, accounts.userId))
    .where(eq(accounts.owner, owner));
  return rows.map(toRow);
}

function toRow({
  workspaceStatus,
  ...row
}: Omit<SessionRow, 'enabled'> & { workspaceStatus: string | null; suspendedAt: number | null }): SessionRow {
  return { ...quietWhileSuspended(row), enabled: workspaceStatus !== 'disabled' };
}

const isInterruptedRow = (account: AccountRef) =>
  and(heldBy(account), eq(accounts.reason, IMPORT_INTERRUPTED));

/** The condition that the session is this owner's, and what an interrupted import has left is still there to be cleared away. */
export function isInterrupted(db: Db, account: AccountRef): SQL {
  return exists(db.select({ id: accounts.id }).from(accounts).where(isInterruptedRow(account)));
}

/** It is cleared away: another import may begin. Nothing happens when one has begun, or the session has another owner. */
export async function endInterrupted(
  { db, clock }: Pick<WriteDeps, 'db' | 'clock'>,
  account: AccountRef,
  errorMessage: string | null,
): Promise<void> {
  await db
    .update(accounts)
    .set({ importedAt: null, errorMessage, updatedAt: clock.now() })
    .where(isInterruptedRow(account));
}

export interface WriteDeps {
  db: Db;
  clock: Clock;
  stream: EventStream;
}

/**
 * Writes under the fence and makes the status (when it is another than `before`) and the QR known in the same
 * transaction. False: the session is not this owner's any more, and nothing was written.
 */
export async function writeRow(
  deps: WriteDeps,
  account: AccountRef,
  change: RowChange,
  before: { status: SessionStatus; reason: string | null },
): Promise<boolean> {
  const facts = factsOf(account, change, before);
  return transact(deps.db, async (tx) => {
    const also = await otherNumber(tx, deps, account, change);
    const written = await tx
      .update(accounts)
      .set({ ...change, ...also, updatedAt: deps.clock.now() })
      .where(heldBy(account));
    if (affected(written) === 0) return false;
    await record(tx, deps, facts);
    return true;
  });
}

/** A number other than the row's own knows nobody yet. Nothing when the row is not this owner's. */
async function otherNumber(
  tx: Tx,
  { clock }: WriteDeps,
  account: AccountRef,
  { phoneNumber, linkedAt }: RowChange,
): Promise<RowChange> {
  if (typeof phoneNumber !== 'string') return {};
  // Keeps the row until the end of the transaction.
  const locked = await tx.update(accounts).set({ updatedAt: clock.now() }).where(heldBy(account));
  if (affected(locked) === 0) return {};
  const [row] = await tx
    .select({ linkedAt: accounts.linkedAt })
    .from(accounts)
    .where(eq(accounts.id, account.id));
  const since = typeof linkedAt === 'number' ? linkedAt : (row?.linkedAt ?? clock.now());
  return forgetFormerNumber(tx, account.id, phoneNumber, since);
}

function factsOf(
  account: AccountRef,
  change: RowChange,
  before: { status: SessionStatus; reason: string | null },
): Fact[] {
  const about = { userId: account.userId, session: { id: account.id, sessionId: account.sessionId } };
  const facts: Fact[] = [];
  const { status, reason = null } = change;
  const stage = change.passkey && 'stage' in change.passkey ? change.passkey.stage : undefined;
  if (status !== undefined && (status !== before.status || reason !== before.reason || stage)) {
    const failure = status === 'failed' || status === 'logged_out' || status === 'replaced';
    facts.push({
      ...about,
      event: 'session.status',
      status: failure ? 'failure' : 'success',
      // Between the QR and the first connection: the phone has accepted it.
      ...(status === 'connecting' && change.paired === true ? { action: 'qr_scan' as const } : {}),
      data: { status, reason, ...(stage ? { stage } : {}) },
    });
  }
  // The secret itself stays on the row.
  if (change.qr || change.pairingCode) {
    facts.push({ ...about, event: 'session.qr', data: { expiresAt: change.qrExpiresAt ?? null } });
  }
  return facts;
}
