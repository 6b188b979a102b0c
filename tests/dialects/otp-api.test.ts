/** What the fixtures cannot tell: what arrives, what is waited for, what is kept, and what is never told. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { idempotencyKeys, otpNumbers } from '../../src/db/schema.ts';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';
import { type FileServer, PNG, startFileServer } from './files.ts';

let emulator: Emulator;
let files: FileServer;
let gateway: TestGateway;
beforeAll(async () => {
  [emulator, files] = await Promise.all([startEmulator(), startFileServer()]);
  gateway = await startTestGateway(emulator, { allowPrivateUrls: true });
  await linkSession(gateway, emulator, 'main', '628111000500');
});
afterAll(async () => {
  await gateway?.remove();
  await files?.stop();
  await emulator?.stop();
});

const send = (kind: string, body: object, headers: Record<string, string> = {}) =>
  gateway.call('POST', `/api/messages/main/${kind}`, body, { 'x-api-key': ADMIN_KEY, ...headers });
/** The server's acknowledgement may overtake the recipient's phone. */
async function arrivedAt(to: string) {
  await until(() => emulator.messages({ to }).length > 0);
  return emulator.messages({ to });
}
const keptOf = async (key: string) => {
  const { db } = gateway.deps;
  const [row] = await db.select().from(idempotencyKeys).where(eq(idempotencyKeys.key, key));
  return row;
};

describe('what arrives', () => {
  test('is the file behind a URL, with its caption', async () => {
    await send('image', { to: '628129000001', imageUrl: `${files.url}/image.png`, caption: 'Test gambar' });
    const [message] = await arrivedAt('628129000001');
    expect(message).toMatchObject({ type: 'image', caption: 'Test gambar', mimetype: 'image/png' });
  });

  test('is a data: URL as well', async () => {
    const image = `data:image/png;base64,${PNG.toString('base64')}`;
    expect((await send('image', { to: '628129000002', image })).status).toBe(200);
  });

  test('may be a data: URL of many megabytes', async () => {
    const document = `data:text/plain;base64,${Buffer.alloc(6 * 1024 * 1024, 'a').toString('base64')}`;
    const answer = await send('document', { to: '628129000005', document, filename: 'long.txt' });
    expect(answer.status).toBe(200);
  });

  test('is a document by the name that was given', async () => {
    const body = { to: '628129000003', documentUrl: `${files.url}/file.pdf`, fileName: 'Tagihan.pdf' };
    expect((await send('document', body)).status).toBe(200);
    expect(await arrivedAt('628129000003')).toMatchObject([
      { type: 'document', fileName: 'Tagihan.pdf', mimetype: 'application/pdf' },
    ]);
  });

  test('is a place with its name', async () => {
    const body = { to: '628129000004', latitude: '-6.2088', longitude: 106.8456, locationName: 'Jakarta' };
    expect((await send('location', body)).status).toBe(200);
    const [message] = await arrivedAt('628129000004');
    expect(message).toMatchObject({ type: 'location', latitude: -6.2088, longitude: 106.8456 });
  });

  test.each([
    { to: '628129000011', buttons: ['Ya', 'Tidak'] },
    {
      to: '628129000012',
      buttons: [{ buttonId: 'a', buttonText: { displayText: 'Ya' } }, { displayText: 'Tidak' }],
    },
    { to: '628129000013', buttons: JSON.stringify([{ id: 'x', text: 'Ya' }, { text: 'Tidak' }]) },
  ])('are buttons however they are written: $buttons', async ({ to, buttons }) => {
    const answer = await send('button', { to, text: 'Pilih:', buttons });
    expect(answer.status).toBe(200);
    const message = (await arrivedAt(to)).at(-1);
    expect(message?.text).toContain('Ya');
    expect(message?.text).toContain('Tidak');
  });

  test('is a code of the length and text that were asked for', async () => {
    const template = '{company}: {otp}, {minutes} menit';
    const body = { to: '628129000020', companyName: 'PT. Contoh', length: 8, expiryMinutes: 10, template };
    const { body: answer } = await send('otp', body);
    const [message] = await arrivedAt('628129000020');
    expect(message?.text).toMatch(/^PT\. Contoh: \d{8}, 10 menit$/);
    const lifetimeMs = Date.parse(answer.data.expiresAt) - Date.parse(answer.data.timestamp);
    expect(lifetimeMs).toBe(600_000);
    expect(answer.data).not.toHaveProperty('otp');
  });
});

