/** The whole HTTP surface over a real, empty database, and tenants to call it as. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp, type HttpApp } from '../../src/app.ts';
import { createCommandBus } from '../../src/cluster/commands.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import type { Route } from '../../src/controllers/route.ts';
import type { Database } from '../../src/db/client.ts';
import type { Deps, Role } from '../../src/services/context.ts';
import { buildDeps } from '../../src/services/deps.ts';
import { type Clock, systemClock } from '../../src/utils/clock.ts';
import { type Config, loadConfig } from '../../src/utils/config.ts';
import { createOutgoing } from '../../src/utils/guarded-fetch.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Logger } from '../../src/utils/logger.ts';
import { createLoopShare } from '../../src/utils/loop-share.ts';
import { createStorage } from '../../src/utils/storage/open-storage.ts';
import { openTestDatabase } from './database.ts';
import { IDLE_LOOP } from './idle-loop.ts';
import { makeTenant, type Tenant } from './tenant.ts';

export type { Tenant } from './tenant.ts';

export interface Call {
  method?: string;
  body?: unknown;
  /** a JWT */
  token?: string;
  apiKey?: string;
  headers?: Record<string, string>;
  /** the address of the peer; trusted proxies are configured */
  address?: string;
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** the parsed body; an empty object for what is not JSON */
  body: Record<string, unknown>;
}

export interface LogLine {
  level: string;
  message: string;
  [name: string]: unknown;
}

export interface TestApp {
  app: HttpApp;
  deps: Deps;
  /** what was logged */
  lines: LogLine[];
  call(path: string, call?: Call): Promise<Reply>;
  /** a fresh user with a token and a key */
  tenant(role?: Role): Promise<Tenant>;
  close(): Promise<void>;
}

export interface TestAppOptions {
  config?: Partial<Config>;
  clock?: Clock;
  routes?: readonly Route[];
  /** replaces parts of the service: an engine's command bus, a database that is away */
  deps?: Partial<Deps>;
}

/** Of this process; nothing of it is needed afterwards. */
const testUploads = join(tmpdir(), `wahub-test-uploads-${process.pid}`);

/** A configuration for tests: limits so wide that no test meets them by chance. */
export function testConfig(overrides: Partial<Config> = {}): Config {
  const config = loadConfig({
    NODE_ENV: 'test',
    JWT_SECRET: 'test-jwt-secret-'.repeat(4),
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
    TZ_HOUSEKEEPING: 'UTC',
    API_RATE_LIMIT_MAX: '100000',
    RATE_LIMIT_MAX: '100000',
    NEW_CONTACTS_PER_DAY: '0',
  });
  return { ...config, files: { ...config.files, uploadPath: testUploads }, ...overrides };
}

/** Opens an app over its own database. Close it, or the test file does not end. */
export async function openTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = await openTestDatabase();
  const config = testConfig(options.config);
  const clock = options.clock ?? systemClock;
  const { logger, lines } = createMemoryLogger();
  const processId = newId();
  const own = {
    db: database.db,
    // Files and requests take their real time, whatever the test's clock says.
    storage: createStorage({ config, clock: systemClock, logger }),
    outgoing: createOutgoing({ allowPrivate: config.allowPrivateUrls }),
    // The owner is asked in this process alone: there is no other.
    commands: createCommandBus({ processId, clock }),
    lifecycle: { phase: 'ready' as const },
    // Tests ask as fast as they can, for many tenants: each would wait for the others.
    loopShare: createLoopShare(IDLE_LOOP),
  };
  const { deps, stop } = buildDeps(
    { config, database, logger, clock, processId },
    { ...own, ...options.deps },
  );
  const app = createApp(deps, options.routes ?? allRoutes);
  return {
    app,
    deps,
    lines,
    call: (path, call) => request(app, path, call),
    tenant: (role = 'user') => makeTenant(deps, role),
    async close() {
      await app.stop();
      await stop();
      await own.outgoing.close();
      await deps.storage.close();
      await database.close();
    },
  };
}

/** What another process has over `database`: nothing is shared that this one remembers. */
export function depsElsewhere(deps: Deps, database: Database): Deps {
  const { config, clock, logger, secrets, stream, signals, commands, lifecycle } = deps;
  const { storage, outgoing, mediaTools, background } = deps;
  const resources = { storage, outgoing, mediaTools, background };
  const shared = { secrets, stream, signals, commands, lifecycle, ...resources };
  return buildDeps({ config, database, clock, logger, processId: newId() }, shared).deps;
}

async function request(app: HttpApp, path: string, call: Call = {}): Promise<Reply> {
  const headers = new Headers(call.headers);
  if (call.token !== undefined) headers.set('authorization', `Bearer ${call.token}`);
  if (call.apiKey !== undefined) headers.set('x-api-key', call.apiKey);
  const init: RequestInit = { method: call.method ?? 'GET', headers };
  if (call.body !== undefined) {
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    init.body = typeof call.body === 'string' ? call.body : JSON.stringify(call.body);
  }
  const peer = { incoming: { socket: { remoteAddress: call.address ?? '127.0.0.1' } } };
  const response = await app.request(path, init, peer);
  const text = await readText(response);
  return { status: response.status, headers: response.headers, text, body: parseObject(text) };
}

/** A stream of events has no end: a test that wants them calls `app.request` itself. */
async function readText(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response.text();
  await response.body?.cancel();
  return '';
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function createMemoryLogger(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const make = (base: object): Logger => {
    const write =
      (level: string) =>
      (message: string, meta: object = {}) => {
        lines.push({ ...base, ...meta, level, message });
      };
    return {
      error: write('error'),
      warn: write('warn'),
      info: write('info'),
      debug: write('debug'),
      child: (meta) => make({ ...base, ...meta }),
    };
  };
  return { logger: make({}), lines };
}
