import { createCommandBus } from '../cluster/commands.ts';
import { createAskOwner } from '../cluster/remote-commands.ts';
import type { Database } from '../db/client.ts';
import { createOutbox } from '../events/outbox.ts';
import { createEventStream } from '../events/stream.ts';
import { createQueueSignals } from '../queue/signals.ts';
import type { Clock } from '../utils/clock.ts';
import type { Config } from '../utils/config-types.ts';
import { createSecretBox } from '../utils/crypto.ts';
import { createOutgoing } from '../utils/guarded-fetch.ts';
import type { Logger } from '../utils/logger.ts';
import { createStorage } from '../utils/storage/open-storage.ts';
import { createCredentials } from './auth/credentials.ts';
import { createBackground } from './background.ts';
import type { Deps } from './context.ts';
import { createMediaTools } from './media/tools.ts';
import { ownAddresses } from './webhooks/own-address.ts';

export interface Foundation {
  config: Config;
  database: Database;
  logger: Logger;
  clock: Clock;
  /** this process among those that share the database */
  processId: string;
}

/** Everything that verbs need, over an open and migrated database. `outgoing`, `storage` and `mediaTools` are to be closed by the caller. */
export function buildDeps({ config, database, logger, clock, processId }: Foundation): Deps {
  const { db } = database;
  return {
    config,
    database,
    db,
    clock,
    logger,
    secrets: createSecretBox([config.encryptionKey, ...config.extraEncryptionKeys]),
    stream: createEventStream(createOutbox({ clock, hasDefault: config.webhook !== null })),
    signals: createQueueSignals(),
    commands: createCommandBus({
      processId,
      clock,
      // SQLite serves one process: there is nobody else to ask.
      askOwner: database.dialect === 'sqlite' ? undefined : createAskOwner({ database, clock, logger }),
    }),
    storage: createStorage({ config, clock, logger }),
    mediaTools: createMediaTools({ config, logger }),
    outgoing: createOutgoing({ allowPrivate: config.allowPrivateUrls, ownAddresses: ownAddresses(config) }),
    credentials: createCredentials({ config, db, clock, logger }),
    background: createBackground({ processId, logger }),
    lifecycle: { phase: 'starting' },
  };
}
