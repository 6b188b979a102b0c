/** Every route that changes something leaves a row of the audit, or stands on a list with the reason why not. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import { auditEntries, identities, whatsappAccounts } from '../../src/db/schema.ts';
import type { EventName } from '../../src/events/table.ts';
import { DAY_MS } from '../../src/utils/durations.ts';
import { newId } from '../../src/utils/ids.ts';
import { makeMember, type Tenant } from '../helpers/tenant.ts';
import { openSessionApp, type SessionApp } from './session-app.ts';

/** A name of a route that begins so is no administrative act, because … */
const NOT_ADMINISTRATIVE: readonly (readonly [start: string, reason: string])[] = [
  ['POST /auth/sign-out', 'ends one token of the person; the one that ends all is kept'],
  ['POST /auth/second-factors/challenge', 'changes nothing'],
  ['POST /auth/second-factors/confirm', 'a step of signing in'],
  ['POST /auth/switch-workspace', 'looks elsewhere and changes nothing of a workspace'],
  ['POST /message/send-', 'the history of messages has it'],
  ['POST /message/:messageId/', 'the history of messages has it'],
  ['POST /message/check-number', 'changes nothing'],
  ['POST /contacts/check', 'the list of checks has it'],
  ['POST /media', 'a file for a message, which expires'],
  ['POST /otp/send', 'the log of codes has it'],
  ['POST /otp/verify', 'the log of codes has it'],
  ['POST /otp/resend', 'the log of codes has it'],
  ['POST /otp/expire', 'the log of codes has it'],
  ['POST /session/check-phone', 'changes nothing'],
  ['POST /session/:sessionId/proxy/test', 'changes nothing'],
  ['POST /session/passkey/', 'a step of linking: the log of activity has what the session became'],
  ['POST /session/:sessionId/broadcast/lists/:listId/contacts', 'the content of a list; imports are kept'],
  ['PUT /session/:sessionId/broadcast/lists/:listId/contacts', 'the content of a list'],
  ['DELETE /session/:sessionId/broadcast/lists/:listId/contacts', 'the content of a list'],
  ['POST /session/:sessionId/broadcast/templates/preview', 'changes nothing'],
  ['POST /session/:sessionId/broadcast/estimate', 'changes nothing'],
  ['POST /session/:sessionId/broadcast/upload', 'a file for campaigns, which expires'],
  ['DELETE /session/:sessionId/broadcast/upload', 'a file for campaigns, which expires'],
  ['PUT /session/:sessionId/broadcast/opt-outs/:number', 'a note at an opt-out'],
  ['POST /session/:sessionId/groups', 'the group itself has it, and WhatsApp tells it as an event'],
  ['POST /session/:sessionId/chats/', 'reading and typing, as messages'],
  ['PUT /session/:sessionId/chats/', 'how the phone keeps a chat'],
  ['POST /session/:sessionId/labels', 'the phone has its labels, and WhatsApp tells of them as an event'],
  ['PUT /session/:sessionId/labels/', 'the phone has its labels, and WhatsApp tells of them as an event'],
  ['DELETE /session/:sessionId/labels/', 'the phone has its labels, and WhatsApp tells of them as an event'],
  ['POST /session/:sessionId/contacts/', 'the phone has whom it blocks'],
  ['PUT /session/:sessionId/presence', 'passes with the connection'],
  ['POST /session/:sessionId/presence/', 'passes with the connection'],
  ['POST /session/:sessionId/calls/', 'the log of activity has the call'],
  ['PUT /session/:sessionId/groups', 'the same'],
  ['DELETE /session/:sessionId/groups', 'the same'],
  ['POST /alerts/channels/:id/test', 'changes nothing'],
  ['POST /webhook/:id/test', 'the history of deliveries has it'],
  ['POST /webhook/deliveries/', 'the history of deliveries has it'],
  ['POST /webhook/:id/retry', 'the history of deliveries has it'],
  ['POST /webhook/:id/replay-failed', 'the list of replays has it'],
  ['POST /webhook/replays/', 'the list of replays has it'],
  ['POST /api/messages/', 'the same act under an older name'],
  ['POST /api/sessions/', 'the same act under an older name'],
  ['PUT /api/sessions/', 'the same act under an older name'],
  ['DELETE /api/sessions/', 'the same act under an older name'],
  ['POST /api/whatsapp/', 'the same act under an older name'],
];

