/** A database of the release before workspaces: everything that a client of it has goes on working, as it was. */

import { eq, sql } from 'drizzle-orm';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp, type HttpApp } from '../../src/app.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { migrationsFolder, readJournal } from '../../src/db/journal.ts';
import { dbType } from '../../src/db/kit.ts';
import { migrate } from '../../src/db/migrate.ts';
import { rawRun } from '../../src/db/ops.ts';
import { apiKeys, users, workspaceMembers, workspaces } from '../../src/db/schema.ts';
import { sealedKeyContext } from '../../src/services/api-keys.ts';
import { newApiKey, storedKey } from '../../src/services/auth/keys.ts';
import type { Deps } from '../../src/services/context.ts';
import { signLink } from '../../src/services/signed-links.ts';
import { newId } from '../../src/utils/ids.ts';
import { createTasks } from '../../src/workers/housekeeper/tasks.ts';
import { depsElsewhere, openTestApp, type TestApp } from '../helpers/app.ts';
import { createEmptyDatabase } from '../helpers/database.ts';

/** The first migration that the release before workspaces does not have. */
const FIRST = /_workspaces$/;
/** bcrypt, 4 rounds, of `tenant-password`. */
const PASSWORD_HASH = '$2b$04$kJ4p0i1kAp9LXN5DjwpmrelCakHu963lUn758/wfFD0EbvnzQyRL2';
const AT = Date.now() - 86_400_000;

let t: TestApp;
let database: Database;
let removeDatabase: () => Promise<void>;
let deps: Deps;
let app: HttpApp;
const own = newApiKey();
const extra = newApiKey();
const accountId = newId();

beforeAll(async () => {
  t = await openTestApp();
  const { options, remove } = await createEmptyDatabase();
  removeDatabase = remove;
  database = await openDatabase(options);
  const first = readJournal(dbType, migrationsFolder(dbType)).find(({ tag }) => FIRST.test(tag));
  await migrate(database, { upTo: (first?.when ?? 0) - 1 });
  await addUser(7, 'ann@example.com', 'user', 'active');
  await addUser(8, 'reader@example.com', 'readonly', 'active');
  await addUser(9, 'gone@example.com', 'user', 'disabled');
  await addUser(10, 'root@example.com', 'admin', 'active');
  await addKey(7, 'own', own, ['*'], null);
  await addKey(7, 'extra', extra, ['read'], 'main');
  await rawRun(database.db, sql`insert into counters (name, value) values ('user', 10)`);
  await rawRun(
    database.db,
    sql`insert into whatsapp_accounts (id, user_id, session_id, status, pairing, paired, fence, seq, breaker_trips, created_at, updated_at) values (${accountId}, 7, 'main', 'disconnected', 'qr', 0, 0, 0, 0, ${AT}, ${AT})`,
  );
  await migrate(database);
  deps = depsElsewhere(t.deps, database);
  app = createApp(deps, allRoutes);
});
afterAll(async () => {
  await app.stop();
  await database.close();
  await removeDatabase();
  await t.close();
});

async function addUser(id: number, email: string, role: string, status: string): Promise<void> {
  await rawRun(
    database.db,
    sql`insert into users (id, email, name, password_hash, role, status, token_version, created_at, updated_at) values (${id}, ${email}, ${email}, ${PASSWORD_HASH}, ${role}, ${status}, 0, ${AT}, ${AT})`,
  );
}

async function addKey(
  userId: number,
  kind: string,
  key: string,
  scopes: string[],
  sessionId: string | null,
): Promise<void> {
  const id = newId();
  const sealed = kind === 'own' ? t.deps.secrets.sealText(key, sealedKeyContext(id)) : null;
  await rawRun(
    database.db,
    sql`insert into api_keys (id, user_id, kind, name, prefix, hash, sealed, scopes, session_id, created_at) values (${id}, ${userId}, ${kind}, ${kind}, ${storedKey(key)?.prefix}, ${storedKey(key)?.hash}, ${sealed}, ${JSON.stringify(scopes)}, ${sessionId}, ${AT})`,
  );
}

async function call(path: string, headers: Record<string, string> = {}, init: RequestInit = {}) {
  const peer = { incoming: { socket: { remoteAddress: '127.0.0.1' } } };
  const response = await app.request(path, { ...init, headers: { ...headers, ...init.headers } }, peer);
  const body: Record<string, unknown> = Object(await response.json());
  return { status: response.status, body };
}

/** As the release before signed them: without a workspace. */
function oldToken(userId: number): string {
  return jwt.sign({ ver: 0 }, t.deps.config.jwtSecret, {
    algorithm: 'HS256',
    subject: String(userId),
    issuer: 'wahub',
    expiresIn: 3600,
  });
}

const bearer = (userId: number) => ({ authorization: `Bearer ${oldToken(userId)}` });

