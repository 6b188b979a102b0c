/**
 * `npm run bench -- campaign [contacts]` (DB_TYPE=mysql with DB_HOST, DB_PORT, … for a server): the start of a
 * campaign to 100,000 contacts through the whole HTTP surface until all recipients are frozen, and its statistics when
 * everybody has a message. Shows seconds, the event loop's longest delay and the slowest answers.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { readDatabaseOptions } from '../scripts/database-options.ts';
import type { DatabaseOptions } from '../src/db/types.ts';
import { systemClock } from '../src/utils/clock.ts';
import { loadConfig } from '../src/utils/config.ts';
import { newId, newMessageId } from '../src/utils/ids.ts';
import { createLogger } from '../src/utils/logger.ts';

const contacts = Number(process.argv[2] ?? 100_000);
const options = readDatabaseOptions();
const { openDatabase } = await import('../src/db/client.ts');
const { migrate } = await import('../src/db/migrate.ts');
const { insertMany, rawRun } = await import('../src/db/ops.ts');
const { sql } = await import('drizzle-orm');
const { createApp } = await import('../src/app.ts');
const { broadcastRoutes } = await import('../src/controllers/broadcast/index.ts');
const { broadcastContacts, broadcastLists, campaignRecipients, messages, whatsappAccounts } = await import(
  '../src/db/schema.ts'
);
const { buildDeps } = await import('../src/services/deps.ts');
const { createCampaignFeeder } = await import('../src/workers/campaign-feeder/index.ts');
const { makeTenant } = await import('../tests/helpers/tenant.ts');

const LOOK_EVERY_MS = 100;
const PIECE = 500;

const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
const target: DatabaseOptions =
  options.type === 'sqlite' ? { type: 'sqlite', path: join(dir, 'bench.db') } : options;
const database = await openDatabase(target);
await migrate(database);
const { db } = database;
const loaded = loadConfig({
  NODE_ENV: 'test',
  JWT_SECRET: 'bench-jwt-secret'.repeat(4),
  ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  API_RATE_LIMIT_MAX: '10000000',
});
const logger = createLogger({ ...loaded.log, level: 'error' });
const deps = buildDeps({ config: loaded, database, logger, clock: systemClock, processId: newId() });
const app = createApp(deps, broadcastRoutes);
const feeder = createCampaignFeeder(deps);
const tenant = await makeTenant(deps);
const accountId = newId();
const at = Date.now();
await db.insert(whatsappAccounts).values({
  id: accountId,
  userId: tenant.id,
  sessionId: 'main',
  status: 'disconnected',
  pairing: 'qr',
  paired: true,
  owner: deps.commands.processId,
  fence: 1,
  createdAt: at,
  updatedAt: at,
});
const listId = newId();
const common = { userId: tenant.id, createdAt: at, updatedAt: at };
await db
  .insert(broadcastLists)
  .values({ id: listId, name: 'bench', columns: ['city'], contactCount: contacts, ...common });
for (let from = 0; from < contacts; from += PIECE) {
  await insertMany(
    db,
    broadcastContacts,
    Array.from({ length: Math.min(PIECE, contacts - from) }, (_, i) => ({
      listId,
      phone: `628${String(1_000_000_000 + from + i)}`,
      name: `Pelanggan ${from + i}`,
      fields: { city: 'Bandung', email: `pelanggan${from + i}@example.com` },
      ...common,
    })),
  );
}

const peer = { incoming: { socket: { remoteAddress: '127.0.0.1' } } };

async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const init = {
    method,
    headers: { authorization: `Bearer ${tenant.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const url = `http://bench.invalid/session/main/broadcast${path}`;
  const response = await app.request(new Request(url, init), undefined, peer);
  const answer = Object(await response.json());
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return Object(answer.data);
}

const slowest = new Map<string, number>();

async function timed(name: string, path: string): Promise<Record<string, unknown>> {
  const started = performance.now();
  const data = await call('GET', path);
  slowest.set(name, Math.max(slowest.get(name) ?? 0, performance.now() - started));
  return data;
}

let cpu = process.cpuUsage();

function show(what: string, seconds: number, maxDelayNs: number): void {
  const { user, system } = process.cpuUsage(cpu);
  cpu = process.cpuUsage();
  const cpuSeconds = ((user + system) / 1e6).toFixed(1);
  const answers = [...slowest].map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`).join(', ');
  console.log(
    `${database.dialect}: ${what} ${seconds.toFixed(1)} s (${cpuSeconds} s of CPU), event loop delay max ${(maxDelayNs / 1e6).toFixed(0)} ms, slowest answers: ${answers}`,
  );
  slowest.clear();
}

await pause(500);
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
cpu = process.cpuUsage();
feeder.start();
const started = performance.now();
const { id } = await call('POST', '/send', { listId, message: 'Halo {name|Kak} di {city}' });
for (;;) {
  const view = await timed('campaign', `/campaigns/${id}`);
  await timed('list', '/campaigns');
  if (view.waitingFor !== 'recipients') break;
  await pause(LOOK_EVERY_MS);
}
delay.disable();
show(`${contacts} recipients frozen in`, (performance.now() - started) / 1000, delay.max);
await feeder.stop();

// Everybody gets a message, as the feeder would have queued it, in a mix of states.
const states = ['sent', 'delivered', 'read', 'failed'] as const;
for (let from = 0; from < contacts; from += PIECE) {
  await insertMany(
    db,
    messages,
    Array.from({ length: Math.min(PIECE, contacts - from) }, (_, i) => ({
      id: newId(at + from + i),
      userId: tenant.id,
      accountId,
      sessionId: 'main',
      messageId: newMessageId(),
      direction: 'out' as const,
      peer: `628${String(1_000_000_000 + from + i)}@s.whatsapp.net`,
      campaignId: String(id),
      type: 'text',
      content: { type: 'text', text: 'Halo' },
      status: states[i % states.length] ?? 'sent',
      sentAt: at + i,
      createdAt: at,
      updatedAt: at,
    })),
  );
}
await rawRun(
  db,
  sql`update ${campaignRecipients} set state = 'queued', updated_at = ${at} where campaign_id = ${String(id)} and position <= 1000`,
);
await pause(500);
delay.reset();
delay.enable();
cpu = process.cpuUsage();
const counted = performance.now();
for (let i = 0; i < 20; i++) {
  await timed('campaign', `/campaigns/${id}`);
  await timed('list', '/campaigns');
  await timed('stats', '/stats');
  await pause(20);
}
delay.disable();
show('statistics 20 times in', (performance.now() - counted) / 1000, delay.max);
delay.reset();
delay.enable();
const reported = performance.now();
await timed('report', `/campaigns/${id}/report`);
delay.disable();
show('report in', (performance.now() - reported) / 1000, delay.max);

await app.stop();
await deps.outgoing.close();
await database.close();
rmSync(dir, { recursive: true, force: true });
