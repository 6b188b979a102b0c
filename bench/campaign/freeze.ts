/**
 * The start of a campaign through the whole HTTP surface, without WhatsApp, until all recipients are frozen, and its
 * statistics when everybody has a message: seconds, the event loop's longest delay and the slowest answers.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readDatabaseOptions } from '../../scripts/database-options.ts';
import type { DatabaseOptions } from '../../src/db/types.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { loadConfig } from '../../src/utils/config.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { createLogger } from '../../src/utils/logger.ts';
import { countStatements } from '../../tests/helpers/statements.ts';
import { cpuMsOf } from '../measure/database-use.ts';
import { createSlowest, loadAverage, watchLoop } from '../measure/loop.ts';
import { isProfiling, startProfile } from '../measure/profile.ts';
import { readContacts } from './contacts.ts';

const contacts = readContacts();
const options = readDatabaseOptions();
const { openDatabase } = await import('../../src/db/client.ts');
const { migrate } = await import('../../src/db/migrate.ts');
const { insertMany, rawRun } = await import('../../src/db/ops.ts');
const { sql } = await import('drizzle-orm');
const { createApp } = await import('../../src/app.ts');
const { broadcastRoutes } = await import('../../src/controllers/broadcast/index.ts');
const { broadcastContacts, broadcastLists, campaignRecipients, campaigns, messages, whatsappAccounts } =
  await import('../../src/db/schema.ts');
const { buildDeps } = await import('../../src/services/deps.ts');
const { createCampaignFeeder } = await import('../../src/workers/campaign-feeder/index.ts');
const { makeTenant } = await import('../../tests/helpers/tenant.ts');

const LOOK_EVERY_MS = 100;
const BATCH_SIZE = 500;

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
const { deps, stop: stopDeps } = buildDeps({
  config: loaded,
  database,
  logger,
  clock: systemClock,
  processId: newId(),
});
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
for (let from = 0; from < contacts; from += BATCH_SIZE) {
  await insertMany(
    db,
    broadcastContacts,
    Array.from({ length: Math.min(BATCH_SIZE, contacts - from) }, (_, i) => ({
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

const slowest = createSlowest();
const statements = countStatements();
const databasePid = Number(process.env.BENCH_DATABASE_PID ?? Number.NaN);

async function timed(name: string, path: string): Promise<Record<string, unknown>> {
  let data: Record<string, unknown> = {};
  await slowest.add(name, async () => {
    data = await call('GET', path);
  });
  return data;
}

/** Does the work and tells how long it took, whom it held up and how long answers took meanwhile. */
async function show(what: string, work: () => Promise<unknown>): Promise<void> {
  await pause(500);
  const profile = isProfiling() ? await startProfile() : null;
  statements.take();
  const databaseMs = cpuMsOf(databasePid);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const loop = watchLoop();
  await work();
  const { heldMs, ranMs } = loop.stop();
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const used = statements.take();
  const spentMs = cpuMsOf(databasePid) - databaseMs;
  const ofServer = Number.isNaN(spentMs) ? '' : `, CPU of the database ${(spentMs / 1000).toFixed(1)} s`;
  console.log(
    `${database.dialect}: ${what} in ${seconds.toFixed(1)} s (CPU ${((user + system) / 1e6).toFixed(1)} s, load average ${loadAverage()}), ` +
      `event loop held ${heldMs.toFixed(0)} ms at most (computing ${ranMs.toFixed(0)} ms), slowest: ${slowest.take()}; ${used.statements} statements, ${used.transactions} transactions${ofServer}`,
  );
  for (const line of (await profile?.stop())?.lines ?? []) console.log(line);
}

let id = '';
feeder.start();
await show(`${contacts} recipients frozen`, async () => {
  const made = await call('POST', '/send', { listId, message: 'Halo {name|Kak} di {city}' });
  id = String(made.id);
  for (;;) {
    const view = await timed('campaign', `/campaigns/${id}`);
    await timed('list', '/campaigns');
    await timed('statistics', '/stats');
    await timed('contacts', `/lists/${listId}/contacts?limit=50`);
    if (view.waitingFor !== 'recipients') break;
    await pause(LOOK_EVERY_MS);
  }
});
await feeder.stop();

// Everybody gets a message, as the feeder would have queued it, in a mix of states.
const states = ['sent', 'delivered', 'read', 'failed'] as const;
for (let from = 0; from < contacts; from += BATCH_SIZE) {
  await insertMany(
    db,
    messages,
    Array.from({ length: Math.min(BATCH_SIZE, contacts - from) }, (_, i) => ({
      id: newId(at + from + i),
      userId: tenant.id,
      accountId,
      sessionId: 'main',
      messageId: newMessageId(),
      direction: 'out' as const,
      peer: `628${String(1_000_000_000 + from + i)}@s.whatsapp.net`,
      campaignId: id,
      type: 'text',
      content: { type: 'text', text: 'Halo' },
      status: states[i % states.length] ?? 'sent',
      sentAt: at + i,
      createdAt: at,
      updatedAt: at,
    })),
  );
}
await rawRun(db, sql`update ${campaigns} set feed_position = ${contacts} where id = ${id}`);
await rawRun(
  db,
  sql`update ${campaignRecipients} set state = 'queued', updated_at = ${at} where campaign_id = ${id} and position <= 1000`,
);
await show('statistics 20 times', async () => {
  for (let i = 0; i < 20; i++) {
    await timed('campaign', `/campaigns/${id}`);
    await timed('list', '/campaigns');
    await timed('statistics', '/stats');
    await timed(
      'recipients',
      `/campaigns/${id}/recipients?limit=50&cursor=${Math.floor((contacts * i) / 20)}`,
    );
    await pause(20);
  }
});
await show('report', () => timed('report', `/campaigns/${id}/report`));

await app.stop();
await stopDeps();
await database.close();
rmSync(dir, { recursive: true, force: true });
