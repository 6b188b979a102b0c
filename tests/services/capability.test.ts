/** What an engine lacks is told before anything is queued. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { messageQueue, whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import * as capabilities from '../../src/whatsapp/capabilities.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';

const few = {
  contentTypes: ['text'],
  pairingCode: false,
  groups: false,
  groupChanges: false,
  markRead: false,
};
vi.spyOn(capabilities, 'CAPABILITIES', 'get').mockReturnValue({ baileys: few } as never);

let t: TestApp;
let tenant: Tenant;
beforeAll(async () => {
  t = await openTestApp();
  tenant = await t.tenant();
  const at = Date.now();
  await t.deps.db.insert(whatsappAccounts).values({
    id: newId(),
    userId: tenant.id,
    sessionId: 'main',
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
});
afterAll(() => t.close());

const NOT_SUPPORTED = { status: 422, body: { code: 'NOT_SUPPORTED', details: { engine: 'baileys' } } };

test.each([
  ['poll', { question: 'When?', options: ['a', 'b'] }],
  ['image', { image: 'https://no-such-host.invalid/a.png' }],
  ['location', { latitude: 1, longitude: 2 }],
])('%s: 422 NOT_SUPPORTED, and nothing is queued or fetched', async (kind, fields) => {
  const body = { session: 'main', to: '08120000001', ...fields };
  const reply = await t.call(`/message/send-${kind}`, { method: 'POST', apiKey: tenant.apiKey, body });
  expect(reply).toMatchObject(NOT_SUPPORTED);
  expect(await t.deps.db.select().from(messageQueue)).toEqual([]);
});

test('what is in the table is queued', async () => {
  const body = { session: 'main', to: '08120000001', text: 'hi' };
  const reply = await t.call('/message/send-text', { method: 'POST', apiKey: tenant.apiKey, body });
  expect(reply.status).toBe(202);
});

test('so are groups', async () => {
  const ask = { apiKey: tenant.apiKey };
  expect(await t.call('/session/main/groups', ask)).toMatchObject(NOT_SUPPORTED);
  expect(await t.call('/session/main/groups/123456789@g.us', ask)).toMatchObject(NOT_SUPPORTED);
});
