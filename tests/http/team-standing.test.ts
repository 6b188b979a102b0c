/** What members are now counts, not what they were when they asked, invited or made a key. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp, type HttpApp } from '../../src/app.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import { insertMany } from '../../src/db/ops.ts';
import { apiKeys, auditEntries, users, workspaceMembers, workspaces } from '../../src/db/schema.ts';
import { signLink } from '../../src/services/signed-links.ts';
import { settleAllOwners } from '../../src/services/workspaces/owners.ts';
import { newId } from '../../src/utils/ids.ts';
import { type Call, depsElsewhere, openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { makeMember } from '../helpers/tenant.ts';

const clock = createManualClock(Date.parse('2027-01-04T08:00:00Z'));
let t: TestApp;
/** Another process over the same database: it remembers a credential for a second, and the clock stands. */
let elsewhere: HttpApp;
beforeAll(async () => {
  t = await openTestApp({ clock });
  elsewhere = createApp(depsElsewhere(t.deps, t.deps.database), allRoutes);
});
afterAll(async () => {
  await elsewhere.stop();
  await t.close();
});

type Token = Pick<Tenant, 'token'>;

const call = (method: string, path: string, { token }: Token, body?: unknown) =>
  t.call(path, { method, token, ...(body === undefined ? {} : { body }) });

/** The status that the other process answers with. */
async function statusElsewhere(method: string, path: string, { token }: Token, body?: unknown) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  return (await elsewhere.request(path, init)).status;
}

let invited = 0;
async function invite(by: Token, role = 'viewer') {
  const email = `asked-${++invited}@example.com`;
  const reply = await call('POST', '/workspace/invitations', by, { email, role });
  expect(reply.status).toBe(201);
  return Object(reply.body.data) as { id: string; token: string };
}

const accept = ({ token }: { token: string }) =>
  t.call('/auth/accept-invitation', { method: 'POST', body: { token, password: 'a long password' } });

async function makeKey(by: Token, scopes: string[], sessionId?: string): Promise<string> {
  const body = { name: 'a key', scopes, ...(sessionId === undefined ? {} : { sessionId }) };
  const reply = await call('POST', '/auth/api-keys', by, body);
  expect(reply.status).toBe(201);
  return String(reply.body.apiKey);
}

const keysOf = (workspaceId: number) =>
  t.deps.db
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.userId, workspaceId), eq(apiKeys.kind, 'extra')));

/** A membership more for somebody who exists. */
async function join(personId: number, workspaceId: number, role: 'admin' | 'operator' | 'owner') {
  const times = { createdAt: clock.now(), updatedAt: clock.now() };
  await t.deps.db.insert(workspaceMembers).values({ workspaceId, userId: personId, role, ...times });
}

