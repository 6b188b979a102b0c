/**
 * The composition root: builds every part once, in the order of the floors, and takes them down in reverse.
 * The only module that knows the adapters.
 */
import { eq } from 'drizzle-orm';
import { readHost } from './cluster/host.ts';
import { explainStart, openDatabase } from './db/client.ts';
import { migrate } from './db/migrate.ts';
import { upsert } from './db/ops.ts';
import { settings } from './db/schema.ts';
import { startHttp } from './http-server.ts';
import { settleEngineEvent } from './queue/engine-events.ts';
import { createSettler } from './queue/settle.ts';
import { createStandingKeeper } from './queue/standing.ts';
import type { Deps } from './services/context.ts';
import { buildDeps } from './services/deps.ts';
import { announceKeys, requireSharedKeys, withdrawKeys } from './services/encryption/announcements.ts';
import { requireReadable } from './services/encryption/start-check.ts';
import { ensureFirstAdmin } from './services/first-admin.ts';
import { findAbsent } from './services/inbound/absent.ts';
import { learnAppState, readAppStateVersions } from './services/inbound/app-state.ts';
import { findChat, listChats, saveChat } from './services/inbound/chats.ts';
import { nextLabel } from './services/inbound/label-state.ts';
import { createInboundStore } from './services/inbound/store.ts';
import { describeForEngine, openForEngine } from './services/media/engine-media.ts';
import { stagingFolder } from './services/media/staging.ts';
import { findAnswered, findOutbound, isWithdrawn, openContent } from './services/messages/engine-messages.ts';
import { watchCloses } from './services/metrics/closes.ts';
import { measureProcess } from './services/metrics/index.ts';
import { measureEngine, measurePosts } from './services/metrics/observe.ts';
import { readConnection } from './services/sessions/connection.ts';
import { systemClock } from './utils/clock.ts';
import type { Config } from './utils/config.ts';
import { ensureDataFolder } from './utils/data-folder.ts';
import { newId } from './utils/ids.ts';
import { createLogger } from './utils/logger.ts';
import { once } from './utils/once.ts';
import { createSteadyClock } from './utils/steady-clock.ts';
import { checkStorage } from './utils/storage/open-storage.ts';
import { createBaileysEngine } from './whatsapp/baileys/adapter.ts';
import { createEgressSource } from './whatsapp/baileys/egress.ts';
import { createMediaFetcher } from './whatsapp/baileys/inbound-file.ts';
import { createVersionStore, type VersionStore } from './whatsapp/baileys/version.ts';
import { createCredentialStore } from './whatsapp/credential-store.ts';
import type { Engine } from './whatsapp/engine.ts';
import { createAlerts } from './workers/alerts.ts';
import { createBroadcastUpkeep } from './workers/broadcast-upkeep.ts';
import { createCampaignFeeder } from './workers/campaign-feeder/index.ts';
import { createDispatcher } from './workers/dispatcher.ts';
import { createHousekeeper } from './workers/housekeeper/index.ts';
import { createTasks } from './workers/housekeeper/tasks.ts';
import { createInboundMedia } from './workers/inbound-media.ts';
import { createMailSender } from './workers/mail-sender.ts';
import { createNumberChecker } from './workers/number-checks.ts';
import { createOtpExpiry } from './workers/otp-expiry.ts';
import { createOtpFailover } from './workers/otp-failover.ts';
import { createOwnership } from './workers/ownership.ts';
import { createPeers } from './workers/peers.ts';
import { createRestrictionEnds } from './workers/restrictions.ts';
import { createSessionSupervisor, type SessionSupervisor } from './workers/session-supervisor/index.ts';
import { createWebhookReplays } from './workers/webhook-replays.ts';
import { createWebhookSender } from './workers/webhook-sender/index.ts';

export interface Gateway {
  readonly url: string;
  readonly config: Config;
  readonly deps: Deps;
  /** Resolves when the sessions are being connected, that is when /health/ready says so. */
  readonly ready: Promise<void>;
  /** Finishes what is on the wire, closes sockets and database. May be called twice. */
  stop(): Promise<void>;
}

const SETTLE_GRACE_MS = 5_000;

/**
 * Starts the whole service: database and migrations, then HTTP, then the workers. Rejects, with everything closed
 * again, when the database cannot be used, the storage refuses its settings or the port is taken. `handsOver`: when it stops, another process serves.
 */