describe('a send', () => {
  test('that the server refuses is a failure', async () => {
    // A session of its own: the account that is refused so pauses for a while.
    await linkSession(gateway, emulator, 'refused', '628111000501');
    emulator.setRule({ number: '628129000030', behaviour: 'ack_error:463' });
    const message = { to: '628129000030', message: 'Halo' };
    const { status, body } = await gateway.call('POST', '/api/messages/refused/text', message);
    expect(status).toBe(502);
    expect(body).toMatchObject({ success: false, code: 'SEND_FAILED', details: { errorCode: '463' } });
  });

  test.each([
    ['text', { message: 'Halo' }],
    ['otp', { companyName: 'Toko' }],
  ])(
    'of a kind %s that failed is told as a failure under an Idempotency-Key, and again',
    async (kind, of) => {
      const to = kind === 'otp' ? '628129000034' : '628129000035';
      emulator.setRule({ number: to, behaviour: 'not_on_whatsapp' });
      const key = { 'idempotency-key': `fails-${kind}` };
      const first = await send(kind, { to, ...of }, key);
      expect(first).toMatchObject({ status: 422, body: { success: false, code: 'NOT_ON_WHATSAPP' } });
      const { status, body } = await send(kind, { to, ...of }, key);
      expect(status).toBe(422);
      expect(body).toEqual({ ...first.body, requestId: body.requestId });
      expect(JSON.stringify((await keptOf(key['idempotency-key']))?.response)).not.toMatch(/\b\d{6}\b/);
    },
  );

  test('to a number without WhatsApp is a failure', async () => {
    emulator.setRule({ number: '628129000031', behaviour: 'not_on_whatsapp' });
    const { status, body } = await send('text', { to: '628129000031', message: 'Halo' });
    expect(status).toBe(422);
    expect(body).toMatchObject({ message: 'Nomor tidak terdaftar di WhatsApp', code: 'NOT_ON_WHATSAPP' });
  });

  test('without an outcome in 15 s is a success that says queued, and a repeat sends nothing more', async () => {
    emulator.setRule({ number: '628129000032', behaviour: 'no_ack' });
    const body = { to: '628129000032', message: 'Halo' };
    const key = { 'idempotency-key': 'slow' };
    const { clock } = gateway.deps;
    const setTimer = clock.setTimer.bind(clock);
    let ended = 0;
    const timers = vi.spyOn(clock, 'setTimer').mockImplementation((work, delayMs) => {
      if (delayMs !== 15_000) return setTimer(work, delayMs);
      ended += 1;
      return setTimer(work, 500);
    });
    const first = await send('text', body, key);
    timers.mockRestore();
    expect(ended).toBe(1);
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({ success: true, data: { status: 'queued' } });
    const again = await send('text', body, key);
    expect(again).toEqual(first);
  });

  test('takes two names of one field only when they say the same', async () => {
    const { status, body } = await send('text', {
      to: '628129000033',
      phone: '628129000034',
      message: 'Halo',
    });
    expect(status).toBe(400);
    expect(body.details).toHaveProperty('to');
  });
});

describe('an own code', () => {
  const body = { to: '628129000040', otp: '482913' };
  const key = { 'idempotency-key': 'own' };

  test('is neither in what is kept nor to be guessed from its hash', async () => {
    const first = await send('otp', body, key);
    expect(first.status).toBe(200);
    expect(JSON.stringify(await keptOf('own'))).not.toContain('482913');
    const replayed = await send('otp', { ...body, otp: '111111' }, key);
    expect(replayed.status).toBe(200);
    expect(replayed.body.data).toMatchObject({
      messageId: first.body.data.messageId,
      to: '628129000040@s.whatsapp.net',
      status: 'queued',
    });
    expect(await arrivedAt('628129000040')).toHaveLength(1);
  });

  test('is verified as any other', async () => {
    const checked = await gateway.call('POST', '/api/otp/verify', {
      phoneNumber: '08129000040',
      otp: '482913',
    });
    expect(checked.status).toBe(200);
  });

  test.each(['12', '12345678901', 'a b c d', '{otp}', ['1234']])('is refused when it is %j', async (otp) => {
    const answer = await send('otp', { to: '628129000041', otp });
    expect(answer.status).toBe(400);
    expect(answer.body.details).toHaveProperty('otp');
  });
});

test('a resend after its cool-down brings the same code once more', async () => {
  const to = '628129000060';
  const codes = () => emulator.messages({ to }).map(({ text }) => /\d{6}/.exec(text ?? '')?.[0]);
  expect((await send('otp', { to, companyName: 'PT. Contoh' })).status).toBe(200);
  await arrivedAt(to);
  const { db } = gateway.deps;
  const [row] = await db.select().from(otpNumbers).where(eq(otpNumbers.phone, to));
  const sends = (row?.sends ?? []).map((at) => at - 31_000);
  await db.update(otpNumbers).set({ sends }).where(eq(otpNumbers.phone, to));
  const body = { phoneNumber: '08129000060', sessionId: 'main', companyName: 'PT. Contoh' };
  const answer = await gateway.call('POST', '/api/otp/resend', body);
  expect(answer).toMatchObject({
    status: 202,
    body: { success: true, message: expect.any(String), data: { messageId: expect.any(String) } },
  });
  await until(() => codes().length === 2);
  const [first, second] = codes();
  expect(first).toMatch(/^\d{6}$/);
  expect(second).toBe(first);
});

describe('a session', () => {
  test('made again under its Idempotency-Key is told without its QR', async () => {
    const headers = { 'x-api-key': ADMIN_KEY, 'idempotency-key': 'make' };
    const make = () => gateway.call('POST', '/api/sessions/create', { sessionId: 'twice' }, headers);
    const first = await make();
    expect(first.status).toBe(201);
    const again = await make();
    expect(again).toMatchObject({
      status: 201,
      body: { success: true, message: first.body.message, data: { sessionId: 'twice' } },
    });
    expect(JSON.stringify([again.body, await keptOf('make')])).not.toContain(first.body.data.qr);
  });

  test('that was logged out is linked again by asking for it', async () => {
    await gateway.call('POST', '/session/logout', { sessionId: 'twice' });
    const { status, body } = await gateway.call('POST', '/api/sessions/create', { sessionId: 'twice' });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ status: 'qr', qrCode: expect.any(String) });
  });

  test('that is only reconnecting refuses at once', async () => {
    emulator.fault({ kind: 'refuse', seconds: 4 });
    emulator.fault({ kind: 'drop' });
    await until(async () => {
      const { body } = await gateway.call('GET', '/api/sessions/main/status');
      return body.data.isConnected === false;
    });
    for (const kind of ['text', 'otp']) {
      const before = performance.now();
      const { status, body } = await send(kind, { to: '628129000050', message: 'Halo' });
      expect(performance.now() - before).toBeLessThan(2_000);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        success: false,
        message: 'Session tidak terhubung',
        code: 'NOT_CONNECTED',
      });
    }
  });
});