describe('a member whom another process still knows as what they were', () => {
  it.each([
    ['invites', 'POST', '/workspace/invitations', { email: 'late@example.com', role: 'viewer' }],
    ['ends invitations', 'DELETE', '/workspace/invitations/<invitation>', undefined],
    ['changes members', 'PUT', '/workspace/members/<other>', { role: 'admin' }],
    ['removes members', 'DELETE', '/workspace/members/<other>', undefined],
    ['makes keys', 'POST', '/auth/api-keys', { name: 'late', scopes: ['read'] }],
    ['ends keys', 'DELETE', '/auth/api-keys/<key>', undefined],
  ])('no longer %s', async (_what, method, path, body) => {
    const owner = await t.tenant();
    const other = await makeMember(t.deps, owner.id, 'operator');
    const { id } = await invite(owner);
    await makeKey(owner, ['read']);
    const [key] = await keysOf(owner.id);
    const names = { '<other>': other.id, '<invitation>': id, '<key>': key?.id };
    const place = path.replace(/<\w+>/, (name) => String(Object(names)[name]));
    const demoted = await makeMember(t.deps, owner.id, 'admin');
    const removed = await makeMember(t.deps, owner.id, 'admin');
    for (const one of [demoted, removed]) {
      expect(await statusElsewhere('GET', '/workspace', one)).toBe(200);
    }
    await call('PUT', `/workspace/members/${demoted.id}`, owner, { role: 'viewer' });
    await call('DELETE', `/workspace/members/${removed.id}`, owner);
    for (const one of [demoted, removed]) {
      expect(await statusElsewhere(method, place, one, body)).toBe(403);
    }
    expect(await statusElsewhere(method, place, owner, body)).toBeLessThan(300);
  });

  it('no longer hands over what is not theirs', async () => {
    const owner = await t.tenant();
    const second = await makeMember(t.deps, owner.id, 'owner');
    const friend = await makeMember(t.deps, owner.id, 'viewer');
    expect(await statusElsewhere('GET', '/workspace', second)).toBe(200);
    await call('PUT', `/workspace/members/${second.id}`, owner, { role: 'operator' });
    const body = { userId: friend.id };
    expect(await statusElsewhere('POST', '/workspace/transfer-ownership', second, body)).toBe(403);
    expect(await statusElsewhere('POST', '/workspace/transfer-ownership', owner, body)).toBe(200);
  });

  it('signs links that are over, too, for as long as it is remembered', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'viewer');
    await call('DELETE', `/workspace/members/${member.id}`, owner);
    const link = (afterMs: number) =>
      t.deps.credentials.fromLink(owner.id, { purpose: 'qr', issuedAt: clock.now() + afterMs });
    expect(await link(1_000)).toBeNull();
    expect(await link(1_001)).not.toBeNull();
  });
});

describe('an invitation', () => {
  it('ends with the membership of who made it', async () => {
    const owner = await t.tenant();
    const admin = await makeMember(t.deps, owner.id, 'admin');
    const made = await invite(admin, 'admin');
    const kept = await invite(owner);
    await call('DELETE', `/workspace/members/${admin.id}`, owner);
    expect((await accept(made)).status).toBe(404);
    expect((await call('GET', '/workspace/invitations', owner)).body.data).toMatchObject([{ id: kept.id }]);
    expect((await accept(kept)).status).toBe(201);
  });

  it('ends when who made it could not make it any more', async () => {
    const owner = await t.tenant();
    const admin = await makeMember(t.deps, owner.id, 'admin');
    const made = await invite(admin);
    const set = (body: unknown) => call('PUT', `/workspace/members/${admin.id}`, owner, body);
    await set({ role: 'operator' });
    await set({ role: 'admin' });
    expect((await accept(made)).status).toBe(404);
    const again = await invite(admin);
    await set({ sessionId: 'main' });
    expect((await accept(again)).status).toBe(404);
    const ofOwner = await invite(owner, 'owner');
    const ofAdmin = await invite(owner, 'admin');
    await set({ role: 'admin', sessionId: null });
    await call('POST', '/workspace/transfer-ownership', owner, { userId: admin.id });
    expect((await accept(ofOwner)).status).toBe(404);
    expect((await accept(ofAdmin)).status).toBe(201);
  });

  it('is not accepted while who made it is disabled or read-only in the service', async () => {
    const owner = await t.tenant();
    const admin = await makeMember(t.deps, owner.id, 'admin');
    const made = await invite(admin);
    const set = (changes: Partial<typeof users.$inferInsert>) =>
      t.deps.db.update(users).set(changes).where(eq(users.id, admin.id));
    await set({ status: 'disabled' });
    expect((await accept(made)).status).toBe(404);
    await set({ status: 'active', role: 'readonly' });
    expect((await accept(made)).status).toBe(404);
    await set({ role: 'user' });
    expect((await accept(made)).status).toBe(201);
  });
});

