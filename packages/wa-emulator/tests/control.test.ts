import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../src/index.ts';
import { type BareClient, connectBareClient, startBareClient, until } from './bare-client.ts';

const PHONE = '6281100000081';
let emulator: Emulator;
let client: BareClient;

beforeAll(async () => {
  emulator = await startEmulator();
  client = await connectBareClient({ emulator, phone: PHONE, name: 'Toko' });
});

afterAll(async () => {
  await client.close();
  await emulator.stop();
});

/** Whatever an endpoint answers, with the fields that are looked into by name. */
interface Answer {
  [index: number]: unknown;
  ids?: string[];
  error?: string;
}

async function call(path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(emulator.url + path, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, body: (await response.json()) as Answer }; // each test checks its shape
}

describe('the control API', () => {
  it('answers over HTTP what the functions answer', async () => {
    const id = await client.send('6281200008001', 'http');
    await until('the message', () => emulator.messages({ id })[0]?.readAt);
    expect((await call(`/messages?to=6281200008001&from=${PHONE}`)).body).toEqual(emulator.messages({ id }));
    expect((await call('/sessions')).body).toEqual(emulator.sessions());
    expect((await call(`/stanzas?from=${PHONE}`)).body).toEqual([
      { id, from: PHONE, to: '6281200008001', at: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    expect((await call('/health')).body).toMatchObject({ ok: true, online: 1, linked: 1, messages: 1 });
    expect((await call('/sessions')).body[0]).toMatchObject({ phone: PHONE, name: 'Toko', connected: true });
  });

  it('takes rules, faults, settings, groups, deliveries in a batch, reads and a reset', async () => {
    expect((await call('/rules', { number: '6281', behaviour: 'ok' })).status).toBe(400);
    expect((await call('/rules', { number: '6281200008002', behaviour: 'unread' })).status).toBe(200);
    expect((await call('/rules')).body).toEqual([{ number: '6281200008002', behaviour: 'unread' }]);
    expect((await call('/faults', { kind: 'slow_ack', ms: 0 })).body).toEqual({ affected: 0 });
    expect((await call('/settings', { autoRead: true })).body).toMatchObject({ autoRead: true });
    expect((await call('/groups', { subject: 'G', participants: [PHONE] })).status).toBe(201);
    expect((await call('/groups')).body).toHaveLength(1);
    const person = { to: PHONE, from: '6281300008001' };
    const delivered = await call('/deliver', {
      messages: [
        { ...person, text: 'a' },
        { ...person, text: 'b', count: 2 },
      ],
    });
    expect(delivered.body.ids).toHaveLength(3);
    expect((await call(`/inbound?to=${PHONE}`)).body).toHaveLength(3);
    expect((await call('/read', { id: 'nobody-has-it' })).status).toBe(404);
    expect((await call('/reset', {})).body).toEqual({ ok: true });
    expect((await call('/messages')).body).toEqual([]);
    expect((await call('/sessions')).body).toHaveLength(1);
  });

  it.each([
    ['/scan', { qr: 'x' }, 400, /phone/],
    ['/scan', { qr: 'x', phone: '+62812345' }, 400, /E\.164 digits/],
    ['/scan', { qr: 'not,a,qr', phone: '62812345' }, 400, /qr/],
    ['/scan', { qr: '2@ref,AA==,AA==,AA==,1', phone: '62812345' }, 404, /no client/],
    ['/deliver', { to: '62899999', from: '62812345', text: 'x' }, 404, /no session/],
    ['/deliver', { to: PHONE, from: '62812345' }, 400, /text/],
    ['/deliver', { to: PHONE, from: '62812345', kind: 'image' }, 400, /data/],
    ['/deliver', { to: PHONE, from: '62812345', group: '1@g.us', text: 'x' }, 404, /group/],
    ['/rules', { number: '62812345', behaviour: 'explode' }, 400, /behaviour: one of ok/],
    ['/faults', { kind: 'explode' }, 400, /kind/],
    ['/faults', { kind: 'refuse' }, 400, /seconds/],
    ['/faults', { kind: 'drop', phon: '62812345' }, 400, /phon/],
    ['/nothing', {}, 404, /no POST/],
  ])('%s %j is %i', async (path, body, status, message) => {
    const answer = await call(path, body);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatch(message);
  });

  it('answers malformed JSON with 400', async () => {
    const response = await fetch(`${emulator.url}/rules`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toHaveProperty('error');
  });

  it('turns web pages away', async () => {
    expect((await call('/health', undefined, { origin: 'http://evil.example' })).status).toBe(403);
  });

  it('refuses a wrong pairing code and takes the right one afterwards', async () => {
    const phone = '6281100000082';
    let code = '';
    const waiting = startBareClient({
      emulator: {
        waUrl: emulator.waUrl,
        scan: emulator.scan,
        pair: async (input) => {
          code = input.code;
          expect((await call('/pair', { code: 'AAAAAAAA', phone })).status).toBe(400);
          return emulator.pair({ code: `${code.slice(0, 4)}-${code.slice(4)}`, phone });
        },
      },
      phone,
      pairBy: 'code',
    });
    await waiting.waitOpen();
    expect(waiting.sock.user?.id).toBe(`${phone}:1@s.whatsapp.net`);
    await waiting.close();
  });

  it('waits in vain for a pairing code nobody asked for', async () => {
    expect((await call('/pair', { code: 'ABCD1234', phone: '6281100000083' })).status).toBe(404);
  });
});