export async function startGateway(config: Config, options: { handsOver?: boolean } = {}): Promise<Gateway> {
  const undo: Array<() => unknown> = [];
  const stop = once(async () => {
    for (const step of undo.reverse()) await step();
  });
  try {
    const logger = createLogger(config.log);
    undo.push(() => logger.close());
    const openFolder = ensureDataFolder(config);
    for (const warning of [...config.warnings, openFolder]) if (warning !== null) logger.warn(warning);
    const database = await openDatabase(config.database).catch((error) => {
      throw explainStart(error, config.database);
    });
    undo.push(() => database.close());
    await migrate(database, { logger });
    const processId = newId();
    const clock = createSteadyClock({ machine: systemClock, readShared: database.now, logger });
    await clock.start();
    undo.push(() => clock.stop());
    const { deps, stop: stopDeps } = buildDeps({ config, database, logger, clock, processId });
    undo.push(stopDeps);
    await requireReadable(deps, config.lostEncryptionKeys);
    // SQLite serves one process: no other process can have another key.
    if (database.dialect === 'mysql') await requireSharedKeys(deps, readHost());
    await announceKeys(deps, processId);
    undo.push(() => withdrawKeys(deps, processId).catch(() => undefined));
    await checkStorage(deps.storage);
    await ensureFirstAdmin(deps);
    const workers = await buildWorkers(deps, processId);
    undo.push(() => workers.stop());
    clock.onStep(() => workers.beginAgain());
    await workers.enter();
    const http = await startHttp(deps, options);
    undo.push(() => http.stop());
    const ready = workers.start().then(() => {
      deps.lifecycle.phase = 'ready';
      logger.info('ready', { url: http.url, database: database.dialect, engine: config.engine });
    });
    ready.catch((error) => logger.error('the workers could not start', { error }));
    undo.push(() => {
      deps.lifecycle.phase = 'stopping';
    });
    return { url: http.url, config, deps, ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Workers {
  /** Makes this process known to the others, before it serves anything. */
  enter(): Promise<void>;
  start(): Promise<void>;
  /** The clock was set: what was planned by the old time is planned again. */
  beginAgain(): void;
  stop(): Promise<void>;
}

async function buildWorkers(deps: Deps, processId: string): Promise<Workers> {
  const { config, database, logger, clock, metrics } = deps;
  const version = buildVersionStore(deps);
  const settler = createSettler(deps);
  deps.signals.onWriteTold(settler.writeTold);
  measureProcess(metrics);
  const onClosed = watchCloses(metrics, deps);
  const store = createCredentialStore(deps);
  // The engine tells the supervisor, the supervisor drives the engine: one of them is named before it is there.
  let supervisor: SessionSupervisor | null = null;
  const connectionOf = (accountId: string) => readConnection(deps, accountId);
  const files = createMediaFetcher(
    config.waServer,
    createEgressSource({ connectionOf }, deps.proxyRules, config.waServer),
  );
  const inboundMedia = createInboundMedia(deps, { processId, fetch: files.fetch });
  const storeInbound = createInboundStore(deps);
  const createEngine = await loadEngine(config.engine);
  const engine: Engine = createEngine({
    callbacks: {
      onEvent(account, event) {
        if (event.type === 'closed') onClosed(account, event);
        supervisor?.onEvent(account, event);
      },
      connectionOf,
      findOutbound: (accountId, messageId) => findOutbound(deps, accountId, messageId),
      findAnswered: (accountId, messageId) => findAnswered(deps, accountId, messageId),
      isWithdrawn: (accountId, messageId) => isWithdrawn(deps, accountId, messageId),
      async storeInbound(account, messages) {
        await storeInbound(account, messages);
        for (const message of messages) supervisor?.onStored(account, message);
        // New or not: a try before, which was given up, may have stored it.
        if (messages.some(({ media }) => media !== null)) inboundMedia.wake();
      },
      async storeGroupNotice(account, notice) {
        if (supervisor === null) throw new Error('no session has been started');
        await supervisor.storeGroupNotice(account, notice);
      },
      storeReceipt: (account, receipt) =>
        settleEngineEvent(settler, account, { type: 'receipt', ...receipt }),
      async storeCall(account, call) {
        if (supervisor === null) throw new Error('no session has been started');
        await supervisor.storeCall(account, call);
      },
      findAbsent: (accountId) => findAbsent(deps, accountId),
      wantsPosts: (accountId, place) => supervisor?.wantsPosts(accountId, place) ?? false,
      listChats: (accountId, max) => listChats(deps, accountId, max),
      findChat: (accountId, chat) => findChat(deps, accountId, chat),
      saveChat: (account, chat, setting) => saveChat(deps, account, chat, setting),
      appStateVersions: (accountId) => readAppStateVersions(deps, accountId),
      learnAppState: (account, learnt) => learnAppState(deps, account, learnt),
      nextLabel: (accountId, after) => nextLabel(deps, accountId, after),
      openMedia: (account, mediaId) => openForEngine(deps, account, mediaId),
      describeMedia: (account, mediaId) => describeForEngine(deps, account, mediaId),
    },
    store,
    clock,
    logger,
    version,
    waServer: config.waServer,
    stagingPath: stagingFolder(deps),
    proxyRules: deps.proxyRules,
  });
  const ownership = createOwnership({
    database,
    clock,
    logger,
    processId,
    host: readHost(),
    alone: database.dialect === 'sqlite',
  });
  const peers = createPeers(deps, ownership);
  const dispatcher = createDispatcher({
    ...deps,
    engine: measureEngine(metrics, clock, engine),
    settler,
    openContent: (content) => openContent(deps, content),
    isSafe: () => ownership.isSafe(),
    isAlone: () => !ownership.hasPeers(),
  });
  const loops = [
    inboundMedia,
    createCampaignFeeder(deps),
    createOtpExpiry(deps),
    createOtpFailover(deps),
    createRestrictionEnds(deps),
    createWebhookSender({ ...deps, processId, outgoing: measurePosts(metrics, clock, deps.outgoing) }),
    createWebhookReplays(deps),
    createBroadcastUpkeep(deps),
    createNumberChecker(deps, { processId }),
    createMailSender(deps),
    createAlerts(deps),
    createHousekeeper(deps, { processId, tasks: createTasks({ ...deps, credentials: store }) }),
  ];
  supervisor = createSessionSupervisor({
    ...deps,
    engine,
    ownership,
    dispatcher,
    credentials: store,
    connectConcurrency: config.connectConcurrency,
    refreshClientVersion: () => version.start(),
    onReceipt: (account, event) => {
      settleEngineEvent(settler, account, event).catch((error) =>
        logger.error('a receipt could not be written', { error, account: account.id }),
      );
    },
    onStanding: createStandingKeeper(deps),
  });
  return {
    async enter() {
      await ownership.enter();
      peers.start();
    },
    async start() {
      await version.start();
      dispatcher.start();
      await supervisor.start();
      for (const loop of loops) loop.start();
    },
    beginAgain: () => dispatcher.beginAgain(),
    async stop() {
      await Promise.all([dispatcher.stop(), ...loops.map((loop) => loop.stop())]);
      await peers.stop();
      await supervisor.stop();
      await ownership.stop();
      await engine.stop();
      await settler.stop(SETTLE_GRACE_MS);
      version.stop();
      await files.close();
    },
  };
}

/** The second engine's library is loaded only where it is wanted. */
async function loadEngine(name: Config['engine']): Promise<typeof createBaileysEngine> {
  if (name === 'baileys') return createBaileysEngine;
  return (await import('./whatsapp/multi-session/adapter.ts')).createMultiSessionEngine;
}

/** Row of `settings` that keeps the last version of WhatsApp Web a session was opened with. */
const VERSION_SETTING = 'wa_version';

function buildVersionStore({ config, db, clock, logger }: Deps): VersionStore {
  return createVersionStore({
    clock,
    logger,
    async load() {
      const rows = await db.select().from(settings).where(eq(settings.name, VERSION_SETTING));
      return rows[0]?.value ?? null;
    },
    save: (value) => {
      const row = { name: VERSION_SETTING, value, updatedAt: clock.now() };
      return upsert(db, settings, row, [settings.name], { value, updatedAt: row.updatedAt });
    },
    ...(config.waServer ? { fetchLatest: null } : {}),
  });
}