describe('ownership', () => {
  const setRole = async (personId: number, role: 'readonly' | 'user') =>
    t.call(`/user/${personId}`, { method: 'PUT', token: (await t.tenant('admin')).token, body: { role } });
  const roleOf = async (workspaceId: number, { token }: Token) => {
    const reply = await t.call('/workspace', { token });
    return Object(reply.body.data).role ?? `${workspaceId} has no role`;
  };

  it('goes to nobody who can only read', async () => {
    const owner = await t.tenant();
    const reader = await makeMember(t.deps, owner.id, 'admin');
    await t.deps.db.update(users).set({ role: 'readonly' }).where(eq(users.id, reader.id));
    const hand = () => call('POST', '/workspace/transfer-ownership', owner, { userId: reader.id });
    expect(await hand()).toMatchObject({ status: 409, body: { error: 'This member can only read.' } });
    expect(await roleOf(owner.id, owner)).toBe('owner');
    await t.deps.db.update(users).set({ role: 'user' }).where(eq(users.id, reader.id));
    expect((await hand()).status).toBe(200);
  });

  it('is left by nobody while the other owner can only read', async () => {
    const owner = await t.tenant();
    const reader = await makeMember(t.deps, owner.id, 'owner');
    await t.deps.db.update(users).set({ role: 'readonly' }).where(eq(users.id, reader.id));
    expect((await call('POST', '/workspace/leave', owner)).status).toBe(409);
    const stepDown = () => call('PUT', `/workspace/members/${owner.id}`, owner, { role: 'admin' });
    expect((await stepDown()).status).toBe(409);
    await t.deps.db.update(users).set({ role: 'user' }).where(eq(users.id, reader.id));
    expect((await stepDown()).status).toBe(200);
  });

  it('of a team is not taken from its last owner by an administrator who makes them read-only', async () => {
    const owner = await t.tenant();
    expect((await setRole(owner.id, 'readonly')).status).toBe(200);
    expect((await setRole(owner.id, 'user')).status).toBe(200);
    const second = await makeMember(t.deps, owner.id, 'owner');
    expect((await setRole(owner.id, 'readonly')).status).toBe(200);
    expect(await setRole(second.id, 'readonly')).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('must have an owner') },
    });
    expect((await setRole(owner.id, 'user')).status).toBe(200);
    expect((await setRole(second.id, 'readonly')).status).toBe(200);
  });

  it('stops its workspace with the last owner who can do something, though another one reads', async () => {
    const owner = await t.tenant();
    const reader = await makeMember(t.deps, owner.id, 'owner');
    const operator = await makeMember(t.deps, owner.id, 'operator');
    expect((await setRole(reader.id, 'readonly')).status).toBe(200);
    const setStatus = async (status: 'active' | 'disabled') =>
      t.call(`/user/${owner.id}`, {
        method: 'PUT',
        token: (await t.tenant('admin')).token,
        body: { status },
      });
    const statusOf = async () => {
      const [row] = await t.deps.db.select().from(workspaces).where(eq(workspaces.id, owner.id));
      return row?.status;
    };
    const settle = () => settleAllOwners(t.deps.db, clock.now(), new AbortController().signal);
    await setStatus('disabled');
    expect(await statusOf()).toBe('disabled');
    await settle();
    expect(await statusOf(), 'an hour later').toBe('disabled');
    expect((await call('GET', '/session/list', operator)).status).toBe(401);
    expect((await setRole(reader.id, 'user')).status).toBe(200);
    expect(await statusOf()).toBe('active');
    await setStatus('active');
    expect((await setRole(reader.id, 'readonly')).status).toBe(200);
    expect(await statusOf()).toBe('active');
    // One that somebody has alone goes on with them.
    const alone = await t.tenant();
    expect((await setRole(alone.id, 'readonly')).status).toBe(200);
    expect((await call('GET', '/workspace', alone)).status).toBe(200);
  });

  it('ends the signed links of whoever gives it away, or can only read', async () => {
    const owner = await t.tenant();
    const heir = await makeMember(t.deps, owner.id, 'owner');
    const link = () => t.deps.credentials.fromLink(owner.id, { purpose: 'qr', issuedAt: clock.now() });
    expect(await link()).not.toBeNull();
    expect((await setRole(heir.id, 'readonly')).status).toBe(200);
    expect(await link()).toBeNull();
    expect((await setRole(heir.id, 'user')).status).toBe(200);
    clock.advance(1_001);
    expect(await link()).not.toBeNull();
    await call('POST', '/workspace/transfer-ownership', owner, { userId: heir.id });
    expect(await link()).toBeNull();
  });
});

