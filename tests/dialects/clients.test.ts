/** Clients written in the manner of the older system's guide, unchanged but for the credential. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { testConfig } from '../helpers/app.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/until.ts';
import { createOtpClient, type OtpClient } from './otp-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator?.stop());

/** The digits of the code in what the recipient's phone shows. */
const codeIn = (text: string | null | undefined) => /\*(\d{4,8})\*/.exec(text ?? '')?.[1] ?? '';

describe.each([
  { returnCode: true, base: 300, credential: (key: string) => ({ 'x-api-key': key }) },
  { returnCode: false, base: 400, credential: (key: string) => ({ 'X-API-Key': key, 'user-id': '7' }) },
])('with OTP_RETURN_CODE=$returnCode, a client', ({ returnCode, base, credential }) => {
  let gateway: TestGateway;
  let client: OtpClient;
  const number = (n: number) => `08128${base + n}000`;
  /** The server's acknowledgement may overtake the recipient's phone. */
  const received = async (n: number) => {
    const to = `628128${base + n}000`;
    await until(() => emulator.messages({ to }).length > 0);
    return emulator.messages({ to });
  };

  beforeAll(async () => {
    // The limits of the product: a client that polls and sends as the guide says must not meet them.
    const { httpLimits: _wide, ...rest } = testConfig();
    gateway = await startTestGateway(emulator, {
      otp: { ...rest.otp, returnCode },
      httpLimits: { max: 100, windowMs: 900_000, apiMaxPerMinute: 600 },
    });
    client = createOtpClient(`${gateway.url}/api`, credential(gateway.config.adminKey ?? ''));
  });
  afterAll(() => gateway?.remove());

  test('polls until the phone is linked, and meets no limit', async () => {
    const created = await client.createSession('my-session');
    expect(created).toMatchObject({ sessionId: 'my-session', qrCode: expect.any(String) });
    // 3 s between two looks, two minutes long, are 40 looks: this client looks as often within seconds.
    const onLook = (looks: number) => {
      if (looks === 40) void emulator.scan({ qr: created.qr ?? '', phone: `628111000${base}` });
    };
    await client.waitForConnection('my-session', { everyMs: 25, timeoutMs: 20_000, onLook });
    expect((await client.sessions())['my-session']?.isConnected).toBe(true);
  });

  test('sends a code, which is told or not, and verifies it', async () => {
    const sent = await client.sendOtp('my-session', number(1));
    expect(sent.to).toBe(`628128${base + 1}000@s.whatsapp.net`);
    const [message] = await received(1);
    expect(message?.id).toBe(sent.messageId);
    expect(message?.text).toContain('PT. Contoh');
    const code = codeIn(message?.text);
    expect(sent.otp).toBe(returnCode ? code : undefined);
    expect(await client.verify(number(1), code === '000000' ? '111111' : '000000')).toBe(false);
    expect(await client.verify(number(1), code)).toBe(true);
    expect(await client.verify(number(1), code)).toBe(false);
  });

  test('sends a batch with pauses; what fails is told and stops nothing', async () => {
    const results = await client.sendBatch('my-session', [number(2), 'nobody', number(3)], 50);
    expect(results.map(({ success }) => success)).toEqual([true, false, true]);
    expect(results[1]?.error).toBe('Format nomor tidak valid');
    const codes = [codeIn((await received(2))[0]?.text), codeIn((await received(3))[0]?.text)];
    expect([results[0]?.otp, results[2]?.otp]).toEqual(returnCode ? codes : [null, null]);
  });

  test('writes its own text around a code of its own keeping', async () => {
    const { otp, messageId } = await client.sendCustom('my-session', number(4), 'Kode OTP: *{OTP}*');
    expect(await received(4)).toMatchObject([{ id: messageId, text: `Kode OTP: *${otp}*` }]);
  });

  test('tries again when the session was away, and its user gets one code', async () => {
    const restarted = gateway.call('PUT', '/api/sessions/my-session/restart');
    const sent = await client.sendOtpWithRetry('my-session', number(5), { tries: 6, delayMs: 200 });
    expect(sent.status).toMatch(/^(sent|delivered|read)$/);
    expect((await restarted).status).toBe(200);
    expect(await received(5)).toHaveLength(1);
  });

  test('gives up after its last try, with the reason in words', async () => {
    await expect(client.sendOtpWithRetry('nobody', number(6), { tries: 3, delayMs: 10 })).rejects.toThrow(
      'Session tidak ditemukan',
    );
  });

  test('has many sessions', async () => {
    for (const sessionId of ['session-1', 'session-2', 'session-3']) await client.createSession(sessionId);
    const sessions = await client.sessions();
    expect(Object.keys(sessions).sort()).toEqual(['my-session', 'session-1', 'session-2', 'session-3']);
    await expect(client.sendOtp('session-2', number(7))).rejects.toThrow('Session tidak terhubung');
  });
});
