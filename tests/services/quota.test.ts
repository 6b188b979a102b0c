/** Concurrent calls cannot pass a quota: the processes of a service look at the same row. On both databases. */
import { and, count, eq, type SQL } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import {
  alertChannels,
  apiKeys,
  broadcastLists,
  broadcastTemplates,
  contactImports,
  numberCheckJobs,
  otpTemplates,
  webhooks,
} from '../../src/db/schema.ts';
import type { DbTable } from '../../src/db/types.ts';
import { newId } from '../../src/utils/ids.ts';
import { enterAs, upload, type World } from '../broadcast/fixture.ts';
import { openTestApp, type Reply, type TestApp } from '../helpers/app.ts';

const AT_ONCE = 12;
let t: TestApp;
let world: World;
beforeAll(async () => {
  t = await openTestApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  world = await enterAs(t, await t.tenant());
});

const at = () => ({ createdAt: Date.now(), updatedAt: Date.now() });
const own = () => ({ id: newId(), userId: world.tenant.id });

interface Limited {
  thing: string;
  table: DbTable;
  /** the tenant's */
  where: () => SQL | undefined;
  max: number;
  /** gives the tenant this many */
  fill: (n: number) => Promise<void>;
  make: (i: number) => Promise<Reply>;
}

const times = <R>(n: number, make: (i: number) => R) => Array.from({ length: n }, (_, i) => make(i));
const call = (path: string, body: object) =>
  t.call(path, { method: 'POST', token: world.tenant.token, body });

const LIMITED: Limited[] = [
  {
    thing: 'webhooks',
    table: webhooks,
    where: () => eq(webhooks.userId, world.tenant.id),
    max: 20,
    fill: (n) => {
      const rows = times(n, () => ({ ...own(), ...at(), url: 'https://93.184.215.14/', secret: '' }));
      return insertMany(
        t.deps.db,
        webhooks,
        rows.map((row) => ({ ...row, events: [], status: 'active' as const })),
      );
    },
    make: (i) => call('/webhook', { url: `https://93.184.215.14/${i}`, events: ['*'] }),
  },
  {
    thing: 'alert channels',
    table: alertChannels,
    where: () => eq(alertChannels.userId, world.tenant.id),
    max: 10,
    fill: (n) =>
      insertMany(
        t.deps.db,
        alertChannels,
        times(n, (i) => ({
          ...own(),
          ...at(),
          name: `channel ${i}`,
          type: 'telegram' as const,
          kinds: ['*'],
          target: '-100',
          language: 'en' as const,
          status: 'active' as const,
        })),
      ),
    make: (i) =>
      call('/alerts/channels', {
        name: `more ${i}`,
        type: 'telegram',
        kinds: ['*'],
        target: '-100',
        token: `12345678:${'a'.repeat(35)}`,
      }),
  },
  {
    thing: 'API keys',
    table: apiKeys,
    where: () => and(eq(apiKeys.userId, world.tenant.id), eq(apiKeys.kind, 'extra')),
    max: 100,
    fill: (n) =>
      insertMany(
        t.deps.db,
        apiKeys,
        times(n, (i) => ({
          ...own(),
          kind: 'extra' as const,
          name: `key ${i}`,
          prefix: newId(),
          hash: '',
          scopes: ['read'],
          createdAt: Date.now(),
        })),
      ),
    make: (i) => call('/auth/api-keys', { name: `new ${i}`, scopes: ['read'] }),
  },
  {
    thing: 'broadcast lists',
    table: broadcastLists,
    where: () => eq(broadcastLists.userId, world.tenant.id),
    max: 10_000,
    fill: (n) =>
      insertMany(
        t.deps.db,
        broadcastLists,
        times(n, (i) => ({ ...own(), ...at(), name: `list ${i}`, columns: [] })),
      ),
    make: (i) => world.post('/lists', { name: `new ${i}` }),
  },
  {
    thing: 'numbers to look up in a day',
    table: numberCheckJobs,
    where: () => eq(numberCheckJobs.userId, world.tenant.id),
    max: 10_000,
    fill: (n) =>
      insertMany(
        t.deps.db,
        numberCheckJobs,
        times(n, () => ({
          ...own(),
          ...at(),
          accountId: newId(),
          sessionId: 'main',
          status: 'completed' as const,
          total: 1,
        })),
      ),
    make: (i) => call('/contacts/check', { session: 'main', numbers: [`+62812${10_000_000 + i}`] }),
  },
  {
    thing: 'broadcast templates',
    table: broadcastTemplates,
    where: () => eq(broadcastTemplates.userId, world.tenant.id),
    max: 1000,
    fill: (n) =>
      insertMany(
        t.deps.db,
        broadcastTemplates,
        times(n, (i) => ({ ...own(), ...at(), name: `template ${i}`, body: 'Halo' })),
      ),
    make: (i) => world.post('/templates', { name: `new ${i}`, body: 'Halo' }),
  },
  {
    thing: 'OTP templates',
    table: otpTemplates,
    where: () => eq(otpTemplates.userId, world.tenant.id),
    max: 100,
    fill: (n) =>
      insertMany(
        t.deps.db,
        otpTemplates,
        times(n, (i) => ({ ...own(), ...at(), name: `template ${i}`, body: '{otp}' })),
      ),
    make: (i) => call('/otp/templates', { name: `new ${i}`, body: 'Kode {otp}' }),
  },
];

test.each(LIMITED)('of $thing there are never more than $max', async ({ table, where, max, fill, make }) => {
  await fill(max - 2);
  const replies = await Promise.all(times(AT_ONCE, make));
  const statuses = replies.map(({ status }) => status).sort();
  expect(statuses).toEqual([201, 201, ...times(AT_ONCE - 2, () => 429)]);
  const [row] = await t.deps.db.select({ n: count() }).from(table).where(where());
  expect(Number(row?.n)).toBe(max);
});

test('another tenant has room of its own', async () => {
  const other = await t.tenant();
  const replies = await Promise.all(
    [world.tenant, other].flatMap(({ token }) =>
      times(20, (i) =>
        t.call('/webhook', {
          method: 'POST',
          token,
          body: { url: `https://93.184.215.14/${i}`, events: ['*'] },
        }),
      ),
    ),
  );
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
});

test('imports under way have a limit, and one that is done makes room', async () => {
  const rows = times(10, () => ({
    ...own(),
    ...at(),
    kind: 'opt_outs' as const,
    sessionId: 'main',
    status: 'running' as const,
    sizeBytes: 1,
    owner: 'another process',
    host: 'elsewhere',
  }));
  await insertMany(t.deps.db, contactImports, rows);
  const csv = 'name,number\nBudi,081234567890\n';
  const path = `/lists/${await world.list()}/contacts/bulk`;
  const refused = await upload(world, path, csv);
  expect(refused).toMatchObject({
    status: 429,
    body: { code: 'QUOTA_EXCEEDED', details: { quota: 'importsRunning', limit: 10, used: 10 } },
  });
  expect(refused.headers.get('retry-after')).toBe('5');
  const [first] = rows;
  await t.deps.db
    .update(contactImports)
    .set({ status: 'completed' })
    .where(eq(contactImports.id, first?.id ?? ''));
  expect(await upload(world, path, csv)).toMatchObject({ status: 200, body: { data: { added: 1 } } });
});