describe('keys', () => {
  it("that an administrator of the service makes in another workspace reach nobody else's things", async () => {
    const owner = await t.tenant();
    const stranger = await t.tenant();
    const admin = await t.tenant('admin');
    await join(admin.id, owner.id, 'admin');
    const there = await makeKey({ token: t.deps.credentials.signToken(admin.id, 0, owner.id) }, ['*']);
    const athome = await makeKey(admin, ['*']);
    const path = `/session/list?userId=${stranger.id}`;
    expect((await t.call(path, { apiKey: there })).status).toBe(403);
    expect((await t.call('/session/list', { apiKey: there })).status).toBe(200);
    expect((await t.call(path, { apiKey: athome })).status).toBe(200);
  });

  it('of whoever is read-only in the service can only read after they have left', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'admin');
    const apiKey = await makeKey(member, ['*']);
    await t.deps.db.update(users).set({ role: 'readonly' }).where(eq(users.id, member.id));
    clock.advance(1_001);
    expect((await call('POST', '/workspace/leave', member)).status).toBe(200);
    expect(await keysOf(owner.id)).toMatchObject([{ scopes: ['read'] }]);
    const write: Call = { method: 'POST', apiKey, body: { hours: 1 } };
    expect((await t.call('/session/cleanup', write)).status).toBe(403);
  });

  it('of a session do nothing while their maker is bound to another one, and end when that one leaves', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'admin');
    const ofA = await makeKey(member, ['read'], 'a');
    const ofB = await makeKey(member, ['read'], 'b');
    const status = async (apiKey: string) => (await t.call('/session/list', { apiKey })).status;
    const bind = (sessionId: string | null) =>
      call('PUT', `/workspace/members/${member.id}`, owner, { sessionId });
    await bind('b');
    expect([await status(ofA), await status(ofB)]).toEqual([401, 200]);
    await bind(null);
    expect([await status(ofA), await status(ofB)]).toEqual([200, 200]);
    await bind('b');
    await call('DELETE', `/workspace/members/${member.id}`, owner);
    expect([await status(ofA), await status(ofB)]).toEqual([401, 200]);
    expect(await keysOf(owner.id)).toMatchObject([{ sessionId: 'b' }]);
  });

  it("of members are not what a process of the release before takes for the tenant's", async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'operator');
    const ofTenant = t.deps.db.select().from(apiKeys).where(eq(apiKeys.userId, owner.id));
    const rows = await ofTenant.orderBy(apiKeys.createdBy);
    expect(rows.map(({ kind, createdBy, scopes }) => [kind, createdBy, scopes])).toEqual([
      ['own', owner.id, ['*']],
      ['member', member.id, ['read']],
    ]);
    const write: Call = { method: 'POST', apiKey: member.apiKey, body: { hours: 1 } };
    expect((await t.call('/session/cleanup', write)).status).toBe(200);
    expect((await call('GET', '/auth/me', member)).body.user).toMatchObject({ apiKey: member.apiKey });
    const made = await call('POST', '/auth/regenerate-api-key?graceMinutes=5', member);
    expect(made.status).toBe(200);
    for (const apiKey of [member.apiKey, owner.apiKey]) {
      expect((await t.call('/session/list', { apiKey })).status).toBe(200);
    }
    clock.advance(300_000);
    expect((await t.call('/session/list', { apiKey: member.apiKey })).status).toBe(401);
    expect((await call('GET', '/auth/me', owner)).body.user).toMatchObject({ apiKey: owner.apiKey });
    await call('DELETE', `/workspace/members/${member.id}`, owner);
    expect(await t.deps.db.select().from(apiKeys).where(eq(apiKeys.userId, owner.id))).toHaveLength(1);
  });
});

