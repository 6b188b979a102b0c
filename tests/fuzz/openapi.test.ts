/** Whatever is asked of any route, the answer is one of the documented ones: never a failure of the service. */

import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, type MockInstance, test, vi } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { MP4, OGG, PDF, PNG } from '../dialects/files.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { makeTenant, type Tenant } from '../helpers/tenant.ts';
import { createMemory } from './memory.ts';
import { type Caller, type FuzzRequest, requests, toDocument } from './requests.ts';

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 750);
/** Where nobody asked for a number, a slow machine makes fewer. */
const TIME_LIMIT_MS = process.env.FUZZ_REQUESTS === undefined ? 25_000 : 4 * 3_600_000;
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2_147_483_647);
/** Requests that are on their way at the same time. */
const LANES = 6;
/** What one request may take: a send that waits for its outcome takes 15 s. */
const REQUEST_TIMEOUT_MS = 30_000;

let emulator: Emulator;
let gateway: TestGateway;
let errors: MockInstance;
const tenants = new Map<Caller, Tenant>();
const counts = new Map<number, number>();
const failures: string[] = [];

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator);
  errors = vi.spyOn(gateway.deps.logger, 'error');
  for (let i = 0; i < 20; i++) await makeTenant(gateway.deps, 'user');
  await renew();
});

afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
});

/** Callers that nothing has been done to yet; requests may disable users and unlink phones. */
async function renew(): Promise<void> {
  tenants.set('admin', await makeTenant(gateway.deps, 'admin'));
  tenants.set('readonly', await makeTenant(gateway.deps, 'readonly'));
  const user = await makeTenant(gateway.deps, 'user');
  for (const caller of ['user', 'key'] as const) tenants.set(caller, user);
  await linkPhone();
}

let phones = 628_111_000_300;
async function linkPhone(): Promise<void> {
  const headers = credentialOf('user');
  const call: TestGateway['call'] = (method, path, body) => gateway.call(method, path, body, headers);
  phones += 1;
  await linkSession({ call }, emulator, 'main', String(phones));
}

const dataUrl = (type: string, bytes: Buffer) => `data:${type};base64,${bytes.toString('base64')}`;
const SOON = [new Date(Date.now() + 3_600_000).toISOString()];
const SESSIONS = ['main', 'main', 'main', 'main', 'x1'];
const KNOWN: Record<string, readonly unknown[]> = {
  session: SESSIONS,
  sessionId: SESSIONS,
  to: ['08123456789', '+6281234567890', '628120000009@s.whatsapp.net'],
  number: ['628123456789', '+6281234567890'],
  phone: ['628123456789'],
  phoneNumber: ['08123456789', '+6281234567890'],
  numbers: ['628123456789', '6281234567890'],
  email: ['user@example.com', 'clerk@example.com'],
  image: [dataUrl('image/png', PNG)],
  imageUrl: [dataUrl('image/png', PNG)],
  video: [dataUrl('video/mp4', MP4)],
  audio: [dataUrl('audio/ogg', OGG)],
  document: [dataUrl('application/pdf', PDF)],
  file: [dataUrl('application/pdf', PDF)],
  isGroup: [false],
  scheduledAt: SOON,
  expiresAt: SOON,
  delayBetweenMessages: [1_000],
  delay: [1_000],
  template: ['{company} {otp}'],
  userId: [1, 2_147_483_647],
};
const memory = createMemory();
function knownAt(name: string, path: string): readonly unknown[] {
  const place = memory.placeOf(name, path);
  return place === null ? (KNOWN[name] ?? []) : [place];
}

