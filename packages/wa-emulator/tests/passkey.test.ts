import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { startBareClient, until } from './bare-client.ts';

const PHONE = '6281100000301';
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator();
});

afterAll(() => emulator.stop());

async function call(path: string, body?: unknown) {
  const post = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  };
  const response = await fetch(emulator.url + path, body === undefined ? {} : post);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('an account that asks for a passkey', () => {
  it('is found by the label its linking was begun with, which goes over to the next one', async () => {
    expect((await call(`/passkey?phone=${PHONE}`)).body).toMatchObject({ asked: false, stage: 'none' });
    emulator.setPasskey({ number: PHONE, passkey: true });
    const scan: Emulator['scan'] = (input) => emulator.scan({ ...input, label: 'mine' });
    const client = startBareClient({
      emulator: { waUrl: emulator.waUrl, scan, pair: emulator.pair },
      phone: PHONE,
    });
    await until('the demand', () => emulator.passkey({ phone: PHONE }).stage === 'asked');
    expect((await call('/passkey?label=mine')).body).toMatchObject({
      phone: PHONE,
      asked: true,
      stage: 'asked',
    });
    expect((await call('/passkey?label=other')).status).toBe(404);
    expect((await call('/passkey')).status).toBe(400);
    await client.close();

    const next = '6281100000302';
    emulator.setPasskey({ number: next, passkey: true });
    const second = startBareClient({
      emulator: { waUrl: emulator.waUrl, scan, pair: emulator.pair },
      phone: next,
    });
    await until('the next demand', () => emulator.passkey({ label: 'mine' }).phone === next);
    await second.close();
  });

  it('signs also when nobody says which account it is, as the owner of the passkey that is allowed', async () => {
    const named = emulator.signPasskey({ phone: PHONE, options: { challenge: 'abc' } });
    const options = { challenge: 'abc', allowCredentials: [{ id: named.id, type: 'public-key' }] };
    expect((await call('/passkey/sign', { options })).body).toMatchObject({
      id: named.id,
      rawId: named.rawId,
    });
    expect((await call('/passkey/sign', { options: { challenge: 'abc' } })).status).toBe(400);
    const foreign = { ...options, allowCredentials: [{ id: 'AAAA', type: 'public-key' }] };
    const refused = await call('/passkey/sign', { options: foreign });
    expect([refused.status, refused.body.error]).toEqual([
      400,
      expect.stringContaining('nobody here has such'),
    ]);
  });
});
