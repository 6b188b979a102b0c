/**
 * `npm run bench -- broadcast-import [rows]` (DB_TYPE=mysql with DB_HOST, DB_PORT, … for a server): a CSV file
 * of 100,000 contacts through the whole HTTP surface, then the same file again, while pages of the list are read. Shows
 * seconds, CPU seconds of this process, memory above idle, how long the event loop was held (and how much of it
 * was computing: other programs and the disk account for the rest) and the slowest page.
 */
import { createWriteStream, mkdtempSync, openAsBlob, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { readDatabaseOptions } from '../scripts/database-options.ts';
import type { DatabaseOptions } from '../src/db/types.ts';
import { systemClock } from '../src/utils/clock.ts';
import { loadConfig } from '../src/utils/config.ts';
import { newId } from '../src/utils/ids.ts';
import { createLogger } from '../src/utils/logger.ts';
import { createSlowest, loadAverage, watchLoop } from './measure/loop.ts';

const rows = Number(process.argv[2] ?? 100_000);
const options = readDatabaseOptions();
const { openDatabase } = await import('../src/db/client.ts');
const { migrate } = await import('../src/db/migrate.ts');
const { createApp } = await import('../src/app.ts');
const { broadcastRoutes } = await import('../src/controllers/broadcast/index.ts');
const { whatsappAccounts } = await import('../src/db/schema.ts');
const { buildDeps } = await import('../src/services/deps.ts');
const { makeTenant } = await import('../tests/helpers/tenant.ts');

const PAGE_EVERY_MS = 200;
const MIB = 1024 * 1024;

const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
const target: DatabaseOptions =
  options.type === 'sqlite' ? { type: 'sqlite', path: join(dir, 'bench.db') } : options;
const database = await openDatabase(target);
await migrate(database);
const config = loadConfig({
  NODE_ENV: 'test',
  JWT_SECRET: 'bench-jwt-secret'.repeat(4),
  ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  API_RATE_LIMIT_MAX: '10000000',
  UPLOAD_PATH: join(dir, 'uploads'),
});
const logger = createLogger({ ...config.log, level: 'error' });
const { deps, stop: stopDeps } = buildDeps({
  config,
  database,
  logger,
  clock: systemClock,
  processId: newId(),
});
const app = createApp(deps, broadcastRoutes);

const tenant = await makeTenant(deps);
const authorization = `Bearer ${tenant.token}`;
const at = Date.now();
await database.db.insert(whatsappAccounts).values({
  id: newId(),
  userId: tenant.id,
  sessionId: 'main',
  status: 'connected',
  pairing: 'qr',
  createdAt: at,
  updatedAt: at,
});

const peer = { incoming: { socket: { remoteAddress: '127.0.0.1' } } };
const root = 'http://bench.invalid/session/main/broadcast';

async function call(path: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const headers = { authorization, ...init.headers };
  const response = await app.request(new Request(`${root}${path}`, { ...init, headers }), undefined, peer);
  const body: unknown = await response.json();
  if (!response.ok || typeof body !== 'object' || body === null) throw new Error(JSON.stringify(body));
  return 'data' in body && typeof body.data === 'object' ? { ...body.data } : {};
}

/** Numbers in no order, as in a real file. */
function* csv(): Generator<string> {
  yield 'name,number,email,city,voucher\n';
  let lines: string[] = [];
  for (let i = 0; i < rows; i++) {
    const number = 6281100000000 + ((i * 7_368_787) % 899_999_999);
    lines.push(`Pelanggan ${i},${number},pelanggan${i}@example.com,Bandung,V-${i}`);
    if (lines.length < 1000) continue;
    yield `${lines.join('\n')}\n`;
    lines = [];
  }
  yield lines.join('\n');
}

const file = join(dir, 'contacts.csv');
await pipeline(Readable.from(csv()), createWriteStream(file));
const json = { 'content-type': 'application/json' };
const { id } = await call('/lists', { method: 'POST', body: '{"name":"bench"}', headers: json });

async function run(what: string): Promise<void> {
  globalThis.gc?.();
  await pause(500);
  const idle = process.memoryUsage().rss;
  let peak = idle;
  const slowest = createSlowest();
  let pages = 0;
  let working = true;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  const loop = watchLoop();
  const reader = (async () => {
    while (working) {
      const page = 1 + (pages++ % 50);
      await slowest.add('page', () => call(`/lists/${id}/contacts?page=${page}&limit=50`));
      await slowest.add('list', () => call('/lists?limit=50'));
      await slowest.add('statistics', () => call('/stats'));
      await pause(PAGE_EVERY_MS);
    }
  })();
  const form = new FormData();
  form.append('file', await openAsBlob(file), 'contacts.csv');
  const started = performance.now();
  const cpu = process.cpuUsage();
  const data = await call(`/lists/${id}/contacts/bulk`, { method: 'POST', body: form });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  working = false;
  await reader;
  const longest = loop.stop();
  clearInterval(sampler);
  console.log(
    `${what}: ${seconds.toFixed(1)} s (CPU ${((user + system) / 1e6).toFixed(1)} s, load average ${loadAverage()}), added ${data.added}, updated ${data.updated}, ` +
      `memory +${Math.round((peak - idle) / MIB)} MiB, event loop held ${Math.round(longest.heldMs)} ms at most ` +
      `(computing ${Math.round(longest.ranMs)} ms), slowest of ${pages}: ${slowest.take()}`,
  );
}

console.log(`${database.dialect}, ${rows} rows`);
await run('import');
await run('import again');

await app.stop();
await stopDeps();
await database.close();
rmSync(dir, { recursive: true, force: true });
