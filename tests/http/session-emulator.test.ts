/** The whole way of a session, over HTTP, on the real engine and an emulated WhatsApp. */
import '../../src/whatsapp/baileys/preload.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { createCommandBus } from '../../src/cluster/commands.ts';
import { stagingFolder } from '../../src/services/media/staging.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { newId } from '../../src/utils/ids.ts';
import { createVersionStore } from '../../src/whatsapp/baileys/version.ts';
import { type CredentialStore, createCredentialStore } from '../../src/whatsapp/credential-store.ts';
import type { Engine } from '../../src/whatsapp/engine.ts';
import { createOwnership } from '../../src/workers/ownership.ts';
import {
  createSessionSupervisor,
  type SessionSupervisor,
} from '../../src/workers/session-supervisor/index.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { createEngine } from '../helpers/on-engine.ts';
import { TEST_PROXY_RULES } from '../helpers/proxy-rules.ts';
import type { Tenant } from '../helpers/tenant.ts';
import { fakeHost } from '../workers/session-world.ts';

let emulator: Emulator;
let t: TestApp;
let tenant: Tenant;
let store: CredentialStore;
let supervisor: SessionSupervisor;
let engine: Engine;
const commands = createCommandBus({ processId: newId(), clock: systemClock });

/** What one process of the service runs, over the test's database. */
function startWorkers(processId: string): SessionSupervisor {
  const { deps } = t;
  const version = createVersionStore({
    ...deps,
    load: async () => null,
    save: async () => undefined,
    fetchLatest: null,
  });
  const { waUrl: url, rootKey, caFile } = emulator;
  let started: SessionSupervisor | null = null;
  engine = createEngine({
    ...deps,
    store,
    version,
    waServer: { url, rootKey, caFile },
    stagingPath: stagingFolder(deps),
    proxyRules: TEST_PROXY_RULES,
    callbacks: {
      onEvent: (account, event) => started?.onEvent(account, event),
      connectionOf: async () => ({ proxy: null, browser: null }),
      findOutbound: async () => null,
      openMedia: async () => null,
      findChat: async () => null,
      saveChat: async () => undefined,
      storeInbound: async () => undefined,
    },
  });
  const host = fakeHost('here', 1);
  started = createSessionSupervisor({
    ...deps,
    commands,
    engine,
    ownership: createOwnership({ ...deps, host, processId, alone: true }),
    credentials: store,
    dispatcher: { add: () => undefined, remove: () => undefined, rereadSessions: () => undefined },
    onReceipt: () => undefined,
    onStanding: () => undefined,
    refreshClientVersion: async () => undefined,
    connectConcurrency: 5,
  });
  return started;
}

beforeAll(async () => {
  emulator = await startEmulator();
  t = await openTestApp({ deps: { commands } });
  store = createCredentialStore(t.deps);
  supervisor = startWorkers(commands.processId);
  await supervisor.start();
  tenant = await t.tenant();
});
afterAll(async () => {
  await supervisor.stop();
  await t.close();
  await emulator.stop();
});

const get = (path: string) => t.call(path, { apiKey: tenant.apiKey });
const post = (path: string, body: unknown) => t.call(path, { method: 'POST', body, apiKey: tenant.apiKey });
const statusOf = async (name: string) => Object((await get(`/session/status?session=${name}`)).body.data);

