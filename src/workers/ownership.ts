/**
 * Which sessions belong to this process. It renews one heartbeat row, takes sessions that no living process owns,
 * and gives everything up, sockets first, before its lease could end without its noticing.
 */
import type { Host } from '../cluster/host.ts';
import {
  countSessions,
  findOrphans,
  type OwnedSession,
  raiseFences,
  readOwned,
  releaseAll,
  takeOver,
} from '../cluster/leases.ts';
import { beat, LEASE_MARGIN_MS, LEASE_MS, leave, readLive, removeDead } from '../cluster/processes.ts';
import type { Database } from '../db/client.ts';
import type { Clock } from '../utils/clock.ts';
import type { Logger } from '../utils/logger.ts';

const TICK_MS = 5_000;
/** Spread over ±20 %, so that processes started together do not stay together. */
const TICK_JITTER = 0.2;
/** A process may exceed its even share by this many sessions: shares are read while they change. */
const SHARE_SLACK = 2;

export interface OwnershipDeps {
  database: Database;
  clock: Clock;
  logger: Logger;
  host: Host;
  processId: string;
  /** The database serves one process only: no other can take anything, so an outage costs no socket. */
  alone: boolean;
  /** between 0 and 1, for the jitter */
  random?: () => number;
}

/** Called in turn, except `onLost`, which may come at any time. A round in which one rejects is repeated. */
export interface OwnershipListener {
  /** Sessions that are now this process's; a known one again with a higher fence replaces the old. */
  onTaken(sessions: readonly OwnedSession[]): void | Promise<void>;
  /** Sessions that are not this process's any more: sockets are to be closed, nothing is to be written. */
  onLost(accountIds: readonly string[]): void | Promise<void>;
  /** All sessions held, after each renewal. */
  onRenewed(sessions: readonly OwnedSession[]): void | Promise<void>;
}

export interface Ownership {
  readonly processId: string;
  /** First heartbeat and first take-over, then a tick every 5 s. Throws when the database cannot be used. */
  start(listener: OwnershipListener): Promise<void>;
  /** Gives up what is left, at once; the sockets must be closed before. May be called twice. */
  stop(): Promise<void>;
  /** False once the lease is about to end unrenewed: nothing may be opened, claimed or sent. */
  isSafe(): boolean;
  /** The session as this process holds it. */
  held(accountId: string): OwnedSession | null;
  /** The session if it is this process's or nobody's, which makes it this process's; null: another one's. */
  claim(accountId: string): Promise<OwnedSession | null>;
  /** One round now, for tests and for those who cannot wait. */
  tick(): Promise<void>;
}

