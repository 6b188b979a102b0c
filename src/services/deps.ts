import { createCommandBus } from '../cluster/commands.ts';
import { createAskOwner } from '../cluster/remote-commands.ts';
import type { Database } from '../db/client.ts';
import { createOutbox } from '../events/outbox.ts';
import { createEventStream } from '../events/stream.ts';
import { createAllowances } from '../queue/allowances.ts';
import { createQueueCounts } from '../queue/counts.ts';
import { createEnqueuer } from '../queue/enqueue.ts';
import { createQueueSignals } from '../queue/signals.ts';
import { createPeerBook } from '../queue/subscriber-peers.ts';
import { usageSlotOf } from '../queue/usage.ts';
import type { Clock } from '../utils/clock.ts';
import type { Config } from '../utils/config.ts';
import { createSecretBox } from '../utils/crypto.ts';
import { lookUpTxtBySystem } from '../utils/dns-txt.ts';
import { createOutgoing } from '../utils/guarded-fetch.ts';
import { resolveBySystem } from '../utils/guarded-http/connector.ts';
import type { Logger } from '../utils/logger.ts';
import { createLoopShare } from '../utils/loop-share.ts';
import { createPeerPause } from '../utils/peer-pause.ts';
import { createQuietWarnings } from '../utils/quiet-warnings.ts';
import { createMailer } from '../utils/smtp.ts';
import { createStorage } from '../utils/storage/open-storage.ts';
import { createLidBook } from '../whatsapp/lids.ts';
import { createStatisticsCaches } from './analytics/caches.ts';
import { createRequestRecorder } from './analytics/request-recorder.ts';
import { createCredentials } from './auth/credentials.ts';
import { createBackground } from './background.ts';
import type { Deps } from './context.ts';
import { createHealthProbes } from './health.ts';
import { createMediaTools } from './media/tools.ts';
import { createPostableChannels } from './messages/channel.ts';
import { createSessionReadings } from './messages/session.ts';
import { createServiceMetrics } from './metrics/index.ts';
import { createOidcProviders } from './oidc/providers.ts';
import { createCheckSteps } from './otp/check-steps.ts';
import { createOutcomes } from './outcomes.ts';
import { createPeopleAnswers } from './people/answers.ts';
import { createGroupLists } from './sessions/groups.ts';
import { createQrImages } from './sessions/qr-image.ts';
import { ownAddresses } from './webhooks/own-address.ts';

/** For the name of a proxy. */
const PROXY_LOOKUP_MS = 5_000;
const TELEGRAM_PAUSE = { firstMs: 5_000, maxMs: 120_000 };
/** Longer than an alert waits for its answer. */
const TELEGRAM_TRIAL_MS = 15_000;

export interface Foundation {
  config: Config;
  database: Database;
  logger: Logger;
  clock: Clock;
  /** this process among those that share the database */
  processId: string;
}

export interface BuiltDeps {
  deps: Deps;
  /** Ends what was built here, the last first; what `overrides` brought is its owner's. Call it once, before the database is closed. */
  stop(): Promise<void>;
}

/**
 * Everything that verbs need, over an open and migrated database: all that one process remembers is built here, and
 * stopped here. `overrides` replace parts, for tests.
 */
export function buildDeps(foundation: Foundation, overrides: Partial<Deps> = {}): BuiltDeps {
  const { processId } = foundation;
  const { config, database, logger, clock } = { ...foundation, ...overrides };
  const { db = database.db } = overrides;
  const stops: (() => unknown)[] = [];
  function part<K extends keyof Deps>(name: K, make: () => Deps[K], stop?: (made: Deps[K]) => unknown) {
    const given = overrides[name];
    if (given !== undefined) return given;
    const made = make();
    if (stop) stops.push(() => stop(made));
    return made;
  }
  const base = {
    config,
    database,
    db,
    clock,
    logger,
    secrets: part('secrets', () => createSecretBox([config.encryptionKey, ...config.extraEncryptionKeys])),
    stream: part('stream', () =>
      createEventStream(createOutbox({ clock, hasDefault: config.webhook !== null })),
    ),
    signals: part('signals', createQueueSignals),
    allowances: part('allowances', () => createAllowances({ db, clock })),
    usageSlot: part('usageSlot', () => usageSlotOf(database, processId)),
    queueCounts: part('queueCounts', createQueueCounts),
    peers: part('peers', () => createPeerBook({ db, clock })),
  };
  const queue = {
    ...base,
    enqueuer: part('enqueuer', () => createEnqueuer(base)),
    lids: part('lids', () => createLidBook(db)),
  };
  const deps: Deps = {
    ...queue,
    commands: part('commands', () =>
      createCommandBus({
        processId,
        clock,
        // SQLite serves one process: there is no other process to ask.
        askOwner: database.dialect === 'sqlite' ? undefined : createAskOwner({ database, clock, logger }),
      }),
    ),
    outgoing: part(
      'outgoing',
      () => createOutgoing({ allowPrivate: config.allowPrivateUrls, ownAddresses: ownAddresses(config) }),
      (outgoing) => outgoing.close(),
    ),
    oidc: part(
      'oidc',
      () => createOidcProviders({ config, clock, logger }),
      (oidc) => oidc.close(),
    ),
    mailer: part(
      'mailer',
      () => config.smtp && createMailer({ smtp: config.smtp, clock, logger }),
      (mailer) => mailer?.close(),
    ),
    telegram: part('telegram', () =>
      createPeerPause({ clock, range: TELEGRAM_PAUSE, trialMs: TELEGRAM_TRIAL_MS }),
    ),
    lookUpTxt: part('lookUpTxt', () => lookUpTxtBySystem),
    proxyRules: part('proxyRules', () => ({
      resolve: resolveBySystem,
      allowPrivate: config.allowPrivateProxies,
      allowHosts: new Set<string>(),
      connectTimeoutMs: PROXY_LOOKUP_MS,
      ownAddresses: ownAddresses(config),
    })),
    mediaTools: part(
      'mediaTools',
      () => createMediaTools({ config, logger }),
      (tools) => tools.close(),
    ),
    storage: part(
      'storage',
      () => createStorage({ config, clock, logger }),
      (storage) => storage.close(),
    ),
    quietWarnings: part('quietWarnings', () => createQuietWarnings({ clock, logger })),
    credentials: part('credentials', () => createCredentials({ config, db, clock, logger })),
    metrics: part('metrics', () => createServiceMetrics(base.stream)),
    statistics: part('statistics', () => createStatisticsCaches(clock)),
    probes: part('probes', createHealthProbes),
    sessionReadings: part('sessionReadings', () => createSessionReadings(db)),
    peopleAnswers: part('peopleAnswers', createPeopleAnswers),
    groupLists: part('groupLists', createGroupLists),
    postableChannels: part('postableChannels', createPostableChannels),
    qrImages: part('qrImages', createQrImages),
    loopShare: part('loopShare', () => createLoopShare()),
    openStreams: part('openStreams', () => new Map()),
    checkSteps: part('checkSteps', () => createCheckSteps(queue)),
    requestRecorder: part(
      'requestRecorder',
      () => createRequestRecorder({ db, clock, logger }),
      (recorder) => recorder.stop(),
    ),
    outcomes: part('outcomes', createOutcomes, (outcomes) => outcomes.stop()),
    background: part(
      'background',
      () => createBackground({ processId, logger }),
      (background) => background.stop(),
    ),
    lifecycle: part('lifecycle', () => ({ phase: 'starting' })),
  };
  return {
    deps,
    async stop() {
      for (const stop of stops.reverse()) await stop();
    },
  };
}