/** Acts that need more of a world than this file has, with what keeps their rows or sees them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'POST /session/import': 'tests/transfer',
  'POST /auth/second-factors/totp': 'src/services/auth/second-factor',
  'POST /auth/second-factors/totp/confirm': 'src/services/auth/second-factor',
  'POST /auth/second-factors/passkey': 'src/services/auth/second-factor',
  'POST /auth/second-factors/passkey/confirm': 'src/services/auth/second-factor',
  'POST /auth/second-factors/recovery-codes': 'src/services/auth/second-factor',
  'POST /auth/second-factors/:id/remove': 'src/services/auth/second-factor',
  'DELETE /user/:id/second-factors': 'src/services/auth/second-factor',
  'DELETE /auth/sign-ins/:id': 'src/services/auth/sign-ins.ts',
  'POST /user/:id/reset-link': 'src/services/auth',
  'POST /workspace/members/:userId/reset-link': 'src/services/auth',
  'PUT /workspace/security': 'src/services/workspaces/verbs.ts',
  'POST /session/:sessionId/broadcast/campaigns/:id/retry-failed': 'tests/broadcast/campaign-life.test.ts',
};

let t: SessionApp;
let owner: Tenant;
let admin: Tenant;
/** What was made on the way, by a name. */
const ids = new Map<string, string>();
beforeAll(async () => {
  t = await openSessionApp();
  owner = await t.tenant();
  admin = await t.tenant('admin');
});
afterAll(() => t.close());

interface Act {
  event: EventName;
  path: string;
  /** names of `ids` in angle brackets; also in the path */
  body?: unknown;
  as?: () => Tenant | Promise<Tenant>;
  /** keeps the id in the answer under this name */
  keeps?: string;
  before?: () => unknown;
}

const at = (name: string) => ids.get(name) ?? `no-${name}`;
const fill = (text: string) => text.replace(/<(\w+)>/g, (_all, name: string) => at(name));

const B = '/session/s1/broadcast';
const member = async (name: string) => {
  const made = await makeMember(t.deps, owner.id, 'operator');
  ids.set(name, String(made.id));
  return made;
};