test(`${REQUESTS} requests of every kind meet no failure of the service`, {
  timeout: REQUESTS * 200 + 120_000,
}, async () => {
  const document = toDocument(await (await fetch(`${gateway.url}/openapi.json`)).json());
  const some = fc.array(requests(document, knownAt), { minLength: LANES, maxLength: LANES, size: 'max' });
  const property = fc.asyncProperty(some, async (batch) => {
    await Promise.all(batch.map(ask));
    await recover();
  });
  await fc.assert(property, {
    numRuns: Math.ceil(REQUESTS / LANES),
    seed: SEED,
    interruptAfterTimeLimit: TIME_LIMIT_MS,
    // A smaller request would be asked of a service that has changed since.
    endOnFailure: true,
  });
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  console.log(`${total} requests, seed ${SEED}:`, Object.fromEntries([...counts].sort(([a], [b]) => a - b)));
  expect(failures).toEqual([]);
  expect((counts.get(200) ?? 0) / total).toBeGreaterThan(0.1);
});

const TRIES = 3;

/**
 * The server hears out the body of a request that it has refused for half a second, then cuts the connection; on a busy
 * machine the client is slower than that. Whatever else breaks a request is a failure.
 */
async function sendWhole(url: string, init: RequestInit): Promise<Response> {
  for (let left = TRIES; ; left--) {
    try {
      return await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (left === 1 || init.body === undefined || Object(cause).code !== 'ECONNRESET') throw error;
    }
  }
}

/** Sends it; notes an answer that a service that is well does not give. */
async function ask(request: FuzzRequest): Promise<void> {
  const { method } = request;
  const path = memory.fill(request.path);
  const body = request.body === undefined ? undefined : memory.fill(request.body);
  const headers = { ...request.headers, ...credentialOf(request.caller) };
  const response = await sendWhole(`${gateway.url}${path}`, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  });
  const { status } = response;
  counts.set(status, (counts.get(status) ?? 0) + 1);
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    await response.body?.cancel();
    return;
  }
  const text = await response.text();
  const about = `${method} ${path.slice(0, 300)} as ${request.caller} -> ${status} ${text.slice(0, 500)}`;
  if (status >= 500 && !isCanceled(text)) failures.push(`${about}\n${body ?? ''}\n${lastError()}`);
  if (status >= 400) {
    const failure: unknown = JSON.parse(text);
    expect(failure, about).toMatchObject({
      success: false,
      code: expect.stringMatching(/^[A-Z_]+$/),
      message: expect.any(String),
      error: expect.any(String),
      details: expect.any(Object),
      requestId: expect.any(String),
    });
  }
  if (status < 300 && response.headers.get('content-type')?.includes('json')) {
    expect(request.statuses, about).toContain(String(status));
    memory.learn(request.path, JSON.parse(text));
  }
}

function credentialOf(caller: Caller): Record<string, string> {
  if (caller === 'nobody') return {};
  if (caller === 'forger') return { authorization: 'Bearer x.y.z', 'x-api-key': 'wahub_nobody' };
  const tenant = tenants.get(caller);
  if (!tenant) throw new Error(`there is no ${caller}`);
  return caller === 'key' ? { 'x-api-key': tenant.apiKey } : { authorization: `Bearer ${tenant.token}` };
}

/** After something that disabled a caller, took its key or unlinked its phone, which most routes need. */
async function recover(): Promise<void> {
  for (const caller of ['admin', 'user', 'key', 'readonly'] as const) {
    const { status } = await gateway.call('GET', '/auth/me', undefined, credentialOf(caller));
    if (status === 401) return renew();
  }
  const headers = credentialOf('user');
  const { status, body } = await gateway.call('GET', '/session/status?session=main', undefined, headers);
  if (status === 200 && (body.data.user !== null || body.data.status === 'connecting')) return;
  if (status === 200) await gateway.call('DELETE', '/session/main', undefined, headers);
  await linkPhone();
}

/** One request waits for a message, another one cancels it: that is reported as a send that failed. */
const isCanceled = (text: string) => /"code":"SEND_FAILED".*"status":"canceled"/.test(text);

/** What the service wrote about its latest failure. */
const lastError = () => inspect(errors.mock.lastCall, { depth: 6 }).slice(0, 3_000);
