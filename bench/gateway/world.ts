/** Everything a round needs: the emulated WhatsApp, the service with linked sessions, and a client of its API. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { findFreePort } from '../../tests/helpers/sandbox-process.ts';
import { type DatabaseUse, meterServer } from '../measure/database-use.ts';
import { isProfiling, type Profiled } from '../measure/profile.ts';
import { type Child, startChild } from './child.ts';
import type { EmulatorCalls } from './processes/emulator.ts';
import type { ServiceCalls } from './processes/service.ts';
import { makeScratch, type Scratch } from './scratch.ts';

const KEY = 'wahub_bench_key_0123456789abcdef0123456789';
const CONNECTIONS = 32;
const LINK_TIMEOUT_MS = 60_000;

/** The service as it ships, in production, except that nothing holds it back. */
const UNPACED = {
  MESSAGE_DELAY_MIN: '0',
  MESSAGE_DELAY_MAX: '0',
  MAX_MESSAGES_PER_MINUTE: '100000',
  MAX_MESSAGES_PER_HOUR: '1000000',
  NEW_CONTACTS_PER_DAY: '0',
  MAX_MESSAGES_PER_RECIPIENT: '100000',
  OTP_RESERVE_PERCENT: '0',
  API_RATE_LIMIT_MAX: '10000000',
  QUOTA_SESSIONS: '100000',
};

/** The surroundings of the services: the emulated WhatsApp and a database. */
export interface Ground {
  title: string;
  scratch: Scratch;
  emulator: Child<EmulatorCalls>;
  target: Awaited<ReturnType<EmulatorCalls['where']>>;
  stop(): Promise<void>;
}

/** A process of the service, and a client of its API. */
export interface Service {
  service: Child<ServiceCalls>;
  api: Api;
  /** base URL of the bare server on the same database */
  bareUrl: string;
  /** Links a number to a session of that name. */
  link(sessionId: string, phone: string): Promise<void>;
  /** The work of the database so far: as its server counts it, or the service where it is part of that. */
  databaseUse(): Promise<DatabaseUse>;
  /** Does the work; with `--profile` and `--statements` prints what the service did meanwhile. `count`: of how many. */
  observed<R>(count: number, work: () => Promise<R>): Promise<R>;
  stop(): Promise<void>;
}

export type World = Omit<Ground, 'scratch'> & Service;

export interface Api {
  post(path: string, body: object): Promise<unknown>;
  get(path: string): Promise<unknown>;
  remove(path: string): Promise<unknown>;
  close(): Promise<void>;
}

export async function startGround(): Promise<Ground> {
  const scratch = await makeScratch();
  const emulator = startChild<EmulatorCalls>('emulator');
  return {
    title: scratch.title,
    scratch,
    emulator,
    target: await emulator.calls.where(),
    async stop() {
      await emulator.stop();
      await scratch.remove();
    },
  };
}

/** `settings` overrule those under which nothing holds the service back. */
export async function startService(
  { scratch, target, emulator }: Ground,
  settings: NodeJS.ProcessEnv = {},
): Promise<Service> {
  const port = String(await findFreePort());
  const env = { ...scratch.env, ...UNPACED, PORT: port, ...settings };
  const service = startChild<ServiceCalls>('service', serviceEnv(scratch.dir, env, target));
  const { url, bareUrl } = await service.calls.where();
  const meter = scratch.env.DB_TYPE === 'mysql' ? await meterServer(scratch.env) : null;
  const api = openApi(url, { 'x-api-key': KEY });
  return {
    service,
    api,
    bareUrl,
    async link(sessionId, phone) {
      const { data } = asSession(await api.post('/session/create', { sessionId }));
      await emulator.calls.scan({ qr: data.qr, phone });
      for (const endMs = Date.now() + LINK_TIMEOUT_MS; Date.now() < endMs; await delay(20)) {
        const status = asSession(await api.get(`/session/status?session=${sessionId}`)).data.status;
        if (status === 'connected') return;
      }
      throw new Error(`${sessionId} was not connected in ${LINK_TIMEOUT_MS} ms`);
    },
    databaseUse: () => meter?.read() ?? service.calls.databaseUse(),
    observed: (count, work) => observe(service, count, work),
    async stop() {
      await api.close();
      await service.stop();
      await meter?.close();
    },
  };
}

/** What `observed` saw of the service at the last time with `--profile`; null without. */
export const takeProfile = () => lastProfile;
let lastProfile: { count: number; profiled: Profiled } | null = null;

/** Whether `observed` prints anything. */
export const isObserving = () => isProfiling() || isReadingStatements();
const isReadingStatements = () => process.env.BENCH_STATEMENTS === '1';

async function observe<R>({ calls }: Child<ServiceCalls>, count: number, work: () => Promise<R>): Promise<R> {
  await calls.takeTexts();
  if (isProfiling()) await calls.startProfile();
  const result = await work();
  if (isProfiling()) {
    const profiled = await calls.stopProfile();
    for (const line of profiled?.lines ?? []) console.log(line);
    if (profiled) lastProfile = { count, profiled };
  }
  if (isReadingStatements()) {
    for (const [text, n] of await calls.takeTexts()) console.log(`  ${(n / count).toFixed(3)}  ${text}`);
  }
  return result;
}

export async function startWorld(): Promise<World> {
  const ground = await startGround();
  const service = await startService(ground);
  return {
    ...ground,
    ...service,
    async stop() {
      await service.stop();
      await ground.stop();
    },
  };
}

function serviceEnv(
  dir: string,
  settings: NodeJS.ProcessEnv,
  target: { waUrl: string; rootKey: string; caFile: string },
): NodeJS.ProcessEnv {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    DATA_DIR: dir,
    LOG_DIR: join(dir, 'logs'),
    KEY,
    ADMIN_EMAIL: 'admin@example.com',
    ADMIN_PASSWORD: 'correct horse battery',
    JWT_SECRET: '0123456789abcdef'.repeat(4),
    ENCRYPTION_KEY: 'fedcba9876543210'.repeat(4),
    WA_SERVER_URL: target.waUrl,
    WA_SERVER_ROOT_KEY: target.rootKey,
    WA_SERVER_CA: target.caFile,
    ...settings,
  };
}

/** A client with 32 connections that stay open. What is not a success is thrown. */
export function openApi(url: string, headers: Record<string, string> = {}): Api {
  const pool = new Pool(url, { connections: CONNECTIONS });
  async function request(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
    const { statusCode, body: answer } = await pool.request({
      method,
      path,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
    return JSON.parse(text);
  }
  return {
    post: (path, body) => request('POST', path, body),
    get: (path) => request('GET', path),
    remove: (path) => request('DELETE', path),
    close: () => pool.close(),
  };
}

/** Calls `work` with 0, 1, 2, …, as many at a time as so many clients have connections, until it answers false. */
export async function atOnce(work: (n: number) => Promise<boolean>, clients = 1): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (await work(next++));
  };
  await Promise.all(Array.from({ length: clients * CONNECTIONS }, caller));
}

/** Safe because these are the answers of /session/create and /session/status. */
function asSession(answer: unknown): { data: { qr: string; status: string } } {
  return answer as { data: { qr: string; status: string } };
}
