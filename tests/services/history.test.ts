import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import { messages, whatsappAccounts } from '../../src/db/schema.ts';
import type { Ctx } from '../../src/services/context.ts';
import { type ListInput, listMessages } from '../../src/services/messages/history.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

const ROWS = 10_600;
/** Further back than one request looks. */
const OLD_FAILURE = 10_300;
const ACCOUNT = newId();
const START = Date.UTC(2026, 0, 1);

let t: TestApp;
let ctx: Ctx;
beforeAll(async () => {
  t = await openTestApp({ routes: [] });
  const { id: userId } = await t.tenant();
  ctx = {
    ...t.deps,
    actor: {
      userId,
      personId: userId,
      role: 'user',
      workspaceRole: 'owner',
      via: 'api_key',
      scopes: null,
      sessionIds: null,
      keyId: null,
    },
    requestId: 'test',
    ip: null,
    userAgent: null,
  };
  await t.deps.db.insert(whatsappAccounts).values({
    id: ACCOUNT,
    userId,
    sessionId: 'main',
    status: 'connected',
    pairing: 'qr',
    createdAt: START,
    updatedAt: START,
  });
  await insertMany(
    t.deps.db,
    messages,
    Array.from({ length: ROWS }, (_, i) => messageRow(userId, ROWS - 1 - i)),
  );
}, 120_000);
afterAll(() => t.close());

/** `age` 0 is the newest; three of each moment, so that order within one is tried too. */
function messageRow(userId: number, age: number): typeof messages.$inferInsert {
  const at = START + Math.floor((ROWS - age) / 3);
  const failed = age % 1_000 === 7 || age === OLD_FAILURE;
  return {
    id: newId(at),
    userId,
    accountId: age % 5 === 0 ? newId() : ACCOUNT,
    sessionId: age % 5 === 0 ? 'gone' : 'main',
    messageId: newMessageId(),
    direction: 'out',
    peer: age === 10_001 ? '6281200000001@s.whatsapp.net' : '6281299999999@s.whatsapp.net',
    type: age < 20 ? 'image' : 'text',
    content: { type: 'text', text: String(age) },
    status: failed ? 'failed' : 'read',
    createdAt: at,
    updatedAt: at,
  };
}

const list = (input: Partial<ListInput>) => listMessages(ctx, { page: 1, limit: 50, ...input });

describe('a history longer than is counted', () => {
  it('is walked by cursor to its end, without gaps or doubles', async () => {
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await list({ limit: 200, cursor });
      seen.push(...page.data.map(({ messageId }) => messageId));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect(seen).toHaveLength(ROWS);
    expect(new Set(seen).size).toBe(ROWS);
    expect((await list({})).totalItems).toBeNull();
    await expect(list({ page: 201 })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('is looked through for what no index gives, ten thousand a request, and the cursor leads on', async () => {
    const first = await list({ status: 'failed' });
    expect(first.data).toHaveLength(10);
    expect(first.totalItems).toBeNull();
    expect(first.nextCursor).not.toBeNull();
    const rest = await list({ status: 'failed', cursor: first.nextCursor ?? '' });
    expect(rest.data).toHaveLength(2);
    expect(rest.nextCursor).toBeNull();
    const pages = await list({ status: 'failed', limit: 4, page: 2 });
    expect(pages.data.map(({ messageId }) => messageId)).toEqual(
      first.data.slice(4, 8).map(({ messageId }) => messageId),
    );
    const none = await list({ type: 'video' });
    expect(none).toMatchObject({ data: [], totalItems: null });
    expect(await list({ type: 'video', cursor: none.nextCursor ?? '' })).toMatchObject({ nextCursor: null });
  });

  it('has each message looked at by a page, whatever comes while one is read', async () => {
    const { userId } = ctx.actor;
    const { scan, db } = t.deps.database;
    let coming: Promise<unknown> | undefined;
    /** Three messages come when the first statement has been answered. */
    const select = (...fields: Parameters<typeof scan.select>) => {
      const query = scan.select(...fields);
      const from = query.from.bind(query);
      query.from = ((table: typeof messages) => {
        const rows = from(table);
        const execute = rows.execute.bind(rows);
        rows.execute = async () => {
          const found = await execute();
          coming ??= insertMany(
            db,
            messages,
            [1, 2, 3].map((n) => ({ ...messageRow(userId ?? 0, -n), type: 'text' })),
          );
          await coming;
          return found;
        };
        return rows;
      }) as typeof query.from;
      return query;
    };
    const read = (filters: Partial<ListInput>) => {
      coming = undefined;
      const database = { ...t.deps.database, scan: Object.assign(Object.create(scan), { select }) };
      return listMessages({ ...ctx, database }, { page: 1, limit: 50, ...filters });
    };
    const mark = async (type: string, filters: Partial<ListInput>) => {
      const [row] = (await list({ limit: 1, ...filters })).data;
      await db
        .update(messages)
        .set({ type })
        .where(eq(messages.messageId, row?.messageId ?? ''));
      return row?.messageId;
    };
    const edge = await mark('poll', { page: 10_000 });
    const first = await read({ type: 'poll' });
    const rest = await list({ type: 'poll', cursor: first.nextCursor ?? '' });
    expect([...first.data, ...rest.data].map(({ messageId }) => messageId)).toEqual([edge]);
    // The whole of what is asked for is two less than is looked at, until three more come.
    const since = START + 202;
    const oldest = await mark('location', { since, page: 9_998 });
    const { data, nextCursor } = await read({ type: 'location', since });
    expect([data.map(({ messageId }) => messageId), nextCursor]).toEqual([[oldest], null]);
  });

  it('counts exactly what it has looked at to the end', async () => {
    const since = START + Math.floor((ROWS - 100) / 3);
    expect(await list({ type: 'image', since })).toMatchObject({ totalItems: 20, nextCursor: null });
    expect(await list({ status: 'failed', since })).toMatchObject({ totalItems: 1, nextCursor: null });
  });

  it('has an index for a number, also of sessions that are gone, and one for a session', async () => {
    const one = await list({ to: '+6281200000001' });
    expect(one).toMatchObject({ totalItems: 1, nextCursor: null });
    expect(JSON.stringify(one.data)).toContain('6281200000001');
    expect((await list({ to: '+6281299999999', session: 'main', limit: 200 })).data).toHaveLength(200);
    const ofSession = await list({ session: 'main', status: 'failed' });
    expect(ofSession.data).toHaveLength(11);
    expect(ofSession.nextCursor).toBeNull();
  });
});
