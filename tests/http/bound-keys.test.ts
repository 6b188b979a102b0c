/** A key that is bound to one session, or to a scope, changes and reads nothing of what is beyond it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { dataOf } from '../broadcast/fixture.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';

let t: TestApp;
let tenant: Tenant;
beforeAll(async () => {
  t = await openTestApp({ config: { publicUrl: 'https://hub.example.com' } });
  tenant = await t.tenant();
  const at = Date.now();
  const row = { userId: tenant.id, status: 'connected' as const, pairing: 'qr' as const, paired: true };
  for (const sessionId of ['main', 'other']) {
    await t.deps.db
      .insert(whatsappAccounts)
      .values({ ...row, id: newId(), sessionId, createdAt: at, updatedAt: at });
  }
});
afterAll(() => t.close());

async function keyOf(scopes: string[], sessionId?: string): Promise<string> {
  const body = { name: 'k', scopes, ...(sessionId === undefined ? {} : { sessionId }) };
  const made = await t.call('/auth/api-keys', { method: 'POST', token: tenant.token, body });
  return String(made.body.apiKey);
}

it('the settings of codes are for whoever may do everything', async () => {
  const put = (credential: object) =>
    t.call('/otp/settings', { method: 'PUT', body: { allowedCountries: ['ID'] }, ...credential });
  for (const apiKey of [await keyOf(['otp']), await keyOf(['otp'], 'main'), await keyOf(['*'], 'main')]) {
    expect((await put({ apiKey })).status).toBe(403);
  }
  expect((await put({ apiKey: await keyOf(['*']) })).status).toBe(200);
  expect((await put({ token: tenant.token })).status).toBe(200);
});

it('templates of codes are not for a key of one session to change', async () => {
  const body = { name: 'login', body: 'Kode {otp}' };
  const make = (apiKey: string) => t.call('/otp/templates', { method: 'POST', apiKey, body });
  expect((await make(await keyOf(['otp'], 'main'))).status).toBe(403);
  expect((await make(await keyOf(['otp']))).status).toBe(201);
});

it('lists that were made by another session are not there for it', async () => {
  const lists = (session: string) => `/session/${session}/broadcast/lists`;
  const make = async (session: string, credential: object) =>
    String(
      dataOf(await t.call(lists(session), { method: 'POST', body: { name: session }, ...credential })).id,
    );
  const bound = { apiKey: await keyOf(['read', 'broadcast'], 'main') };
  const theirs = await make('other', { token: tenant.token });
  const own = await make('main', bound);
  const contact = { number: '+6281234567890', name: 'Siti' };
  await t.call(`${lists('other')}/${theirs}/contacts`, {
    method: 'POST',
    token: tenant.token,
    body: contact,
  });
  const seen = await t.call(lists('main'), bound);
  expect(seen.body.data).toEqual([expect.objectContaining({ id: own })]);
  for (const path of ['', '/contacts', '/contacts/6281234567890']) {
    expect((await t.call(`${lists('main')}/${theirs}${path}`, bound)).status).toBe(404);
  }
  expect((await t.call(`/session/main/broadcast/export/contacts/${theirs}`, bound)).status).toBe(404);
  const write = await t.call(`${lists('main')}/${theirs}/contacts`, {
    method: 'POST',
    body: contact,
    ...bound,
  });
  expect(write.status).toBe(404);
  expect((await t.call(`${lists('main')}/${theirs}`, { method: 'DELETE', ...bound })).status).toBe(404);
  // Whoever may see all sessions sees all lists by any of them.
  expect((await t.call(`${lists('main')}/${theirs}/contacts`, { token: tenant.token })).status).toBe(200);
});

it('an answer that was kept for the whole account is not given to it', async () => {
  const body = { file: 'data:text/plain;base64,aGVsbG8=' };
  const headers = { 'idempotency-key': 'of-the-account' };
  const first = await t.call('/media', { method: 'POST', token: tenant.token, body, headers });
  expect(first.status).toBe(201);
  const apiKey = await keyOf(['*'], 'main');
  const again = await t.call('/media', { method: 'POST', apiKey, body, headers });
  expect(again).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } });
  // What it brings itself is its own, although the bytes are the same.
  const own = await t.call('/media', { method: 'POST', apiKey, body });
  expect(dataOf(own).id).not.toBe(dataOf(first).id);
  expect((await t.call(`/media/${dataOf(own).id}`, { apiKey })).status).toBe(200);
});

it('who the account is needs read', async () => {
  expect((await t.call('/auth/me', { apiKey: await keyOf(['otp']) })).status).toBe(403);
  expect((await t.call('/auth/me', { apiKey: await keyOf(['read']) })).status).toBe(200);
});

it('the own public address is no webhook', async () => {
  for (const url of ['https://hub.example.com/hook', 'https://hub.example.com:8443/', 'https://127.0.0.1/']) {
    const body = { url, events: ['*'] };
    expect(await t.call('/webhook', { method: 'POST', token: tenant.token, body })).toMatchObject({
      status: 400,
      body: { code: 'URL_REFUSED' },
    });
  }
});
