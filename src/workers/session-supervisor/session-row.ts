/** Reading and writing a session's row as its owner. */
import { eq } from 'drizzle-orm';
import { heldBy } from '../../cluster/leases.ts';
import type { Changes, Db } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { whatsappAccounts, workspaces } from '../../db/schema.ts';
import { type Fact, record } from '../../events/record.ts';
import type { EventStream } from '../../events/stream.ts';
import type { Clock } from '../../utils/clock.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';

const accounts = whatsappAccounts;

export type SessionStatus = (typeof accounts.$inferSelect)['status'];
/** What one write sets; `status` and `reason` go together. */
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
  connectedAt: accounts.connectedAt,
  disconnectedAt: accounts.disconnectedAt,
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
}: Omit<SessionRow, 'enabled'> & { workspaceStatus: string | null }): SessionRow {
  return { ...row, enabled: workspaceStatus !== 'disabled' };
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
    const written = await tx
      .update(accounts)
      .set({ ...change, updatedAt: deps.clock.now() })
      .where(heldBy(account));
    if (affected(written) === 0) return false;
    await record(tx, deps, facts);
    return true;
  });
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
