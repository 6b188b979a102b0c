import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waCredentials, waKeys } from '../../src/db/schema.ts';
import { startTestEngine, type TestEngine } from '../helpers/engine.ts';

let test: TestEngine;
beforeAll(async () => {
  test = await startTestEngine();
});
afterAll(() => test.stop());

const typesOf = (accountId: string) => test.callbacks.events(accountId).map((event) => event.type);

describe('linking a phone', () => {
  it('shows a QR, tells who scanned it once that is durable, and asks for a restart', async () => {
    const account = await test.addAccount();
    const before = Date.now();
    await test.engine.open(account, { mode: 'qr' });
    const { qr, expiresAt } = await test.callbacks.next(account.id, 'qr');
    expect(expiresAt - before).toBeGreaterThan(55_000);
    expect(await test.store.hasCredentials(account.id)).toBe(false);

    await test.emulator.scan({ qr, phone: '6281100000001', name: 'Ada' });
    const closed = await test.callbacks.next(account.id, 'closed');
    expect(closed.reason).toBe('restart_required');
    const paired = await test.callbacks.next(account.id, 'paired');
    expect(paired).toMatchObject({ phone: '6281100000001', name: 'Ada', platform: 'android' });
    expect(paired.lid).toMatch(/^\d+$/);
    expect(typesOf(account.id)).toEqual(['qr', 'paired', 'closed']);
    expect(await test.store.hasCredentials(account.id)).toBe(true);

    await test.engine.open(account, { mode: 'qr' });
    const connected = await test.callbacks.next(account.id, 'connected');
    expect(connected).toMatchObject({ phone: '6281100000001', lid: paired.lid, name: 'Ada' });
    expect(test.engine.isConnected(account.id)).toBe(true);
  });

  it('links by a code that the owner of the phone types', async () => {
    const account = await test.addAccount();
    await test.engine.open(account, { mode: 'code', phone: '6281100000002' });
    const { code, expiresAt } = await test.callbacks.next(account.id, 'pairing_code');
    expect(code).toMatch(/^[0-9A-Z]{8}$/);
    expect(expiresAt).toBeGreaterThan(Date.now());
    await test.emulator.pair({ code, phone: '6281100000002' });
    expect((await test.callbacks.next(account.id, 'closed')).reason).toBe('restart_required');
    expect(typesOf(account.id)).toEqual(['pairing_code', 'paired', 'closed']);
    await test.engine.open(account, { mode: 'code', phone: '6281100000002' });
    expect((await test.callbacks.next(account.id, 'connected')).phone).toBe('6281100000002');
  });

  it('reconnects from stored credentials in another process', async () => {
    const account = await test.connect('6281100000003');
    await test.engine.close(account.id);
    const other = test.another();
    await other.engine.open(account, { mode: 'qr' });
    expect((await other.callbacks.next(account.id, 'connected')).phone).toBe('6281100000003');
    expect(other.callbacks.events(account.id).map((event) => event.type)).not.toContain('qr');
  });

  it('stores the pre-keys of a new device sealed', async () => {
    const account = await test.connect('6281100000004');
    const { db } = test.database;
    const keys = await db.select().from(waKeys).where(eq(waKeys.accountId, account.id));
    expect(keys.filter((key) => key.type === 'pre-key').length).toBeGreaterThanOrEqual(800);
    const [creds] = await db.select().from(waCredentials).where(eq(waCredentials.accountId, account.id));
    const bytes = Buffer.concat([...keys.map((key) => key.sealed), creds?.sealed ?? Buffer.alloc(0)]);
    for (const word of ['private', 'noiseKey', '6281100000004']) expect(bytes.includes(word)).toBe(false);
  });

  it('ends a pairing that nobody answers, without leaving credentials', async () => {
    const { engine, callbacks, store } = test.another({ qrTimeoutMs: 40 });
    const account = await test.addAccount();
    await engine.open(account, { mode: 'qr' });
    expect((await callbacks.next(account.id, 'closed')).reason).toBe('pairing_expired');
    expect(callbacks.events(account.id).filter((event) => event.type === 'qr')).toHaveLength(6);
    expect(await store.hasCredentials(account.id)).toBe(false);
  });
});
