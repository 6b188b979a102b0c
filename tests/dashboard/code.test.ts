/** Forms as code of the API, and the one click that signs in to a sandbox. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { ensureFirstAdmin } from '../../src/services/first-admin.ts';
import { newId } from '../../src/utils/ids.ts';
import { testConfig } from '../helpers/app.ts';
import type { Tenant } from '../helpers/tenant.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

const ADMIN = { adminEmail: 'admin@sandbox.local', adminPassword: 'a long enough password' };
const SANDBOX = { ...ADMIN, emulatorUrl: 'http://127.0.0.1:9' };

let t: TestDashboard;
let tenant: Tenant;
beforeAll(async () => {
  t = await openDashboard({ config: SANDBOX });
  await ensureFirstAdmin(t.deps);
  tenant = await t.tenant();
  const at = Date.now();
  const about = { sessionId: 'main', status: 'connected', pairing: 'qr', paired: true } as const;
  const row = { id: newId(), userId: tenant.id, createdAt: at, updatedAt: at, ...about };
  await t.deps.db.insert(whatsappAccounts).values(row);
});
afterAll(() => t.close());

/** The body that the shown curl sends. */
async function shownBody(path: string, form: Record<string, string>): Promise<[string, unknown]> {
  const reply = await t.visit(path, { as: tenant, form, headers: { 'hx-request': 'true' } });
  expect(reply.status).toBe(200);
  const text = (await reply.text()).replace(
    /&#39;|&quot;|&amp;|&lt;|&gt;/g,
    (entity) => ENTITIES[entity] ?? '',
  );
  const url = /curl -X POST '([^']+)'/.exec(text)?.[1] ?? '';
  const json = /-d '(\{.*?\n\})'/s.exec(text)?.[1] ?? '';
  expect(text).toContain('$WAHUB_KEY');
  return [new URL(url).pathname, JSON.parse(json.replaceAll("'\\''", "'"))];
}
const ENTITIES: Record<string, string> = {
  '&#39;': "'",
  '&quot;': '"',
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
};

describe('a form as code', () => {
  it.each<[string, Record<string, string>, string, object]>([
    [
      '/dashboard/messages/new/code',
      { kind: 'text', session: 'main', to: '081234567890', text: `It's <b> & "so"`, priority: 'high' },
      '/message/send-text',
      { session: 'main', to: '081234567890', text: `It's <b> & "so"`, priority: 'high' },
    ],
    [
      '/dashboard/messages/new/code',
      { kind: 'image', session: 'main', to: '081234567890', url: 'https://example.com/a.png', caption: 'A' },
      '/message/send-image',
      { session: 'main', to: '081234567890', image: 'https://example.com/a.png', caption: 'A' },
    ],
    [
      '/dashboard/otp/code',
      { session: 'main', to: '081234567890', companyName: 'Toko', length: '8', language: 'en' },
      '/otp/send',
      { session: 'main', to: '081234567890', companyName: 'Toko', length: 8, language: 'en' },
    ],
  ])('%s shows what the API takes', async (path, form, expectedPath, expectedBody) => {
    const [shownPath, body] = await shownBody(path, { ...form, scheduledAt: '', template: '' });
    expect([shownPath, body]).toEqual([expectedPath, expectedBody]);
    const schema = allRoutes.find((route) => route.method === 'post' && route.path === expectedPath)?.body;
    expect(schema?.safeParse(body).success).toBe(true);
  });

  it('says that a file has to be put where a chosen one stood', async () => {
    const form = { kind: 'image', session: 'main', to: '081234567890' };
    const code = async (more: Record<string, string>) =>
      (await t.visit('/dashboard/messages/new/code', { as: tenant, form: { ...form, ...more } })).text();
    expect(await code({})).toContain('in place of the one at example.com');
    expect(await code({ url: 'https://example.org/a.png' })).not.toContain('in place of');
  });

  it('is offered beside both forms', async () => {
    for (const [page, action] of [
      ['/dashboard/messages/new', '/dashboard/messages/new/code'],
      ['/dashboard/otp', '/dashboard/otp/code'],
    ] as const)
      expect(await (await t.visit(page, { as: tenant })).text()).toContain(`hx-post="${action}"`);
  });
});