describe('after the upgrade', () => {
  it('each user owns a workspace of the same number', async () => {
    const rows = await database.db.select().from(workspaces);
    expect(rows.map(({ id, name, status }) => [id, name, status])).toEqual([
      [7, 'ann@example.com', 'active'],
      [8, 'reader@example.com', 'active'],
      [9, 'gone@example.com', 'disabled'],
      [10, 'root@example.com', 'active'],
    ]);
    const members = await database.db.select().from(workspaceMembers);
    expect(members.map(({ workspaceId, userId, role }) => [workspaceId, userId, role])).toEqual(
      [7, 8, 9, 10].map((id) => [id, id, 'owner']),
    );
  });

  it('old tokens work, with the same user', async () => {
    const me = await call('/auth/me', bearer(7));
    expect(me).toMatchObject({ status: 200, body: { user: { id: 7, role: 'user', apiKey: own } } });
    const sessions = await call('/session/list', bearer(7));
    expect(sessions.body.data).toMatchObject([{ sessionId: 'main', userId: 7 }]);
  });

  it('old keys work, with their scopes and their session', async () => {
    expect(await call('/session/list', { 'x-api-key': own })).toMatchObject({ status: 200 });
    expect(await call('/session/status?session=main', { 'x-api-key': extra })).toMatchObject({ status: 200 });
    expect(await call('/session/status?session=other', { 'x-api-key': extra })).toMatchObject({
      status: 404,
    });
    const send = await call(
      '/message/send-text',
      { 'x-api-key': extra },
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ session: 'main', to: '6281234567890', text: 'hi' }),
      },
    );
    expect(send).toMatchObject({ status: 403 });
    const keys = await call('/auth/api-keys', bearer(7));
    expect(keys.body.data).toMatchObject([{ sessionId: 'main', createdBy: { id: 7, removed: false } }]);
  });

  it('old links open', async () => {
    const now = Date.now();
    const scope = { purpose: 'qr' as const, issuedAt: now - 60_000 };
    const path = (userId: number) =>
      signLink(t.deps.secrets, '/session/qr-page/main', userId, now + 60_000, scope);
    expect((await app.request(path(7))).status).toBe(200);
    expect((await app.request(path(9))).status).toBe(401);
  });

  it('a read-only user reads and changes nothing, a disabled one is out, an admin still sees others', async () => {
    expect(await call('/session/list', bearer(8))).toMatchObject({ status: 200 });
    const made = await call('/session/create', bearer(8), { method: 'POST' });
    expect(made).toMatchObject({ status: 403 });
    expect(await call('/auth/me', bearer(8))).toMatchObject({ body: { user: { id: 8, role: 'readonly' } } });
    expect(await call('/auth/me', bearer(9))).toMatchObject({ status: 401 });
    const seen = await call('/session/list?userId=7', bearer(10));
    expect(seen.body.data).toMatchObject([{ sessionId: 'main', userId: 7 }]);
  });

  it('signing in leads where it led', async () => {
    const reply = await call(
      '/auth/login',
      {},
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'ann@example.com', password: 'tenant-password' }),
      },
    );
    expect(reply).toMatchObject({
      status: 200,
      body: { user: { id: 7, apiKey: own, workspace: { id: 7, role: 'owner' } } },
    });
  });

  it('a person made by a process of the release before gets a workspace when it is looked for', async () => {
    const key = newApiKey();
    await addUser(11, 'late@example.com', 'user', 'active');
    await addKey(11, 'own', key, ['*'], null);
    expect(await call('/auth/me', bearer(11))).toMatchObject({
      status: 200,
      body: { user: { id: 11, workspace: { id: 11, role: 'owner' } } },
    });
    expect(await call('/session/list', { 'x-api-key': key })).toMatchObject({ status: 200 });
    const [row] = await database.db.select({ by: apiKeys.createdBy }).from(apiKeys).limit(1);
    expect(row?.by).toBeNull();
    expect(await database.db.select({ id: users.id }).from(users)).toHaveLength(5);
  });

  it('so does one who comes with a key or a password first', async () => {
    const key = newApiKey();
    await addUser(12, 'by-key@example.com', 'user', 'active');
    await addKey(12, 'own', key, ['*'], null);
    expect(await call('/session/list', { 'x-api-key': key })).toMatchObject({ status: 200 });
    await addUser(13, 'by-password@example.com', 'user', 'active');
    const reply = await call(
      '/auth/login',
      {},
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'by-password@example.com', password: 'tenant-password' }),
      },
    );
    expect(reply).toMatchObject({ status: 200, body: { user: { workspace: { id: 13, role: 'owner' } } } });
    await addUser(14, 'by-link@example.com', 'user', 'active');
    const scope = { purpose: 'qr' as const, issuedAt: Date.now() };
    expect(await deps.credentials.fromLink(14, scope)).toMatchObject({ userId: 14 });
  });

  it('workspaces stop and go on as their owners do, whichever release disables those', async () => {
    const credentials = { purgeQuarantine: async () => 0 };
    const tasks = createTasks({ ...deps, credentials });
    const settle = () => tasks.find(({ name }) => name === 'workspaces')?.run(new AbortController().signal);
    const set = (id: number, status: 'active' | 'disabled') =>
      database.db.update(users).set({ status }).where(eq(users.id, id));
    const status = async (id: number) => {
      const [row] = await database.db
        .select({ status: workspaces.status })
        .from(workspaces)
        .where(eq(workspaces.id, id));
      return row?.status;
    };
    await set(8, 'disabled');
    await set(9, 'active');
    expect(await settle()).toBe(2);
    expect([await status(7), await status(8), await status(9)]).toEqual(['active', 'disabled', 'active']);
    expect(await settle()).toBe(0);
  });
});