export function createOwnership(deps: OwnershipDeps): Ownership {
  const { database, clock, logger, alone, processId: me } = deps;
  const { db } = database;
  const random = deps.random ?? Math.random;
  const owned = new Map<string, OwnedSession>();
  let listener: OwnershipListener | null = null;
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  let cancelTick: () => void = () => undefined;
  let cancelWatch: () => void = () => undefined;
  let running = false;
  let line: Promise<unknown> = Promise.resolve();

  /** Rounds and claims one after the other: each reads what the one before has written. */
  function inTurn<R>(work: () => Promise<R>): Promise<R> {
    const result = line.then(work);
    line = result.catch(() => undefined);
    return result;
  }

  const isSafe = () => running && (alone || clock.monotonic() - renewedAtMs < LEASE_MS - LEASE_MARGIN_MS);

  /** Fires without the database's help: while it does not answer, nothing else would notice. */
  function watchLease(): void {
    cancelWatch();
    if (alone) return;
    const leftMs = renewedAtMs + LEASE_MS - LEASE_MARGIN_MS - clock.monotonic();
    cancelWatch = clock.setTimer(() => void loseAll(), Math.max(0, leftMs));
  }

  async function loseAll(): Promise<void> {
    if (isSafe() || owned.size === 0) return;
    const ids = [...owned.keys()];
    owned.clear();
    logger.error('the lease could not be renewed: all sessions are closed', { sessions: ids.length });
    await listener?.onLost(ids);
  }

  async function round(): Promise<void> {
    if (!running) return;
    // Noted before the renewal begins: the lease may have started that early.
    const startedAtMs = clock.monotonic();
    await beat(database, me, deps.host);
    renewedAtMs = startedAtMs;
    watchLease();
    // A renewal that took longer than the lease proves nothing: the next one starts with a fresh measure.
    if (!isSafe()) throw new Error('the renewal took longer than the lease allows');
    await compare();
    await takeShare();
    await listener?.onRenewed([...owned.values()]);
  }

  /** Brings what is remembered in line with the rows. */
  async function compare(): Promise<void> {
    let rows = await readOwned(db, me);
    const strangers = rows.filter((row) => owned.get(row.id)?.fence !== row.fence).map((row) => row.id);
    if (strangers.length > 0) {
      await raiseFences(db, me, strangers);
      rows = await readOwned(db, me);
    }
    const present = new Set(rows.map((row) => row.id));
    const lost = [...owned.keys()].filter((id) => !present.has(id));
    for (const id of lost) owned.delete(id);
    if (lost.length > 0) await listener?.onLost(lost);
    const taken = rows.filter((row) => owned.get(row.id)?.fence !== row.fence);
    for (const row of rows) owned.set(row.id, row);
    if (taken.length > 0) await listener?.onTaken(taken);
  }

  async function takeShare(): Promise<void> {
    const dead = await removeDead(database, me, deps.host, alone);
    if (dead > 0) logger.info('removed processes that are gone', { count: dead });
    const live = await readLiveAndMe();
    const orphans = await findOrphans(db, live);
    if (orphans.length === 0) return;
    const share = Math.ceil((await countSessions(db)) / live.length) + SHARE_SLACK;
    const room = live.length === 1 ? orphans.length : Math.max(0, share - owned.size);
    const won = await takeOver(db, me, orphans.slice(0, room), live);
    if (won === 0) return;
    logger.info('took over sessions', { count: won, orphans: orphans.length });
    await adopt();
  }

  const readLiveAndMe = async () => [...new Set([...(await readLive(database)), me])];

  /** Remembers what was just taken under the fence that the take-over gave. */
  async function adopt(): Promise<void> {
    const rows = await readOwned(db, me);
    const taken = rows.filter((row) => owned.get(row.id)?.fence !== row.fence);
    for (const row of taken) owned.set(row.id, row);
    if (taken.length > 0) await listener?.onTaken(taken);
  }

  async function claim(accountId: string): Promise<OwnedSession | null> {
    const known = owned.get(accountId);
    if (known) return known;
    if (!isSafe()) return null;
    await takeOver(db, me, [accountId], await readLiveAndMe());
    await adopt();
    return owned.get(accountId) ?? null;
  }

  function scheduleTick(): void {
    if (!running) return;
    const delayMs = TICK_MS * (1 - TICK_JITTER + 2 * TICK_JITTER * random());
    cancelTick = clock.setTimer(() => {
      inTurn(round)
        .catch((error) => logger.warn('the heartbeat failed', { error: String(error) }))
        .finally(scheduleTick);
    }, delayMs);
  }

  async function giveUp(): Promise<void> {
    owned.clear();
    try {
      await releaseAll(db, me);
      await leave(database, me);
    } catch (error) {
      logger.warn('the sessions stay leased until the lease ends', { error: String(error) });
    }
  }

  return {
    processId: me,
    async start(by) {
      listener = by;
      running = true;
      await inTurn(round);
      scheduleTick();
    },
    async stop() {
      if (!running) return;
      running = false;
      cancelTick();
      cancelWatch();
      await inTurn(giveUp);
    },
    isSafe,
    held: (accountId) => owned.get(accountId) ?? null,
    claim: (accountId) => inTurn(() => claim(accountId)),
    tick: () => inTurn(round),
  };
}
