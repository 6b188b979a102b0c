/** When the TypeScript client asks again, and when it must not. */
import { expect, test } from 'vitest';
import { createClient, unwrap, WaHubError } from '../../clients/typescript/src/index.ts';

interface Seen {
  method: string;
  path: string;
  key: string | null;
  body: string;
  prefer: string | null;
}

type Step = { status: number; code?: string; headers?: Record<string, string> } | 'broken' | 'silent';

/** A service that answers so, one step after the other, and the last one for ever. */
function service(...steps: [Step, ...Step[]]) {
  return patientService(50, ...steps);
}

function patientService(timeoutMs: number, ...steps: [Step, ...Step[]]) {
  const seen: Seen[] = [];
  const fetch = async (request: Request, { signal }: RequestInit): Promise<Response> => {
    const step = steps[Math.min(seen.length, steps.length - 1)] ?? 'broken';
    const { method, headers } = request;
    const [key, prefer] = [headers.get('idempotency-key'), headers.get('prefer')];
    const body = await request.text();
    seen.push({ method, path: new URL(request.url).pathname, key, prefer, body });
    if (step === 'broken') throw new TypeError('fetch failed');
    if (step === 'silent')
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    const failure = {
      success: false,
      code: step.code,
      message: 'no',
      error: 'no',
      details: {},
      requestId: 'r',
    };
    const answer = step.status < 400 ? { success: true, data: {} } : failure;
    return Response.json(answer, { status: step.status, headers: step.headers ?? {} });
  };
  const retry = { baseDelayMs: 1, maxDelayMs: 20 };
  return { seen, fetch, client: createClient({ apiKey: 'k', fetch, retry, timeoutMs }) };
}

const text = { session: 'main', to: '628123456789', text: 'Halo' };

test('a send is repeated with one and the same key of its own and the whole body', async () => {
  const { seen, client } = service('broken', { status: 503 }, 'silent', { status: 202 });
  const { response } = await client.POST('/message/send-text', { body: text });
  expect(response.status).toBe(202);
  expect(seen).toHaveLength(4);
  expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  expect(seen[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
  expect(seen.map(({ body }) => JSON.parse(body))).toEqual([text, text, text, text]);
});

test('two sends have two keys, and a given key is kept', async () => {
  const { seen, client } = service({ status: 202 });
  await client.POST('/message/send-text', { body: text });
  await client.POST('/message/send-text', { body: text });
  const params = { header: { 'Idempotency-Key': 'order-4711' } };
  await client.POST('/message/send-text', { body: text, params });
  expect(seen[0]?.key).not.toBe(seen[1]?.key);
  expect(seen[2]?.key).toBe('order-4711');
});

test('a POST that no key protects is not repeated after a broken connection', async () => {
  const body = { otpId: '0'.repeat(32), otp: '123456' };
  const broken = service('broken');
  await expect(broken.client.POST('/otp/verify', { body })).rejects.toThrow('fetch failed');
  expect(broken.seen).toHaveLength(1);
  const away = service({ status: 503, code: 'UNAVAILABLE' });
  expect((await away.client.POST('/otp/verify', { body })).response.status).toBe(503);
  expect(away.seen).toHaveLength(1);
});

test('reading is repeated until the attempts are spent', async () => {
  const { seen, client } = service('broken');
  await expect(client.GET('/session/list')).rejects.toThrow('fetch failed');
  expect(seen).toHaveLength(4);
});

const FINAL: [string, Step][] = [
  ['a wrong request', { status: 400, code: 'VALIDATION_FAILED' }],
  ['a wrong credential', { status: 401, code: 'UNAUTHORIZED' }],
  ['a conflict', { status: 409, code: 'NOT_CONNECTED' }],
  ['a failure of the service', { status: 500, code: 'INTERNAL' }],
  ["WhatsApp's refusal", { status: 502, code: 'SEND_FAILED' }],
  ['a pause that is too long', { status: 429, code: 'RATE_LIMITED', headers: { 'retry-after': '60' } }],
];
test.each(FINAL)('%s is given back at once', async (_name, step) => {
  const { seen, client } = service(step);
  const result = client.POST('/message/send-text', { body: text });
  const error = await unwrap(result).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WaHubError);
  const status = typeof step === 'object' ? step.status : 0;
  expect(error).toMatchObject({ status, requestId: 'r', message: 'no' });
  expect(seen).toHaveLength(1);
});

test('a first request that is still at work, and the page of a proxy, are waited for', async () => {
  const running = service({ status: 409, code: 'IDEMPOTENCY_IN_PROGRESS' }, { status: 202 });
  expect((await running.client.POST('/message/send-text', { body: text })).response.status).toBe(202);
  const proxy = service({ status: 502 }, { status: 504 }, { status: 202 });
  expect((await proxy.client.POST('/message/send-text', { body: text })).response.status).toBe(202);
});

test('a first request that is long at work is waited for as long as its answer would be, and no longer', async () => {
  const busy = { status: 409, code: 'IDEMPOTENCY_IN_PROGRESS' };
  const { seen, client } = patientService(60_000, 'broken', busy, busy, busy, busy, busy, busy, {
    status: 202,
  });
  expect((await client.POST('/message/send-text', { body: text })).response.status).toBe(202);
  expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  const endless = patientService(20, busy);
  expect((await endless.client.POST('/message/send-text', { body: text })).response.status).toBe(409);
  const once = patientService(60_000, busy);
  const options = { fetch: once.fetch, retry: false } as const;
  const hurried = await createClient(options).POST('/message/send-text', { body: text });
  expect(hurried.response.status).toBe(409);
  expect(once.seen).toHaveLength(1);
});

test('an import is asked for without waiting for its end, unless its caller prefers to wait', async () => {
  const { seen, client } = service({ status: 202 });
  const path = { sessionId: 'main', listId: '0'.repeat(32) };
  const bulk = '/session/{sessionId}/broadcast/lists/{listId}/contacts/bulk';
  const body = { file: 'data:text/csv;base64,bnVtYmVyCg==' };
  await client.POST(bulk, { params: { path }, body });
  await client.POST(bulk, { params: { path, header: { Prefer: 'wait=60' } }, body });
  await client.POST('/message/send-text', { body: text });
  expect(seen.map(({ prefer }) => prefer)).toEqual(['respond-async', 'wait=60', null]);
});

test('an OTP that was tried too often is no reason to wait', async () => {
  const { seen, client } = service({ status: 429, code: 'OTP_MAX_ATTEMPTS' });
  await client.POST('/otp/verify', { body: { otpId: '0'.repeat(32), otp: '1' } });
  expect(seen).toHaveLength(1);
});

test('a caller that gives up ends the pause', async () => {
  const { client } = service({ status: 503 });
  const signal = AbortSignal.timeout(5);
  const slow = createClient({
    fetch: async () => Response.json({}, { status: 503 }),
    retry: { baseDelayMs: 60_000, maxDelayMs: 60_000 },
  });
  await expect(slow.GET('/session/list', { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  expect((await client.GET('/session/list')).response.status).toBe(503);
});
