/** What sends again what there is takes an Idempotency-Key as what sends something new. On both databases. */
import { and, count, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import {
  activityLogs,
  campaigns,
  idempotencyKeys,
  messages,
  webhookOutbox,
  webhooks,
} from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { enterAs, type World } from '../broadcast/fixture.ts';
import { openTestApp, type Reply, type TestApp } from '../helpers/app.ts';

let t: TestApp;
/** Another process over the same database. */
let other: TestApp;
/** One that is always killed right after its change has committed. */
let doomed: TestApp;
let world: World;

beforeAll(async () => {
  t = await openTestApp();
  other = await openTestApp({ deps: t.deps });
  doomed = await openTestApp({ deps: { ...t.deps, db: keepingNoAnswers(t.deps.db) } });
});
afterAll(async () => {
  await doomed.close();
  await other.close();
  await t.close();
});
beforeEach(async () => {
  world = await enterAs(t, await t.tenant());
});

/** Outside of a transaction nothing is written about a key: the process is dead by then. */
function keepingNoAnswers(db: Db): Db {
  const refuse =
    (name: 'insert' | 'update' | 'delete') =>
    (table: Parameters<Db['insert']>[0]): unknown => {
      if (table === idempotencyKeys) throw new Error('killed');
      return db[name](table);
    };
  return Object.create(db, {
    insert: { value: refuse('insert') },
    update: { value: refuse('update') },
    delete: { value: refuse('delete') },
  });
}

const at = () => ({ createdAt: Date.now(), updatedAt: Date.now() });

async function addMessage(changes: Partial<typeof messages.$inferInsert> = {}): Promise<string> {
  const messageId = newId();
  await t.deps.db.insert(messages).values({
    id: newId(),
    userId: world.tenant.id,
    accountId: world.accountId,
    sessionId: 'main',
    messageId,
    direction: 'out',
    peer: '6281234567890@s.whatsapp.net',
    type: 'image',
    content: { type: 'image', media: { id: newId(), mimetype: 'image/png', size: 1, sha256: '' } },
    status: 'failed',
    ...at(),
    ...changes,
  });
  return messageId;
}

async function addDelivery(): Promise<string> {
  const { tenant } = world;
  const [id, webhookId] = [newId(), newId()];
  await t.deps.db.insert(webhooks).values({
    id: webhookId,
    userId: tenant.id,
    url: 'https://93.184.215.14/',
    events: ['*'],
    status: 'active',
    secret: t.deps.secrets.sealText('whsec_AAAA', `webhook:${webhookId}`),
    ...at(),
  });
  await t.deps.db.insert(webhookOutbox).values({
    id,
    webhookId,
    userId: tenant.id,
    lane: webhookId,
    seq: 0,
    activityId: newId(),
    event: 'message.sent',
    state: 'dead',
    giveUpAt: 0,
    createdAt: Date.now(),
  });
  return id;
}

async function addCampaign(): Promise<string> {
  const id = newId();
  await t.deps.db.insert(campaigns).values({
    id,
    userId: world.tenant.id,
    accountId: world.accountId,
    sessionId: 'main',
    name: 'Once more',
    status: 'completed',
    type: 'text',
    content: { type: 'text', text: 'Halo' },
    delayMs: 1000,
    options: {},
    frozenAt: Date.now(),
    total: 1,
    seed: newId(),
    ...at(),
  });
  await addMessage({ campaignId: id });
  return id;
}

const facts = async (event: string) => {
  const [row] = await t.deps.db
    .select({ n: count() })
    .from(activityLogs)
    .where(and(eq(activityLogs.userId, world.tenant.id), eq(activityLogs.event, event)));
  return Number(row?.n);
};
const dueAgain = async () => {
  const [row] = await t.deps.db
    .select({ n: count() })
    .from(webhookOutbox)
    .where(and(eq(webhookOutbox.userId, world.tenant.id), eq(webhookOutbox.state, 'pending')));
  return Number(row?.n);
};

const LIST = '/session/main/broadcast';
/** What makes something, and the secrets that a repeated answer does not show. */
const MAKERS: { path: () => string | Promise<string>; body: () => object; secrets?: Record<string, null> }[] =
  [
    {
      path: () => '/workspace/invitations',
      body: () => ({ email: 'clerk@example.com', role: 'operator' }),
      secrets: { token: null, url: null },
    },
    { path: () => '/workspace', body: () => ({ name: 'Toko Maju' }) },
    {
      path: () => '/alerts/channels',
      body: () => ({ name: 'On call', type: 'webhook', kinds: ['*'], target: 'https://93.184.215.14/' }),
      secrets: { secret: null },
    },
    { path: () => '/workspace/domains', body: () => ({ domain: 'maju.example', role: 'operator' }) },
    {
      path: () => '/user/domains',
      body: () => ({ domain: 'jaya.example', role: 'operator', workspaceId: world.tenant.id }),
    },
    {
      path: async () => `${LIST}/lists/${await world.list()}/contacts`,
      body: () => ({ number: '0811111111' }),
    },
    {
      path: async () => `${LIST}/lists/${await world.list()}/contacts`,
      body: () => ({ contacts: [{ number: '0811111111', name: 'Budi' }, { number: 'nobody' }] }),
    },
    { path: () => `${LIST}/opt-outs`, body: () => ({ numbers: ['0811111111', '0811111112'] }) },
    {
      path: () => '/user/create',
      body: () => ({ email: newEmail(), password: 'long enough', name: 'Siti' }),
    },
    { path: () => '/plan/create', body: () => ({ name: 'Starter', limits: { sessions: 2 } }) },
  ];
const newEmail = () => `${newId()}@example.com`;

describe('what makes something', () => {
  it.each(MAKERS.map((maker, n) => [n, maker] as const))(
    '(%i) is told once more by the words of the first answer, when the process was killed right after it',
    async (_n, { path, body, secrets = {} }) => {
      world = await enterAs(t, await t.tenant('admin'));
      const [to, asked] = [await path(), body()];
      const call = {
        method: 'POST',
        body: asked,
        token: world.tenant.token,
        headers: { 'idempotency-key': 'a' },
      };
      const first = await doomed.call(to, call);
      expect(first.status).toBe(201);
      const again = await other.call(to, call);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(again.status).toBe(201);
      const { data } = first.body;
      const expected =
        data === undefined ? first.body : { ...first.body, data: { ...Object(data), ...secrets } };
      expect(again.body).toEqual(expected);
      expect(again.text).not.toMatch(/whsec_|sig=/);
    },
  );
});

describe.each([
  {
    route: 'POST /message/:id/retry',
    path: async () => `/message/${await addMessage()}/retry`,
    done: () => facts('message.queued'),
    status: 202,
  },
  {
    route: 'POST /webhook/deliveries/:id/replay',
    path: async () => `/webhook/deliveries/${await addDelivery()}/replay`,
    done: dueAgain,
    status: 202,
  },
  {
    route: 'POST …/campaigns/:id/retry-failed',
    path: async () => `/session/main/broadcast/campaigns/${await addCampaign()}/retry-failed`,
    done: () => facts('campaign.resumed'),
    status: 200,
  },
])('$route', ({ path, done, status }) => {
  const post = (to: string, key: string | undefined, app = t): Promise<Reply> =>
    app.call(to, {
      method: 'POST',
      apiKey: world.tenant.apiKey,
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });

  it('gives its first answer again and does nothing twice', async () => {
    const to = await path();
    const first = await post(to, 'a');
    expect(first.status).toBe(status);
    const second = await post(to, 'a');
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.status).toBe(status);
    expect(second.text).not.toContain('sig=');
    expect(Object(second.body.data).status).toBe(Object(first.body.data).status);
    expect(await done()).toBe(1);
    // Without the key it is another request, which comes too late.
    expect((await post(to, undefined)).status).toBe(409);
  });

  it('gives it also when the process was killed right after the change', async () => {
    const to = await path();
    await post(to, 'a', doomed);
    const second = await post(to, 'a', other);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second).toMatchObject({ status, body: { success: true } });
    expect(await done()).toBe(1);
  });

  it('is done once by two processes at the same moment', async () => {
    const to = await path();
    const replies = await Promise.all([post(to, 'a'), post(to, 'a', other)]);
    expect(replies.map((reply) => reply.status)).toEqual([status, status]);
    expect(await done()).toBe(1);
  });

  it('keeps nothing of a refusal', async () => {
    const to = await path();
    await post(to, undefined);
    expect((await post(to, 'b')).status).toBe(409);
    const kept = await t.deps.db
      .select()
      .from(idempotencyKeys)
      .where(and(eq(idempotencyKeys.userId, world.tenant.id), eq(idempotencyKeys.key, 'b')));
    expect(kept).toEqual([]);
  });
});