describe('what is told of people', () => {
  it('is blank in the activity log for whoever does not manage members', async () => {
    const owner = await t.tenant();
    const viewer = await makeMember(t.deps, owner.id, 'viewer');
    const from = { address: '203.0.113.77', headers: { 'user-agent': 'a-program-of-the-owner' } };
    const body = { email: 'somebody-asked@example.com', role: 'viewer' };
    await t.call('/workspace/invitations', { method: 'POST', token: owner.token, body, ...from });
    const readKey = await makeKey(owner, ['read']);
    const secrets = ['203.0.113.77', 'a-program-of-the-owner', 'somebody-asked@example.com'];
    const paths = ['/analytics/logs/activity', '/analytics/export?log=activity&format=csv'];
    for (const path of paths) {
      for (const full of [{ token: owner.token }, { apiKey: owner.apiKey }]) {
        const { text } = await t.call(path, full);
        for (const secret of secrets) expect(text).toContain(secret);
      }
      for (const less of [{ token: viewer.token }, { apiKey: viewer.apiKey }, { apiKey: readKey }]) {
        const { status, text } = await t.call(path, less);
        expect(status).toBe(200);
        expect(text).toContain('member.invited');
        for (const secret of secrets) expect(text).not.toContain(secret);
        expect(text).not.toContain('a key');
      }
    }
  });

  it('is a name and a role in the list of members', async () => {
    const owner = await t.tenant();
    const viewer = await makeMember(t.deps, owner.id, 'viewer');
    const list = (by: Call) => t.call('/workspace/members', by);
    const all = await list({ token: owner.token });
    expect(all.body.data).toMatchObject([{ email: owner.email }, { email: viewer.email }]);
    const readKey = await makeKey(owner, ['read']);
    for (const by of [{ token: viewer.token }, { apiKey: readKey }]) {
      const some = await list(by);
      expect(some.body.data).toMatchObject([
        { userId: owner.id, email: null, lastLoginAt: null, role: 'owner' },
        { userId: viewer.id, email: null, lastLoginAt: null, role: 'viewer' },
      ]);
    }
    const bound = await makeKey(owner, ['*'], 'main');
    expect((await list({ apiKey: bound })).status).toBe(403);
  });
});

describe('a member of one session', () => {
  it('changes nothing that all sessions share', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'admin', { sessionId: 'main' });
    expect((await call('PUT', '/workspace', member, { name: 'Mine' })).status).toBe(403);
    expect((await call('PUT', '/auth/me', member, { timezone: 'Asia/Jakarta' })).status).toBe(403);
    expect((await call('PUT', '/workspace', owner, { name: 'Ours' })).status).toBe(200);
  });
});

describe('an administrator of the service', () => {
  it('is not removed from the only workspace they have', async () => {
    const owner = await t.tenant();
    const admin = await makeMember(t.deps, owner.id, 'operator', { serviceRole: 'admin' });
    const remove = () => call('DELETE', `/workspace/members/${admin.id}`, owner);
    expect(await remove()).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const other = await t.tenant();
    await join(admin.id, other.id, 'operator');
    await t.deps.db.update(workspaces).set({ status: 'disabled' }).where(eq(workspaces.id, other.id));
    expect((await remove()).status).toBe(409);
    await t.deps.db.update(workspaces).set({ status: 'active' }).where(eq(workspaces.id, other.id));
    expect((await remove()).status).toBe(200);
    expect((await call('DELETE', `/workspace/members/${admin.id}`, other)).status).toBe(409);
  });

  it('sets a workspace going again with a new owner', async () => {
    const admin = await t.tenant('admin');
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'operator');
    await call('PUT', `/user/${owner.id}`, admin, { status: 'disabled' });
    const read = async () => (await call('GET', '/session/list', member)).status;
    expect(await read()).toBe(401);
    const made = await call('POST', '/user/create', admin, {
      email: 'heir@example.com',
      name: 'Heir',
      password: 'a long password',
      role: 'user',
      workspace: owner.id,
      workspaceRole: 'owner',
    });
    expect(made.status).toBe(201);
    expect(await read()).toBe(200);
  });
});

