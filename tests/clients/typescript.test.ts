/** The TypeScript client against the whole service: typed outcomes, linking, webhooks. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import {
  createClient,
  type Delivery,
  LinkError,
  linkSession,
  resendOtp,
  sendOtp,
  unwrap,
  verifyOtp,
  verifyWebhook,
  type WaHubClient,
  WaHubError,
} from '../../clients/typescript/src/index.ts';
import { signatureHeaders } from '../../src/services/webhooks/signature.ts';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/until.ts';

let emulator: Emulator;
let gateway: TestGateway;
let client: WaHubClient;

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { allowPrivateUrls: true });
  client = createClient({ baseUrl: gateway.url, apiKey: ADMIN_KEY });
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
});

async function control(path: string, body?: unknown): Promise<{ id: string; text?: string }[]> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${emulator.url}${path}`, { ...init, headers });
  return (await response.json()) as { id: string; text?: string }[];
}

function link(sessionId: string, phone: string) {
  const onCode = async ({ qr }: { qr: string | null }) => {
    if (qr) await control('/scan', { qr, phone });
  };
  return linkSession(client, { sessionId, onCode, pollMs: 50 });
}

test('a session is made, shown and linked, and once it is linked nothing is asked for', async () => {
  const state = await link('shop', '628111000701');
  expect(state).toMatchObject({ isConnected: true, user: { phone: '+628111000701' } });
  const codes: unknown[] = [];
  const again = await linkSession(client, { sessionId: 'shop', onCode: (code) => void codes.push(code) });
  expect(again.isConnected).toBe(true);
  expect(codes).toEqual([]);
});

test('a phone that is not the expected one ends the wait with its reason', async () => {
  const onCode = async ({ qr }: { qr: string | null }) => {
    if (qr) await control('/scan', { qr, phone: '628111000702' });
  };
  const wanted = { sessionId: 'other', phoneNumber: '+628111000703', onCode, pollMs: 50 };
  const error = await linkSession(client, wanted).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LinkError);
  expect(error).toMatchObject({ state: { status: 'failed', reason: 'phone_mismatch' } });
});

test('nobody scans: the wait ends in time, and a caller may end it before', async () => {
  const options = { sessionId: 'nobody', pollMs: 20 };
  await expect(linkSession(client, { ...options, timeoutMs: 60 })).rejects.toThrow('not linked in time');
  const signal = AbortSignal.timeout(100);
  await expect(linkSession(client, { ...options, signal })).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('every outcome of a code is a value', async () => {
  await link('codes', '628111000704');
  const to = '6281234567701';
  const sent = await sendOtp(client, { session: 'codes', to, maxAttempts: 2 });
  if (sent.outcome !== 'accepted') throw new Error(sent.outcome);
  expect(await sendOtp(client, { session: 'codes', to })).toMatchObject({
    outcome: 'too_soon',
    retryAfterSeconds: expect.any(Number),
  });
  expect(await resendOtp(client, { otpId: sent.otpId })).toMatchObject({ outcome: 'too_soon' });
  const code = await readCode(to, sent.messageId);
  const wrong = code === '000000' ? '111111' : '000000';
  expect(await verifyOtp(client, { otpId: sent.otpId, otp: wrong })).toEqual({
    outcome: 'wrong',
    attemptsLeft: 1,
  });
  expect(await verifyOtp(client, { otpId: sent.otpId, otp: code })).toMatchObject({
    outcome: 'right',
    phoneNumber: `+${to}`,
  });
  expect(await verifyOtp(client, { otpId: sent.otpId, otp: code })).toEqual({ outcome: 'not_found' });
  expect(await resendOtp(client, { phoneNumber: to })).toEqual({ outcome: 'not_found' });

  const second = await sendOtp(client, { session: 'codes', to: '6281234567702', maxAttempts: 1 });
  if (second.outcome !== 'accepted') throw new Error(second.outcome);
  const outcomes = [];
  for (let i = 0; i < 2; i++)
    outcomes.push((await verifyOtp(client, { otpId: second.otpId, otp: 'x' })).outcome);
  expect(outcomes).toEqual(['wrong', 'locked']);
  const third = await sendOtp(client, { session: 'codes', to: '6281234567703' });
  if (third.outcome !== 'accepted') throw new Error(third.outcome);
  await unwrap(client.POST('/otp/expire', { body: { otpId: third.otpId } }));
  expect(await verifyOtp(client, { otpId: third.otpId, otp: '1' })).toEqual({ outcome: 'expired' });

  expect(await sendOtp(client, { session: 'codes', to: '12' })).toEqual({ outcome: 'invalid_number' });
  await unwrap(client.POST('/session/logout', { body: { sessionId: 'codes' } }));
  expect(await sendOtp(client, { session: 'codes', to: '6281234567704' })).toEqual({
    outcome: 'not_connected',
  });
  const stranger = createClient({ baseUrl: gateway.url, apiKey: 'wahub_nobody' });
  const refused = await sendOtp(stranger, { session: 'codes', to }).catch((thrown: unknown) => thrown);
  expect(refused).toBeInstanceOf(WaHubError);
  expect(refused).toMatchObject({ code: 'UNAUTHORIZED', status: 401, requestId: expect.any(String) });
});

async function readCode(to: string, messageId: string): Promise<string> {
  let code = '';
  await until(async () => {
    const arrived = (await control(`/messages?to=${to}`)).find(({ id }) => id === messageId);
    code = /\d{6}/.exec(arrived?.text ?? '')?.[0] ?? '';
    return code !== '';
  });
  return code;
}

test('a delivery of the service is genuine with its secret, and with no other', async () => {
  const deliveries: (Delivery | null)[] = [];
  let secret = '';
  const { server, url } = await receive((headers, body) => {
    deliveries.push(verifyWebhook(secret, headers, body));
    deliveries.push(verifyWebhook('whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=', headers, body));
  });
  try {
    const made = await unwrap(client.POST('/webhook', { body: { url, events: ['message.received'] } }));
    secret = made.data.secret;
    const path = { id: made.data.id };
    const { data } = await unwrap(client.POST('/webhook/{id}/test', { params: { path } }));
    expect(data.delivered).toBe(true);
    expect(deliveries).toEqual([
      { id: data.eventId, event: expect.objectContaining({ type: 'webhook.test' }) },
      null,
    ]);
  } finally {
    server.close();
  }
});

test('a typed secret, an old delivery, a changed body and missing headers are told apart', () => {
  const body = JSON.stringify({ type: 'message.read', timestamp: '', data: {} });
  const secret = "an operator's own words";
  const genuine = signatureHeaders([secret], { id: 'e1', at: Date.now(), body });
  expect(verifyWebhook(secret, genuine, body)).toMatchObject({ id: 'e1', event: { type: 'message.read' } });
  expect(verifyWebhook(secret, new Headers(genuine), body)).not.toBeNull();
  expect(verifyWebhook(secret, genuine, `${body} `)).toBeNull();
  expect(verifyWebhook(secret, {}, body)).toBeNull();
  const rotated = signatureHeaders(['the new one', secret], { id: 'e1', at: Date.now(), body });
  expect(verifyWebhook(secret, rotated, body)).not.toBeNull();
  const old = signatureHeaders([secret], { id: 'e1', at: Date.now() - 400_000, body });
  expect(verifyWebhook(secret, old, body)).toBeNull();
});

type OnRequest = (headers: Record<string, string | string[] | undefined>, body: string) => void;

async function receive(onRequest: OnRequest): Promise<{ server: Server; url: string }> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    onRequest(request.headers, body);
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}
