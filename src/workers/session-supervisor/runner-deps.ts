/** The parts that the state machine of a session is given. */
import type { Db } from '../../db/client.ts';
import type { EventStream } from '../../events/stream.ts';
import type { Clock } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';
import type { AccountRef, Engine } from '../../whatsapp/engine.ts';
import type { Outage } from './outage.ts';
import type { StartGate } from './start-gate.ts';

/** Where the credentials of a session lie. */
export interface CredentialEraser {
  /** Takes them out of use (to quarantine); nothing happens when there are none. */
  erase(account: AccountRef): Promise<unknown>;
}

/** Sends for the sessions it is given. */
export interface SessionDispatcher {
  add(account: AccountRef): unknown;
  remove(accountId: string): unknown;
  rereadSessions(): void;
}

export interface RunnerDeps {
  db: Db;
  clock: Clock;
  stream: EventStream;
  logger: Logger;
  engine: Engine;
  gate: StartGate;
  outage: Outage;
  credentials: CredentialEraser;
  dispatcher: SessionDispatcher;
  /** between 0 and 1, for jitter */
  random: () => number;
  /** false once the lease is about to end */
  isSafe(): boolean;
  /** Looks for a newer version of the client; one run for all who ask at once. */
  refreshClientVersion(): Promise<unknown>;
  /** The session turned out to be another process's. */
  onLost(accountId: string): void;
}