describe('one click signs in', () => {
  it('to a sandbox, as its administrator', async () => {
    expect(await (await t.visit('/dashboard/sign-in')).text()).toContain('/dashboard/sign-in/sandbox');
    const reply = await t.visit('/dashboard/sign-in/sandbox', { form: {} });
    expect(reply.status).toBe(303);
    const cookie = /wahub_session=([^;]+)/.exec(reply.headers.get('set-cookie') ?? '')?.[1] ?? '';
    expect((await t.visit('/dashboard', { cookie })).status).toBe(200);
  });

  const askedFrom = async (remoteAddress: string, headers: Record<string, string>) => {
    const env = { incoming: { socket: { remoteAddress } } };
    const path = '/dashboard/sign-in/sandbox';
    const shown = await (await t.app.request('/dashboard/sign-in', { headers }, env)).text();
    const init = { method: 'POST', body: new URLSearchParams({ next: '' }), headers };
    const reply = await t.app.request(path, init, env);
    const signedIn = (reply.headers.get('set-cookie') ?? '').includes('wahub_session=ey');
    return { isOffered: shown.includes(path), signedIn, goesTo: reply.headers.get('location') };
  };
  const none = { isOffered: false, signedIn: false, goesTo: '/dashboard/sign-in' };

  it.each<[string, string, Record<string, string>]>([
    ['from elsewhere in the network', '192.168.1.20', { host: 'localhost:5001' }],
    [
      'from elsewhere by a forged header',
      '10.0.0.9',
      { host: 'localhost:5001', 'x-forwarded-for': '127.0.0.1' },
    ],
    ['from the host of a container', '172.17.0.1', { host: 'localhost:5001' }],
    [
      'by a name that was made lead here',
      '127.0.0.1',
      { host: 'evil.example:5001', origin: 'http://evil.example:5001' },
    ],
    [
      'for whom a proxy on this machine asks',
      '127.0.0.1',
      { host: 'localhost', 'x-forwarded-for': '203.0.113.7' },
    ],
    ['by what is no name', '::1', { host: '[::1' }],
  ])('never %s: there the password is asked for', async (_who, from, headers) => {
    expect(await askedFrom(from, headers)).toEqual(none);
  });

  it.each<[string, string]>([
    ['127.0.0.1', 'localhost:5001'],
    ['::1', '[::1]:5001'],
    ['::ffff:127.0.0.1', '127.0.0.1:5001'],
    ['127.0.0.1', 'hub.example'],
  ])('from %s at %s', async (from, host) => {
    Object.assign(t.deps.config, { publicUrl: 'https://Hub.example' });
    try {
      expect(await askedFrom(from, { host })).toEqual({
        isOffered: true,
        signedIn: true,
        goesTo: '/dashboard',
      });
    } finally {
      Object.assign(t.deps.config, testConfig(SANDBOX));
    }
  });

  it.each([
    ['outside of a sandbox', { ...ADMIN, emulatorUrl: null }],
    ['in production', { ...SANDBOX, env: 'production' as const }],
    ['with an emulator elsewhere', { ...SANDBOX, emulatorUrl: 'http://10.0.0.1:5002' }],
  ])('never %s', async (_when, config) => {
    Object.assign(t.deps.config, testConfig(config));
    try {
      const reply = await t.visit('/dashboard/sign-in/sandbox', { form: {} });
      expect(reply.status).toBe(404);
      expect(reply.headers.get('set-cookie') ?? '').not.toContain('wahub_session=ey');
    } finally {
      Object.assign(t.deps.config, testConfig(SANDBOX));
    }
  });
});