/** In an order in which each finds what it needs. */
const ACTS: Readonly<Record<string, Act>> = {
  'PUT /auth/me': { event: 'user.updated', path: '/auth/me', body: { timezone: 'Asia/Makassar' } },
  'POST /auth/regenerate-api-key': { event: 'api_key.regenerated', path: '/auth/regenerate-api-key' },
  'POST /auth/api-keys': {
    event: 'api_key.created',
    path: '/auth/api-keys',
    body: { name: 'shop', scopes: ['read'] },
    keeps: 'key',
  },
  'DELETE /auth/api-keys/:id': { event: 'api_key.revoked', path: '/auth/api-keys/<key>' },
  'DELETE /auth/identities/:id': {
    event: 'auth.identity_unlinked',
    path: '/auth/identities/<identity>',
    before: linkIdentity,
  },
  'PUT /workspace': { event: 'workspace.updated', path: '/workspace', body: { name: 'Toko' } },
  'POST /workspace': { event: 'workspace.created', path: '/workspace', body: { name: 'Kedua' } },
  'POST /workspace/invitations': {
    event: 'member.invited',
    path: '/workspace/invitations',
    body: { email: 'clerk@example.com', role: 'viewer' },
    keeps: 'invitation',
  },
  'DELETE /workspace/invitations/:id': {
    event: 'member.invitation_revoked',
    path: '/workspace/invitations/<invitation>',
  },
  'PUT /workspace/members/:userId': {
    event: 'member.updated',
    path: '/workspace/members/<member>',
    body: { role: 'viewer' },
    before: () => member('member'),
  },
  'DELETE /workspace/members/:userId': { event: 'member.removed', path: '/workspace/members/<member>' },
  'POST /workspace/leave': {
    event: 'member.removed',
    path: '/workspace/leave',
    as: () => member('leaver'),
  },
  'POST /workspace/domains': {
    event: 'domain.added',
    path: '/workspace/domains',
    body: { domain: 'walk.example', role: 'viewer' },
    keeps: 'domain',
  },
  'PUT /workspace/domains/:id': {
    event: 'domain.updated',
    path: '/workspace/domains/<domain>',
    body: { role: 'operator' },
  },
  'POST /workspace/domains/:id/verify': {
    event: 'domain.verified',
    path: '/workspace/domains/<domain>/verify',
    before: proveDomain,
  },
  'DELETE /workspace/domains/:id': { event: 'domain.removed', path: '/workspace/domains/<domain>' },
  'POST /user/domains': {
    event: 'domain.added',
    path: '/user/domains',
    body: { workspaceId: '<owner>', domain: 'given.example', role: 'viewer' },
    as: () => admin,
    keeps: 'given',
  },
  'DELETE /user/domains/:id': { event: 'domain.removed', path: '/user/domains/<given>', as: () => admin },
  'POST /user/create': {
    event: 'user.created',
    path: '/user/create',
    body: { email: 'made@example.com', password: 'a long password', name: 'Made', role: 'user' },
    as: () => admin,
    keeps: 'user',
  },
  'PUT /user/:id': { event: 'user.updated', path: '/user/<user>', body: { name: 'Other' }, as: () => admin },
  'DELETE /user/:id': { event: 'user.disabled', path: '/user/<user>', as: () => admin },
  'POST /plan/create': {
    event: 'plan.created',
    path: '/plan/create',
    body: { name: 'Starter', limits: { sessions: 2 } },
    as: () => admin,
    keeps: 'plan',
  },
  'PUT /plan/:planId': {
    event: 'plan.updated',
    path: '/plan/<plan>',
    body: { name: 'Start' },
    as: () => admin,
  },
  'PUT /workspace/:workspaceId/plan': {
    event: 'workspace.plan_changed',
    path: '/workspace/<other>/plan',
    body: { planId: null, limits: { sessions: 3 } },
    as: () => admin,
    before: async () => ids.set('other', String((await t.tenant()).id)),
  },
  'POST /workspace/:workspaceId/suspend': {
    event: 'workspace.suspended',
    path: '/workspace/<other>/suspend',
    body: { reason: 'The invoice is open.' },
    as: () => admin,
  },
  'POST /workspace/:workspaceId/resume': {
    event: 'workspace.resumed',
    path: '/workspace/<other>/resume',
    as: () => admin,
  },
  'DELETE /plan/:planId': { event: 'plan.deleted', path: '/plan/<plan>', as: () => admin },
  'POST /session/create': { event: 'session.created', path: '/session/create', body: { sessionId: 's1' } },
  'PUT /session/:sessionId': { event: 'session.changed', path: '/session/s1', body: { label: 'Toko' } },
  'PUT /session/:sessionId/limits': {
    event: 'session.limits',
    path: '/session/s1/limits',
    body: { perMinute: 10 },
  },
  'POST /session/restart': {
    event: 'session.restarted',
    path: '/session/restart',
    body: { sessionId: 's1' },
  },
  'POST /session/logout': {
    event: 'session.logged_out',
    path: '/session/logout',
    body: { sessionId: 's1' },
  },
  'POST /pool/create': {
    event: 'pool.created',
    path: '/pool/create',
    body: { name: 'shops', sessions: ['s1'] },
  },
  'PUT /pool/:poolId': { event: 'pool.updated', path: '/pool/shops', body: { sessions: ['s1'] } },
  'DELETE /pool/:poolId': { event: 'pool.deleted', path: '/pool/shops' },
  'POST /message/pause-queue': {
    event: 'queue.paused',
    path: '/message/pause-queue',
    body: { session: 's1' },
  },
  'POST /message/resume-queue': {
    event: 'queue.resumed',
    path: '/message/resume-queue',
    body: { session: 's1' },
  },
  'POST /message/clear-queue': {
    event: 'queue.cleared',
    path: '/message/clear-queue',
    body: { session: 's1' },
  },
  'POST /otp/templates': {
    event: 'template.created',
    path: '/otp/templates',
    body: { name: 'login', body: 'Your code is {otp}.' },
    keeps: 'otp',
  },
  'PUT /otp/templates/:id': {
    event: 'template.updated',
    path: '/otp/templates/<otp>',
    body: { name: 'sign-in' },
  },
  'DELETE /otp/templates/:id': { event: 'template.deleted', path: '/otp/templates/<otp>' },
  'PUT /otp/settings': {
    event: 'settings.updated',
    path: '/otp/settings',
    body: { allowedCountries: ['ID'] },
  },
  'POST /session/:sessionId/broadcast/lists': {
    event: 'list.created',
    path: `${B}/lists`,
    body: { name: 'Customers' },
    keeps: 'list',
  },
  'PUT /session/:sessionId/broadcast/lists/:listId': {
    event: 'list.updated',
    path: `${B}/lists/<list>`,
    body: { name: 'VIP' },
  },
  'DELETE /session/:sessionId/broadcast/lists/:listId': { event: 'list.deleted', path: `${B}/lists/<list>` },
  'POST /session/:sessionId/broadcast/templates': {
    event: 'template.created',
    path: `${B}/templates`,
    body: { name: 'promo', body: 'Halo {name|Kak}' },
    keeps: 'template',
  },
  'PUT /session/:sessionId/broadcast/templates/:id': {
    event: 'template.updated',
    path: `${B}/templates/<template>`,
    body: { body: 'Hai' },
  },
  'DELETE /session/:sessionId/broadcast/templates/:id': {
    event: 'template.deleted',
    path: `${B}/templates/<template>`,
  },
  'POST /session/:sessionId/broadcast/opt-outs': {
    event: 'opt_out.added',
    path: `${B}/opt-outs`,
    body: { number: '6281234567890' },
  },
  'DELETE /session/:sessionId/broadcast/opt-outs/:number': {
    event: 'opt_out.removed',
    path: `${B}/opt-outs/6281234567890`,
  },
  'POST /session/:sessionId/broadcast/opt-outs/import': {
    event: 'contacts.import_started',
    path: `${B}/opt-outs/import`,
    body: { file: 'data:text/csv;base64,bmFtZSxudW1iZXIKSm9obiBEb2UsNjI4MTIzNDU2Nzg5Cg==' },
  },
  'PUT /session/:sessionId/broadcast/opt-outs/words': {
    event: 'settings.updated',
    path: `${B}/opt-outs/words`,
    body: { words: ['CUKUP'] },
  },
  'POST /session/:sessionId/broadcast/schedule': {
    event: 'campaign.created',
    path: `${B}/schedule`,
    body: {
      numbers: ['6281234567891'],
      message: 'Halo',
      scheduledAt: new Date(Date.now() + DAY_MS).toISOString(),
    },
    before: linkSession,
  },
  'POST /session/:sessionId/broadcast/send': {
    event: 'campaign.started',
    path: `${B}/send`,
    body: { numbers: ['6281234567892'], message: 'Halo' },
    keeps: 'campaign',
  },
  'POST /session/:sessionId/broadcast/campaigns/:id/pause': {
    event: 'campaign.paused',
    path: `${B}/campaigns/<campaign>/pause`,
  },
  'PUT /session/:sessionId/broadcast/campaigns/:id': {
    event: 'campaign.updated',
    path: `${B}/campaigns/<campaign>`,
    body: { message: 'Halo lagi' },
  },
  'POST /session/:sessionId/broadcast/campaigns/:id/resume': {
    event: 'campaign.resumed',
    path: `${B}/campaigns/<campaign>/resume`,
  },
  'POST /session/:sessionId/broadcast/campaigns/:id/stop': {
    event: 'campaign.stopped',
    path: `${B}/campaigns/<campaign>/stop`,
  },
  'POST /session/:sessionId/broadcast/campaigns/:id/recall': {
    event: 'campaign.recalled',
    path: `${B}/campaigns/<campaign>/recall`,
  },
  'POST /session/:sessionId/broadcast/campaigns/:id/clone': {
    event: 'campaign.created',
    path: `${B}/campaigns/<campaign>/clone`,
    body: { campaignName: 'Again' },
  },
  'POST /alerts/channels': {
    event: 'alert_channel.created',
    path: '/alerts/channels',
    body: {
      name: 'On call',
      type: 'webhook',
      kinds: ['*'],
      target: 'https://hooks.example.com/alarms',
    },
    keeps: 'channel',
  },
  'PUT /alerts/channels/:id': {
    event: 'alert_channel.updated',
    path: '/alerts/channels/<channel>',
    body: { kinds: ['session_ended'] },
  },
  'POST /alerts/channels/:id/rotate-secret': {
    event: 'alert_channel.updated',
    path: '/alerts/channels/<channel>/rotate-secret',
  },
  'DELETE /alerts/channels/:id': {
    event: 'alert_channel.deleted',
    path: '/alerts/channels/<channel>',
  },
  'POST /webhook': {
    event: 'webhook.created',
    path: '/webhook',
    body: { url: 'https://hooks.example.com/wahub', events: ['message.received'] },
    keeps: 'webhook',
  },
  'PUT /webhook/:id': { event: 'webhook.updated', path: '/webhook/<webhook>', body: { events: ['*'] } },
  'POST /webhook/:id/rotate-secret': {
    event: 'webhook.secret_rotated',
    path: '/webhook/<webhook>/rotate-secret',
    body: { graceMinutes: 60 },
  },
  'PUT /requests/settings': {
    event: 'workspace.updated',
    path: '/requests/settings',
    body: { keepBodies: false },
  },
  'DELETE /webhook/:id': { event: 'webhook.deleted', path: '/webhook/<webhook>' },
  'POST /analytics/cleanup': {
    event: 'analytics.cleaned',
    path: '/analytics/cleanup',
    body: { activityDays: 30, otpDays: 7 },
  },
  'POST /session/cleanup': {
    event: 'session.deleted',
    path: '/session/cleanup',
    body: { hours: 1 },
    before: leaveOldSession,
  },
  'DELETE /session/:sessionId': { event: 'session.deleted', path: '/session/s1' },
  'POST /workspace/transfer-ownership': {
    event: 'member.updated',
    path: '/workspace/transfer-ownership',
    body: { userId: '<heir>' },
    before: () => member('heir'),
  },
  'POST /auth/change-password': {
    event: 'auth.password_changed',
    path: '/auth/change-password',
    body: { currentPassword: 'tenant-password', newPassword: 'correct horse battery' },
    as: () => admin,
  },
  'POST /auth/sign-out-everywhere': {
    event: 'auth.signed_out_everywhere',
    path: '/auth/sign-out-everywhere',
    body: {},
  },
};

