import type { Database, Db } from '../db/client.ts';
import type { EventStream } from '../events/stream.ts';
import type { Clock } from '../utils/clock.ts';
import type { Config } from '../utils/config.ts';
import type { Logger } from '../utils/logger.ts';
import type { Allowances } from './allowances.ts';
import type { QueueCounts } from './counts.ts';
import type { Enqueuer } from './enqueue.ts';
import type { QueueSignals } from './signals.ts';
import type { PeerBook } from './subscriber-peers.ts';

/** Dependencies of the delivery line; the service's `Deps` fit. */
export interface QueueDeps {
  config: Pick<Config, 'pacing' | 'queueQuota' | 'quotas' | 'otp' | 'engine'>;
  database: Database;
  db: Db;
  clock: Clock;
  logger: Logger;
  stream: EventStream;
  signals: QueueSignals;
  /** how much each workspace may */
  allowances: Allowances;
  /** where this process counts what workspaces send (`usageSlotOf`) */
  usageSlot: number;
}

/** Further dependencies of taking in new messages. */
export interface IntakeDeps extends QueueDeps {
  /** messages that share a transaction on their way in */
  enqueuer: Enqueuer;
  /** how much waits, counted now and then */
  queueCounts: QueueCounts;
  /** who is whom, for the limits of recipients */
  peers: PeerBook;
}
