import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import type { DatabaseOptions } from '../../src/db/client.ts';
import { createEmptyDatabase } from '../helpers/database.ts';
import { databaseSettings, findFreePort, linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const run = promisify(execFile);
const PER_SECOND = 50;
const SESSIONS = 4;
const KEY = `wahub_test_${randomBytes(16).toString('hex')}`;

let emulator: Emulator;
let dir: string;
let pm2: (...args: string[]) => Promise<string>;
let url: string;

beforeAll(async () => {
  await run(process.execPath, ['scripts/bootstrap.mjs', 'tsc', '-p', 'tsconfig.build.json']);
  emulator = await startEmulator();
}, 120_000);
afterAll(() => emulator?.stop());

/** A PM2 of its own over this database; `pm2()` runs one of its commands and gives what it printed. */
async function preparePm2(options: DatabaseOptions): Promise<void> {
  dir = mkdtempSync(join(tmpdir(), 'wahub-pm2-'));
  const port = await findFreePort();
  url = `http://127.0.0.1:${port}`;
  const env = {
    PATH: process.env.PATH,
    HOME: dir,
    PM2_HOME: join(dir, 'pm2'),
    PORT: String(port),
    HOST: '127.0.0.1',
    DATA_DIR: join(dir, 'data'),
    LOG_DIR: join(dir, 'logs'),
    JWT_SECRET: randomBytes(48).toString('hex'),
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    KEY,
    ADMIN_EMAIL: 'admin@example.com',
    ADMIN_PASSWORD: 'correct horse battery',
    MESSAGE_DELAY_MIN: '0',
    MESSAGE_DELAY_MAX: '0',
    MAX_MESSAGES_PER_MINUTE: '100000',
    MAX_MESSAGES_PER_HOUR: '100000',
    NEW_CONTACTS_PER_DAY: '0',
    MAX_MESSAGES_PER_RECIPIENT: '100000',
    API_RATE_LIMIT_MAX: '1000000',
    RATE_LIMIT_MAX: '1000000',
    WA_SERVER_URL: emulator.waUrl,
    WA_SERVER_ROOT_KEY: emulator.rootKey,
    WA_SERVER_CA: emulator.caFile,
    NODE_EXTRA_CA_CERTS: emulator.caFile,
    ...databaseSettings(options),
  };
  pm2 = async (...args) => {
    const { stdout } = await run(process.execPath, ['node_modules/pm2/bin/pm2', ...args], { env });
    return stdout;
  };
}

afterEach(async () => {
  await pm2?.('kill');
  if (dir) rmSync(dir, { recursive: true, force: true });
}, 60_000);

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

interface Listed {
  pid: number;
  pm2_env: { status: string; exec_mode: string };
}
async function listed(): Promise<Listed[]> {
  const printed = await pm2('jlist');
  return JSON.parse(printed.slice(printed.indexOf('[{')));
}

test(`cluster mode on MySQL: pm2 reload under ${PER_SECOND} requests/s fails no request, loses and doubles nothing`, async () => {
  const { options, remove } = await createEmptyDatabase();
  try {
    await preparePm2(options);
    await pm2('start', 'ecosystem.config.js');
    const before = await listed();
    expect(before.map(({ pm2_env }) => [pm2_env.status, pm2_env.exec_mode])).toEqual([
      ['online', 'cluster_mode'],
      ['online', 'cluster_mode'],
    ]);
    for (let n = 0; n < SESSIONS; n++) await linkSession({ call }, emulator, `s${n}`, `62811000002${n}`);

    const ids = new Map<string, string>();
    const failures: string[] = [];
    const open: Promise<void>[] = [];
    const send = async (n: number) => {
      const text = `message ${n}`;
      const to = `62812${String(n % 40).padStart(7, '0')}`;
      try {
        const { status, body } = await call('POST', '/message/send-text', {
          session: `s${n % SESSIONS}`,
          to,
          text,
        });
        if (status === 202) ids.set(text, body.data.messageId);
        else failures.push(`${n}: ${status} ${JSON.stringify(body)}`);
      } catch (error) {
        failures.push(`${n}: ${error} ${error instanceof Error ? error.cause : ''}`);
      }
    };
    let reloaded = false;
    const reload = pause(1_000)
      .then(() => pm2('reload', 'wahub'))
      .then(() => pause(2_000))
      .finally(() => {
        reloaded = true;
      });
    const startMs = performance.now();
    for (let n = 0; !reloaded; n++) {
      open.push(send(n));
      await pause(Math.max(0, startMs + (n * 1_000) / PER_SECOND - performance.now()));
    }
    await reload;
    await Promise.all(open);
    console.log(`${open.length} requests in ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);

    expect(failures).toEqual([]);
    const after = await listed();
    expect(after.map(({ pm2_env }) => pm2_env.status)).toEqual(['online', 'online']);
    for (const { pid } of after) expect(before.map((one) => one.pid)).not.toContain(pid);
    const arrived = () => emulator.received().filter((message) => ids.has(message.text ?? ''));
    await until(
      () => new Set(arrived().map(({ text }) => text)).size === ids.size,
      120_000,
      'the last message',
    );
    expect(arrived()).toHaveLength(ids.size);
    for (const { text, id } of arrived()) expect(id).toBe(ids.get(text ?? ''));
  } finally {
    await pm2?.('kill');
    await remove();
  }
}, 300_000);

test('fork mode on SQLite: starts, is reloaded by a restart, and ends cleanly', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wahub-pm2-db-'));
  try {
    await preparePm2({ type: 'sqlite', path: join(folder, 'wahub.db') });
    await pm2('start', 'ecosystem.config.js');
    const [before] = await listed();
    expect([before?.pm2_env.status, before?.pm2_env.exec_mode]).toEqual(['online', 'fork_mode']);
    expect((await call('GET', '/health/ready')).status).toBe(200);
    await pm2('reload', 'wahub');
    const [after] = await listed();
    expect(after?.pid).not.toBe(before?.pid);
    expect((await call('GET', '/health/ready')).status).toBe(200);
  } finally {
    await pm2?.('kill');
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