async function linkIdentity(): Promise<void> {
  const row = {
    id: newId(),
    userId: owner.id,
    provider: 'test',
    issuer: 'https://login.example',
    subject: '1',
  };
  await t.deps.db.insert(identities).values({ ...row, email: '', createdAt: 0, lastUsedAt: 0 });
  ids.set('identity', row.id);
}

async function proveDomain(): Promise<void> {
  const { body } = await t.call('/workspace/domains', { token: owner.token });
  const [{ record }] = body.data as [{ record: { value: string } }];
  t.deps.lookUpTxt = () => Promise.resolve([record.value]);
}

async function linkSession(): Promise<void> {
  const changes = { status: 'connected' as const, paired: true, phoneNumber: '6281399990009' };
  await t.deps.db.update(whatsappAccounts).set(changes).where(eq(whatsappAccounts.userId, owner.id));
}

async function leaveOldSession(): Promise<void> {
  const row = {
    id: newId(),
    userId: owner.id,
    sessionId: 'old',
    status: 'logged_out',
    pairing: 'qr',
  } as const;
  const long = Date.now() - DAY_MS;
  await t.deps.db.insert(whatsappAccounts).values({ ...row, createdAt: long, updatedAt: long });
}

const nameOf = (route: (typeof allRoutes)[number]) => `${route.method.toUpperCase()} ${route.path}`;