async function until(name: string, status: string): Promise<void> {
  const endsAt = performance.now() + 15_000;
  while ((await statusOf(name)).status !== status) {
    if (performance.now() > endsAt) throw new Error(JSON.stringify(await statusOf(name)));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function link(name: string, phone: string): Promise<void> {
  const created = await post('/session/create', { sessionId: name });
  expect(created.status).toBe(201);
  await emulator.scan({ qr: String(Object(created.body.data).qr), phone });
  await until(name, 'connected');
}

describe('a session on an emulated WhatsApp', () => {
  it('is linked by its QR, loses its connection, comes back and survives a restart of the service', async () => {
    await link('shop', '6281311100001');
    expect(await statusOf('shop')).toMatchObject({ phoneNumber: '+6281311100001', isConnected: true });
    const pairedAt = (await statusOf('shop')).connectedAt;

    await emulator.fault({ kind: 'drop' });
    await until('shop', 'disconnected');
    await until('shop', 'connected');
    expect((await statusOf('shop')).connectedAt > pairedAt).toBe(true);

    await supervisor.stop();
    await engine.stop();
    supervisor = startWorkers(newId());
    await supervisor.start();
    await until('shop', 'connected');
  });

  it('is linked by a pairing code', async () => {
    const phone = '6281311100002';
    const created = await post('/session/create', {
      sessionId: 'coded',
      phoneNumber: phone,
      pairing: 'code',
    });
    const { pairingCode } = Object(created.body.data);
    expect(pairingCode).toMatch(/^[A-Z0-9]{8}$/);
    await emulator.pair({ code: pairingCode, phone });
    await until('coded', 'connected');
  });

  it('of a phone that is linked already is unlinked again, and the first one stays', async () => {
    await link('first', '6281311100003');
    const created = await post('/session/create', { sessionId: 'second' });
    await emulator.scan({ qr: String(Object(created.body.data).qr), phone: '6281311100003' });
    await until('second', 'failed');
    expect(await statusOf('second')).toMatchObject({ reason: 'duplicate_phone', user: null });
    expect((await statusOf('first')).isConnected).toBe(true);
  });

  it('of another phone than the expected one is unlinked', async () => {
    const created = await post('/session/create', { sessionId: 'strict', phoneNumber: '+6281311100004' });
    await emulator.scan({ qr: String(Object(created.body.data).qr), phone: '6281311100005' });
    await until('strict', 'failed');
    expect((await statusOf('strict')).reason).toBe('phone_mismatch');
  });

  describe('whose account asks for a passkey', () => {
    const passkey = async (name: string) => Object((await get(`/session/passkey/${name}`)).body.data);
    const respond = (name: string, assertion: unknown) =>
      post(`/session/passkey/${name}/response`, { assertion });

    async function demanded(name: string, phone: string, fault?: 'refused' | 'phone_away'): Promise<void> {
      emulator.setPasskey({ number: phone, passkey: true, fault });
      const created = await post('/session/create', { sessionId: name });
      await emulator.scan({ qr: String(Object(created.body.data).qr), phone });
      await until(name, 'passkey');
    }

    const signed = async (name: string, phone: string) =>
      emulator.signPasskey({ phone, options: (await passkey(name)).options });

    it('is linked after its owner has signed', async () => {
      const [name, phone] = ['keyed', '6281311100011'];
      const before = await post('/session/create', { sessionId: name });
      expect(before.status).toBe(201);
      expect((await get(`/session/passkey/${name}`)).status).toBe(404);
      emulator.setPasskey({ number: phone, passkey: true });
      await emulator.scan({ qr: String(Object(before.body.data).qr), phone });
      await until(name, 'passkey');
      expect((await get(`/session/qr/${name}`)).body).toMatchObject({
        code: 'QR_NOT_READY',
        message: expect.stringContaining('asks for a passkey now'),
      });
      expect(await passkey(name)).toMatchObject({
        sessionId: name,
        stage: 'asked',
        code: null,
        reason: null,
      });
      expect((await respond(name, await signed(name, phone))).body.data).toMatchObject({ sessionId: name });
      await until(name, 'connected');
      expect((await passkey(name)).options).toBeNull();
    });

    it('says what was wrong, and a second try works', async () => {
      const [name, phone] = ['again', '6281311100012'];
      await demanded(name, phone, 'refused');
      const stale = await signed(name, phone);
      expect((await respond(name, stale)).body).toMatchObject({ success: false, code: 'PASSKEY_REFUSED' });
      await expect.poll(() => passkey(name)).toMatchObject({ stage: 'asked', reason: 'passkey_refused' });
      expect((await respond(name, stale)).body.code).toBe('PASSKEY_EXPIRED');
      expect((await respond(name, { ...stale, rawId: 'not base64url!' })).body.code).toBe(
        'VALIDATION_FAILED',
      );
      expect((await post(`/session/passkey/${name}/confirm`, {})).body).toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('it waits for the signature first'),
      });
      await respond(name, await signed(name, phone));
      await until(name, 'connected');
      expect((await respond(name, stale)).body).toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('connected already'),
      });
    });

    it('begins again with a QR when the service is started again in the middle', async () => {
      const [name, phone] = ['killed', '6281311100013'];
      await demanded(name, phone, 'phone_away');
      await respond(name, await signed(name, phone));
      await expect.poll(() => passkey(name)).toMatchObject({ stage: 'answered' });
      await supervisor.stop();
      await engine.stop();
      supervisor = startWorkers(newId());
      await supervisor.start();
      await until(name, 'qr');
      const { qr } = Object((await get(`/session/qr/${name}`)).body.data);
      await emulator.scan({ qr, phone });
      await until(name, 'passkey');
      await respond(name, await signed(name, phone));
      await until(name, 'connected');
    });

    it('another tenant finds nothing to sign', async () => {
      await demanded('private', '6281311100014');
      const stranger = await t.tenant();
      const assertion = await signed('private', '6281311100014');
      for (const [method, path, body] of [
        ['GET', '/session/passkey/private', undefined],
        ['POST', '/session/passkey/private/response', { assertion }],
        ['POST', '/session/passkey/private/confirm', { equal: false }],
      ] as const) {
        const answer = await t.call(path, { method, apiKey: stranger.apiKey, ...(body ? { body } : {}) });
        expect(answer.body.code).toBe('SESSION_NOT_FOUND');
      }
      expect((await passkey('private')).stage).toBe('asked');
    });
  });

  it('logs out, and is linked again by another phone', async () => {
    await link('moving', '6281311100006');
    const out = await post('/session/logout', { sessionId: 'moving' });
    expect(out.body.data).toMatchObject({ status: 'logged_out', confirmed: true });
    await link('moving', '6281311100007');
    expect((await statusOf('moving')).phoneNumber).toBe('+6281311100007');
  });

  it('removed on the phone: logged out, credentials in quarantine', async () => {
    await link('removed', '6281311100008');
    await emulator.fault({ kind: 'logout', phone: '6281311100008' });
    await until('removed', 'logged_out');
    expect((await statusOf('removed')).reason).toBe('device_removed');
  });

  it('checks numbers through the bus', async () => {
    await link('checker', '6281311100009');
    const sessions = await import('../../src/services/sessions/index.ts');
    const row = await sessions.readSession(t.deps.db, tenant.id, 'checker');
    const [check] = await commands.run(row?.id ?? '', 'check_numbers', { phones: ['6281311100001'] }, 10_000);
    expect(check).toMatchObject({ phone: '6281311100001', exists: true });
  });
});
