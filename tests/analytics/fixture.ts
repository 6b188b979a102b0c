/** Log rows of several sessions and tenants, over a real database. */
import { insertMany } from '../../src/db/ops.ts';
import { activityLogs, messages, otps, whatsappAccounts } from '../../src/db/schema.ts';
import { actionOf, statusOf } from '../../src/events/actions.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import type { Reply, Tenant, TestApp } from '../helpers/app.ts';

export type ActivityInsert = typeof activityLogs.$inferInsert;

/** A fact as `record` would have written it. */
export function factRow(
  userId: number,
  event: string,
  at: number,
  more: Partial<ActivityInsert> = {},
): ActivityInsert {
  const data = more.data ?? {};
  const status = more.status ?? statusOf({ event, data });
  return { id: newId(at), userId, event, action: actionOf({ event, data }), at, ...more, data, status };
}

export async function addFacts(t: TestApp, rows: readonly ActivityInsert[]): Promise<void> {
  await insertMany(t.deps.db, activityLogs, rows);
}

export async function addSession(
  t: TestApp,
  userId: number,
  sessionId: string,
  more: Partial<typeof whatsappAccounts.$inferInsert> = {},
): Promise<string> {
  const id = newId();
  const at = t.deps.clock.now();
  await t.deps.db.insert(whatsappAccounts).values({
    id,
    userId,
    sessionId,
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
    ...more,
  });
  return id;
}

export async function addMessage(
  t: TestApp,
  session: { id: string; userId: number; sessionId: string },
  more: Partial<typeof messages.$inferInsert> = {},
): Promise<string> {
  const at = more.createdAt ?? t.deps.clock.now();
  const messageId = newMessageId();
  await t.deps.db.insert(messages).values({
    id: newId(at),
    userId: session.userId,
    accountId: session.id,
    sessionId: session.sessionId,
    messageId,
    direction: 'out',
    peer: '6281200000001@s.whatsapp.net',
    phone: '6281200000001',
    type: 'text',
    content: { type: 'text', text: 'secret body' },
    status: 'sent',
    queuedAt: at,
    sentAt: at + 100,
    createdAt: at,
    updatedAt: at,
    ...more,
  });
  return messageId;
}

export async function addOtp(
  t: TestApp,
  userId: number,
  more: Partial<typeof otps.$inferInsert> = {},
): Promise<string> {
  const at = more.createdAt ?? t.deps.clock.now();
  const id = newId(at);
  await t.deps.db.insert(otps).values({
    id,
    userId,
    accountId: newId(at),
    sessionId: 'main',
    requestedSessionId: 'main',
    phone: '6281234567890',
    status: 'verified',
    length: 6,
    language: 'id',
    maxAttempts: 3,
    messageRowId: newId(at),
    messageId: newMessageId(),
    deliveries: [],
    failover: [],
    expiresAt: at + 300_000,
    endedAt: at + 1_000,
    createdAt: at,
    updatedAt: at,
    ...more,
  });
  return id;
}

export interface LogData {
  logs: Record<string, unknown>[];
  pagination: { page: number; limit: number; totalItems: number | null; totalPages: number | null };
  nextCursor: string | null;
  statistics?: Record<string, number | null>;
}

/** The `data` of an answer that succeeded. */
export function dataOf<T = Record<string, unknown>>(reply: Reply): T {
  if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text}`);
  // Each test says what it expects of it.
  return reply.body.data as T;
}

export function asTenant(t: TestApp, tenant: Tenant) {
  return {
    get: (path: string) => t.call(path, { apiKey: tenant.apiKey }),
    post: (path: string, body: unknown) => t.call(path, { method: 'POST', body, apiKey: tenant.apiKey }),
  };
}