it('every route that changes something is an act below, or has a reason not to be', () => {
  const changing = allRoutes.filter(({ method, auth }) => method !== 'get' && auth !== 'public').map(nameOf);
  const isExcused = (name: string) => NOT_ADMINISTRATIVE.some(([start]) => name.startsWith(start));
  const known = (name: string) => name in ACTS || name in ELSEWHERE || isExcused(name);
  expect(changing.filter((name) => !known(name))).toEqual([]);
  const gone = [...Object.keys(ACTS), ...Object.keys(ELSEWHERE)].filter((name) => !changing.includes(name));
  expect(gone).toEqual([]);
  const unused = NOT_ADMINISTRATIVE.filter(([start]) => !changing.some((name) => name.startsWith(start)));
  expect(unused).toEqual([]);
});

describe('the audit has a row, with who and from where, of', () => {
  it.each(Object.entries(ACTS))('%s', async (name, act) => {
    ids.set('owner', String(owner.id));
    await act.before?.();
    const who = (await act.as?.()) ?? (name === 'POST /workspace' ? admin : owner);
    const [method = ''] = name.split(' ');
    const body = act.body === undefined ? undefined : JSON.parse(fill(JSON.stringify(act.body)));
    if (typeof body?.userId === 'string') body.userId = Number(body.userId);
    if (typeof body?.workspaceId === 'string') body.workspaceId = Number(body.workspaceId);
    const before = await rowsOf(act.event);
    const headers = { 'user-agent': 'walk/1.0' };
    const call = { method, token: who.token, headers, ...(body === undefined ? {} : { body }) };
    const reply = await t.call(fill(act.path), call);
    expect(reply.status, reply.text).toBeLessThan(300);
    if (act.keeps !== undefined) ids.set(act.keeps, String(Object(reply.body.data).id));
    const rows = (await rowsOf(act.event)).filter(({ id }) => !before.some((each) => each.id === id));
    expect(rows.length, `${act.event} is not in the audit`).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row).toMatchObject({ actorId: who.id, ip: '127.0.0.1', userAgent: 'walk/1.0' });
      expect(row.requestId).toBe(reply.headers.get('x-request-id'));
    }
  });
});

function rowsOf(event: EventName) {
  return t.deps.db.select().from(auditEntries).where(eq(auditEntries.event, event));
}