describe('what an administrator of the service makes in the workspace of others', () => {
  it('reaches nothing outside of it: neither the own key there nor an extra one', async () => {
    const owner = await t.tenant();
    const other = await t.tenant();
    const admin = await makeMember(t.deps, owner.id, 'admin', { serviceRole: 'admin' });
    const extra = await makeKey(admin, ['*']);
    for (const apiKey of [admin.apiKey, extra]) {
      expect((await t.call('/session/list', { apiKey })).status).toBe(200);
      for (const query of ['all=true', `userId=${other.id}`]) {
        expect((await t.call(`/session/list?${query}`, { apiKey })).status).toBe(403);
      }
      expect((await t.call('/metrics', { apiKey })).status).toBe(403);
    }
    // The person who signed in is an administrator wherever they are, and so is the key of their own workspace.
    const atHome = await t.tenant('admin');
    for (const call of [{ token: admin.token }, { apiKey: atHome.apiKey }]) {
      expect((await t.call('/session/list?all=true', call)).status).toBe(200);
    }
  });
});

describe('an invitation whose maker was disabled', () => {
  it('is not listed and opens nothing, until the maker is enabled again', async () => {
    const owner = await t.tenant();
    const service = await t.tenant('admin');
    const maker = await makeMember(t.deps, owner.id, 'admin');
    const made = await invite(maker, 'viewer');
    const ids = async () => {
      const reply = await call('GET', '/workspace/invitations', owner);
      return (reply.body.data as { id: string }[]).map(({ id }) => id);
    };
    expect(await ids()).toEqual([made.id]);
    await call('PUT', `/user/${maker.id}`, service, { status: 'disabled' });
    expect(await ids()).toEqual([]);
    expect((await accept(made)).status).toBe(404);
    await call('PUT', `/user/${maker.id}`, service, { status: 'active', role: 'readonly' });
    expect(await ids()).toEqual([]);
    await call('PUT', `/user/${maker.id}`, service, { role: 'user' });
    expect(await ids()).toEqual([made.id]);
    expect((await accept(made)).status).toBe(201);
  });
});

describe('signed links', () => {
  it('that another process makes by a credential which just ended are over, too', async () => {
    const owner = await t.tenant();
    const link = () => {
      const scope = { purpose: 'qr' as const, issuedAt: clock.now() };
      return signLink(t.deps.secrets, '/session/qr-page/main', owner.id, clock.now() + 60_000, scope);
    };
    const statusOf = async (url: string) => (await t.call(url)).status;
    expect(await statusOf(link())).toBe(404);
    const changed = await call('POST', '/auth/sign-out-everywhere', owner, {});
    expect(changed.status).toBe(200);
    // That process believes the old token for a second.
    clock.advance(900);
    const late = link();
    expect(await statusOf(late)).toBe(401);
    clock.advance(200);
    expect(await statusOf(late)).toBe(401);
    expect(await statusOf(link())).toBe(404);
  });
});

describe('a search of the audit', () => {
  it('looks through so many entries a page, and finds what is behind them', async () => {
    const owner = await t.tenant();
    const at = clock.now();
    const entry = (i: number, event: string) => ({
      id: newId(at - i),
      userId: owner.id,
      event,
      actorId: owner.id,
      status: 'success' as const,
      data: {},
      at: at - i,
    });
    const many = Array.from({ length: 20_000 }, (_, i) => entry(i, 'webhook.updated'));
    await insertMany(t.deps.db, auditEntries, [...many, entry(20_001, 'webhook.deleted')]);
    const read = async (more = '') => {
      const { body } = await call('GET', `/workspace/audit?search=webhook.deleted${more}`, owner);
      return body;
    };
    const first = await read();
    expect(first).toMatchObject({ data: [], nextCursor: expect.any(String) });
    const second = await read(`&cursor=${String(first.nextCursor)}`);
    expect(second).toMatchObject({ data: [{ event: 'webhook.deleted' }], nextCursor: null });
    const csv = await call('GET', '/workspace/audit/export?event=webhook.deleted', owner);
    expect(csv.text).toContain('webhook.deleted');
    expect(csv.text).not.toContain('webhook.updated');
  });
});
