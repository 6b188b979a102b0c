/** Every route with a key of one session and a member of two: nothing of the tenant's other session is told or changed. */
import { and, eq, inArray } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import type { Route } from '../../src/controllers/route.ts';
import * as tables from '../../src/db/schema.ts';
import { newWebhookSecret, sealWebhookSecret } from '../../src/services/webhooks/signature.ts';
import { newId } from '../../src/utils/ids.ts';
import { type Call, openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { makeMember } from '../helpers/tenant.ts';

/** Stand in everything of the other session, and must be in no answer. */
const MARK = 'of-the-other-session';
const MARKED_PHONE = '6281399990777';
/** Of the other session's own phone: no call names it. */
const SECRET_PHONE = '6281399990888';
/** LID of somebody who has written to the own session: only the other one knows the number. */
const WRITER = '777000777000777';
const OTHER = 'other';
const OWN = 'own';

const id = {
  account: newId(),
  own: newId(),
  list: newId(),
  import: newId(),
  check: newId(),
  campaign: newId(),
  template: newId(),
  otpTemplate: newId(),
  otp: newId(),
  upload: newId(),
  outbound: newId(),
  inbound: newId(),
  webhook: newId(),
  ownWebhook: newId(),
  delivery: newId(),
  ownWebhooksOld: newId(),
  queued: newId(),
  received: newId(),
};

let t: TestApp;
let tenant: Tenant;
/** It may do everything that a key of one session may. */
let apiKey: string;
/** The own key of a member who sees two sessions, of which one is gone. */
let membersKey: string;
beforeAll(async () => {
  t = await openTestApp({ clock: hurriedClock });
  tenant = await t.tenant('admin');
  await addSession(id.own, OWN);
  await addSession(id.account, OTHER);
  await addBelongings();
  const body = { name: 'bound', scopes: ['*'], sessionId: OWN };
  const made = await t.call('/auth/api-keys', { method: 'POST', token: tenant.token, body });
  apiKey = String(made.body.apiKey);
  membersKey = (await makeMember(t.deps, tenant.id, 'admin', { sessions: [OWN, 'gone'] })).apiKey;
});
afterAll(() => t.close());

async function addSession(accountId: string, sessionId: string): Promise<void> {
  const at = Date.now();
  const marked =
    sessionId === OTHER ? { name: MARK, phoneNumber: SECRET_PHONE, activePhone: SECRET_PHONE } : {};
  await t.deps.db.insert(tables.whatsappAccounts).values({
    id: accountId,
    userId: tenant.id,
    sessionId,
    status: 'disconnected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
    ...marked,
  });
}

async function addBelongings(): Promise<void> {
  const { db } = t.deps;
  const at = Date.now();
  const whose = { userId: tenant.id, sessionId: OTHER };
  const times = { createdAt: at, updatedAt: at };
  const account = { ...whose, accountId: id.account };
  await db
    .insert(tables.broadcastLists)
    .values({ ...whose, ...times, id: id.list, name: MARK, columns: [MARK] });
  const contact = { userId: tenant.id, phone: MARKED_PHONE, name: MARK, fields: {} };
  await db.insert(tables.broadcastContacts).values({ ...contact, ...times, listId: id.list });
  await db.insert(tables.contactImports).values({
    ...whose,
    ...times,
    id: id.import,
    kind: 'opt_outs',
    status: 'completed',
    fileName: MARK,
    sizeBytes: 1,
    owner: null,
    host: 'h',
  });
  await db
    .insert(tables.contactImportErrors)
    .values({ importId: id.import, line: 2, kind: 'invalid', code: 'invalid', value: MARK });
  await db
    .insert(tables.optOuts)
    .values({ ...whose, phone: MARKED_PHONE, source: 'manual', note: MARK, createdAt: at });
  await db.insert(tables.optOutSettings).values({ userId: tenant.id, words: ['CUKUP'], updatedAt: at });
  await db
    .insert(tables.numberCheckJobs)
    .values({ ...account, ...times, id: id.check, status: 'completed', total: 1, done: 1 });
  await db.insert(tables.numberCheckItems).values({
    jobId: id.check,
    position: 1,
    written: MARK,
    phone: SECRET_PHONE,
    state: 'registered',
  });
  const label = { accountId: id.account, label: '10', name: MARK, color: 0, deleted: false, changedAt: at };
  await db.insert(tables.waLabels).values(label);
  // What all sessions share may be read: no mark in it.
  const shared = { userId: tenant.id, ...times, name: 'shared' };
  await db.insert(tables.broadcastTemplates).values({ ...shared, id: id.template, body: 'Halo' });
  await db.insert(tables.otpTemplates).values({ ...shared, id: id.otpTemplate, body: '{otp}' });
  await db.insert(tables.campaigns).values({
    ...account,
    ...times,
    id: id.campaign,
    name: MARK,
    status: 'completed',
    type: 'text',
    content: { type: 'text', text: MARK },
    delayMs: 1000,
    options: {},
    seed: 's',
    frozenAt: at,
    total: 1,
  });
  await db.insert(tables.campaignRecipients).values({
    campaignId: id.campaign,
    position: 1,
    userId: tenant.id,
    phone: SECRET_PHONE,
    name: MARK,
    fields: {},
    state: 'queued',
    updatedAt: at,
  });
  await addMessages(at);
  await addKnowledge(at);
  await addFiles(at);
  await addWebhooks(at);
  await db.insert(tables.otps).values({
    ...account,
    ...times,
    id: id.otp,
    requestedSessionId: OTHER,
    phone: MARKED_PHONE,
    openPhone: MARKED_PHONE,
    status: 'sent',
    length: 6,
    companyName: MARK,
    language: 'en',
    maxAttempts: 3,
    messageRowId: id.queued,
    messageId: MARK,
    deliveries: [],
    failover: [],
    expiresAt: at + 600_000,
  });
  await db.insert(tables.activityLogs).values({
    ...account,
    id: newId(),
    event: 'message.failed',
    action: 'message_send',
    status: 'failure',
    subject: MARK,
    data: { errorMessage: MARK },
    at,
  });
}

async function addMessages(at: number): Promise<void> {
  const { db } = t.deps;
  const account = { userId: tenant.id, sessionId: OTHER, accountId: id.account };
  const peer = `${MARKED_PHONE}@s.whatsapp.net`;
  const said = { peer, phone: MARKED_PHONE, type: 'text', content: { type: 'text', text: MARK } };
  const row = { ...account, ...said, createdAt: at, updatedAt: at };
  await db
    .insert(tables.messages)
    .values({ ...row, id: id.queued, messageId: `${MARK}-out`, direction: 'out', status: 'queued' });
  await db
    .insert(tables.messages)
    .values({ ...row, id: id.received, messageId: `${MARK}-in`, direction: 'in', status: 'received' });
  await db.insert(tables.messageQueue).values({
    id: id.queued,
    userId: tenant.id,
    accountId: id.account,
    messageId: `${MARK}-out`,
    recipient: peer,
    status: 'pending',
    priority: 1,
    availableAt: at,
  });
}

/** What the other session has learnt, also of somebody who has written to the own one. */
async function addKnowledge(at: number): Promise<void> {
  const { db } = t.deps;
  const accountId = id.account;
  const [peer, lid] = [`${MARKED_PHONE}@s.whatsapp.net`, `${WRITER}@lid`];
  await db.insert(tables.waContacts).values({ accountId, lid: WRITER, phone: SECRET_PHONE, updatedAt: at });
  await db
    .insert(tables.waPeople)
    .values([peer, lid].map((jid) => ({ accountId, jid, name: MARK, hasChat: true, updatedAt: at })));
  await db
    .insert(tables.waChatStates)
    .values([peer, lid].map((chat) => ({ accountId, chat, archived: true, changedAt: at })));
  await db
    .insert(tables.waLabelUses)
    .values([peer, lid].map((chat) => ({ accountId, label: '10', chat, messageId: '', changedAt: at })));
  await db
    .insert(tables.pollVotes)
    .values({ accountId, pollId: `${MARK}-out`, voter: peer, options: [0], votedAt: at });
  const said = { peer: lid, lid: WRITER, type: 'text', content: { type: 'text', text: 'halo' } };
  await db.insert(tables.messages).values({
    ...{ userId: tenant.id, sessionId: OWN, accountId: id.own, ...said, createdAt: at, updatedAt: at },
    ...{ id: newId(), messageId: 'of-the-writer', direction: 'in', status: 'received' },
  });
  const pool = { userId: tenant.id, name: MARK, sessions: [OWN, OTHER], createdAt: at, updatedAt: at };
  await db.insert(tables.senderPools).values({ ...pool, id: newId() });
  await db.insert(tables.apiRequests).values({
    ...{ id: newId(), userId: tenant.id, method: 'GET', route: '/x', path: `/x/${MARK}`, status: 200 },
    ...{ durationMs: 1, via: 'jwt', actorId: tenant.id, requestId: MARK, sessionId: OTHER, at },
  });
}

async function addFiles(at: number): Promise<void> {
  const file = {
    userId: tenant.id,
    sessionId: OTHER,
    sha256: 'a'.repeat(64),
    mimetype: 'image/gif',
    size: 1,
  };
  const rest = { filename: MARK, storageKey: 'none', createdAt: at, expiresAt: at + 86_400_000_000 };
  await t.deps.db.insert(tables.media).values([
    { ...file, ...rest, id: id.upload, kind: 'upload' },
    // Of the whole account, and by no session.
    { ...file, ...rest, id: id.outbound, kind: 'outbound', sessionId: null },
    { ...file, ...rest, id: id.inbound, kind: 'inbound', accountId: id.account },
  ]);
}

async function addWebhooks(at: number): Promise<void> {
  const { db } = t.deps;
  const hook = { userId: tenant.id, events: ['*'], createdAt: at, updatedAt: at };
  const secretOf = (of: string) => sealWebhookSecret(t.deps.secrets, of, newWebhookSecret());
  const url = `https://hooks.example.com/${MARK}`;
  await db.insert(tables.webhooks).values([
    { ...hook, id: id.webhook, secret: secretOf(id.webhook), sessionId: OTHER, url, status: 'active' },
    {
      ...hook,
      id: id.ownWebhook,
      secret: secretOf(id.ownWebhook),
      sessionId: OWN,
      url: 'https://hooks.example.com/',
      status: 'active',
    },
  ]);
  const told = { userId: tenant.id, accountId: id.account, sessionId: OTHER, seq: 1, event: 'message.sent' };
  const state = { state: 'dead' as const, giveUpAt: at, createdAt: at, lastError: MARK };
  await db.insert(tables.webhookOutbox).values([
    { ...told, ...state, id: id.delivery, webhookId: id.webhook, lane: 'a', activityId: newId() },
    // The webhook was the other session's before it became the key's own.
    { ...told, ...state, id: id.ownWebhooksOld, webhookId: id.ownWebhook, lane: 'b', activityId: newId() },
  ]);
}

const nameOf = (route: Route) => `${route.method.toUpperCase()} ${route.path}`;
const keyed = allRoutes.filter(({ auth }) => auth === 'credential' || auth === 'browser');

/** What the parameters of a route can name of the other session. */
function targetsOf({ path }: Route): string[] {
  if (path.includes('/campaign')) return [id.campaign];
  if (path.includes('/imports/')) return [id.import];
  if (path.startsWith('/otp/templates')) return [id.otpTemplate];
  if (path.includes('/broadcast/templates')) return [id.template];
  if (path.startsWith('/webhook/deliveries')) return [id.delivery, id.ownWebhooksOld];
  if (path.startsWith('/webhook')) return [id.webhook, id.ownWebhook];
  if (path.startsWith('/message')) return [`${MARK}-out`, `${MARK}-in`];
  if (path.startsWith('/media')) return [id.upload, id.outbound, id.inbound];
  return [''];
}

const MARKED: Record<string, string> = {
  listId: id.list,
  templateId: id.template,
  filename: `${id.upload}.gif`,
  number: MARKED_PHONE,
  phone: MARKED_PHONE,
  to: MARKED_PHONE,
  phoneNumber: MARKED_PHONE,
  otpId: id.otp,
  checkId: id.check,
  messageId: `${MARK}-out`,
};

/** The example of the route, with everything that it can name replaced by what is the other session's. */
function callsOf(route: Route): { path: string; call: Call }[] {
  const calls: { path: string; call: Call }[] = [];
  const sendsCode = /\/otp(\/send)?$/.test(route.path);
  for (const session of [OTHER, OWN, undefined]) {
    for (const target of targetsOf(route)) {
      const marked = (fields: Record<string, unknown> = {}) =>
        Object.fromEntries(
          Object.entries(fields).flatMap(([name, value]): [string, unknown][] => {
            if (name === 'session' || name === 'sessionId')
              return session === undefined ? [] : [[name, session]];
            if (name === 'id') return [[name, target]];
            if (name === 'messageId' && target !== '') return [[name, target]];
            // A number has one open code: a new one takes its place, whichever session sends it.
            if (sendsCode && name === 'to') return [[name, value]];
            return [[name, MARKED[name] ?? value]];
          }),
        );
      const params = { sessionId: session ?? OWN, ...marked(route.example?.params) };
      const path = route.path.replace(/:(\w+)/g, (_all, name: string) => String(Object(params)[name] ?? 'x'));
      const query = new URLSearchParams(marked(route.example?.query) as Record<string, string>).toString();
      const call: Call = { method: route.method.toUpperCase() };
      if (route.body) call.body = marked(route.example?.body);
      calls.push({ path: query === '' ? path : `${path}?${query}`, call });
    }
  }
  return calls;
}

describe('a key of one session, and a member of two', () => {
  it('count nothing of another one', async () => {
    for (const bound of [apiKey, membersKey]) {
      const overview = await t.call('/analytics/overview?range=24h', { apiKey: bound });
      expect(Object(overview.body.data)).toMatchObject({ queue: { messages: 0 } });
      // What somebody has written to the own one.
      expect(JSON.stringify(Object(overview.body.data).total)).toMatch(/^[^1-9]*"received":1[^1-9]*$/);
    }
    const whole = await t.call('/analytics/overview?range=24h', { token: tenant.token });
    expect(Object(whole.body.data)).toMatchObject({ queue: { messages: 1 } });
    expect((await t.call('/metrics', { apiKey })).status).toBe(403);
  });

  it('are not told who somebody is by what another one has learnt', async () => {
    const found = async (to: string, key: string) => {
      const path = `/session/${OWN}/chats/${encodeURIComponent(to)}/messages`;
      const reply = await t.call(path, key === '' ? { token: tenant.token } : { apiKey: key });
      expect(reply.status, reply.text).toBe(200);
      return [reply.body.data].flat().map((row) => Object(row).messageId);
    };
    for (const key of [apiKey, membersKey]) {
      expect(await found(`${WRITER}@lid`, key)).toEqual(['of-the-writer']);
      expect(await found(`+${SECRET_PHONE}`, key)).toEqual([]);
    }
    expect(await found(`+${SECRET_PHONE}`, '')).toEqual(['of-the-writer']);
  });

  it.each(keyed.map((route) => [nameOf(route), route] as const))(
    '%s tells them and changes nothing of another one',
    async (_name, route) => {
      const before = await belongings();
      for (const { path, call } of callsOf(route)) {
        for (const key of [apiKey, membersKey]) {
          const reply = await t.call(path, { ...call, apiKey: key });
          expect(reply.status, `${path} ${reply.text}`).not.toBe(500);
          expectUnmarked(reply, `${path} ${JSON.stringify(call.body)}`);
        }
      }
      expect(await belongings()).toEqual(before);
    },
    60_000,
  );
});

/** The ids that a call names come back in its refusals; what is known of them does not. */
function expectUnmarked(reply: Reply, asked: string): void {
  const text = reply.text.replaceAll(`${MARK}-out`, '').replaceAll(`${MARK}-in`, '');
  expect(text, asked).not.toContain(MARK);
  expect(text, asked).not.toContain(SECRET_PHONE);
}

/** Every row of the other session, and of what all sessions share. */
async function belongings() {
  const { db } = t.deps;
  const mine = tenant.id;
  const of = { account: inArray(tables.messages.accountId, [id.account]) };
  return {
    accounts: await db
      .select()
      .from(tables.whatsappAccounts)
      .where(eq(tables.whatsappAccounts.id, id.account)),
    messages: await db.select().from(tables.messages).where(of.account),
    queue: await db.select().from(tables.messageQueue).where(eq(tables.messageQueue.accountId, id.account)),
    checks: await db.select().from(tables.numberCheckJobs).where(eq(tables.numberCheckJobs.id, id.check)),
    lists: await db.select().from(tables.broadcastLists).where(eq(tables.broadcastLists.id, id.list)),
    contacts: await db
      .select()
      .from(tables.broadcastContacts)
      .where(eq(tables.broadcastContacts.listId, id.list)),
    optOuts: await db
      .select()
      .from(tables.optOuts)
      .where(and(eq(tables.optOuts.userId, mine), eq(tables.optOuts.phone, MARKED_PHONE))),
    words: await db.select().from(tables.optOutSettings).where(eq(tables.optOutSettings.userId, mine)),
    templates: await db
      .select()
      .from(tables.broadcastTemplates)
      .where(eq(tables.broadcastTemplates.userId, mine)),
    otpTemplates: await db.select().from(tables.otpTemplates).where(eq(tables.otpTemplates.userId, mine)),
    otpSettings: await db.select().from(tables.otpSettings).where(eq(tables.otpSettings.userId, mine)),
    otps: await db.select().from(tables.otps).where(eq(tables.otps.id, id.otp)),
    campaigns: await db.select().from(tables.campaigns).where(eq(tables.campaigns.sessionId, OTHER)),
    files: await db
      .select()
      .from(tables.media)
      .where(inArray(tables.media.id, [id.upload, id.outbound, id.inbound])),
    webhooks: await db.select().from(tables.webhooks).where(eq(tables.webhooks.id, id.webhook)),
    outbox: await db.select().from(tables.webhookOutbox).where(eq(tables.webhookOutbox.sessionId, OTHER)),
    log: await db.select().from(tables.activityLogs).where(eq(tables.activityLogs.accountId, id.account)),
  };
}
