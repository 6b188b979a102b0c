/**
 * Which sessions belong to this process. It renews one heartbeat row, takes sessions that no living process owns,
 * gives its surplus to others, and claims nothing from the moment its lease could end without its noticing.
 */

import type { Host } from '../cluster/host.ts';
import {
  countSessions,
  findOrphans,
  findOwnedBy,
  isActive,
  type OwnedSession,
  raiseFences,
  readOwned,
  release,
  releaseAll,
  takeOver,
} from '../cluster/leases.ts';
import { beat, leave, readLive, readSilentSince, removeDead } from '../cluster/processes.ts';
import { type Balance, chooseOrphans, surplusOf } from '../cluster/rebalance.ts';
import { postWakeUps } from '../cluster/wake-ups.ts';
import { type Batcher, createBatcher } from '../db/batcher.ts';
import type { Database } from '../db/client.ts';
import { createLoop, type WakeableLoop } from '../db/loop.ts';
import { isLinking } from '../db/schema.ts';
import { freeLanes } from '../events/lane-claims.ts';
import { type Clock, sleep } from '../utils/clock.ts';
import type { Logger } from '../utils/logger.ts';
import { createMutex } from '../utils/mutex.ts';
import { createLease, type Lease } from './lease.ts';

const TICK_MS = 5_000;
/** Rounds that others ask for are at least so far apart. */
const POKE_MS = 250;
/** Between two sessions that are given to others: each is closed here and connected there. */
const RELEASE_EVERY_MS = 2_000;

export interface OwnershipDeps {
  database: Database;
  clock: Clock;
  logger: Logger;
  host: Host;
  processId: string;
  /** The database serves one process only: no other can take anything, so an outage stops nothing. */
  alone: boolean;
  /** between 0 and 1, for the jitter */
  random?: () => number;
}

/** Longer than the others take to their next round, should they not hear of us. */
const ENTER_TIMEOUT_MS = 7_000;
const ENTER_LOOK_MS = 50;
/** Sessions that are claimed together: as many as one statement of a take-over names. */
const CLAIMED_AT_ONCE = 200;

/** Called in turn, except `onRelease`. A round in which one rejects is repeated. */
export interface OwnershipListener {
  /** Sessions that are now this process's; a known one again with a higher fence replaces the old. */
  onTaken(sessions: readonly OwnedSession[]): void | Promise<void>;
  /** Sessions that are not this process's any more: sockets are to be closed, nothing is to be written. */
  onLost(accountIds: readonly string[]): void | Promise<void>;
  /** All sessions held, after each renewal. */
  onRenewed(sessions: readonly OwnedSession[]): void | Promise<void>;
  /** A session that is given to another process: what is in flight may end, then its socket is closed. */
  onRelease(accountId: string): void | Promise<void>;
  /**
   * Another process is not running any more, and `hasPeers` says so from now on if it was the last: one that was killed may
   * have told nothing of what it queued or changed. Called at once; must not throw.
   */
  onPeerGone(): void;
}

export interface Ownership {
  readonly processId: string;
  /**
   * Makes this process known, before it serves anything: the others must read what is queued here before they go on with
   * what is queued there. Resolves when each has looked who is there since, or has said nothing for some seconds.
   */
  enter(): Promise<void>;
  /** First heartbeat and first take-over, then a tick every 5 s. Throws when the database cannot be used. */
  start(listener: OwnershipListener): Promise<void>;
  /** Gives up what is left, at once; the sockets must be closed before. May be called twice. */
  stop(): Promise<void>;
  /**
   * False from 8 s before the lease ends unrenewed until the rows were read again: nothing may be opened, claimed
   * or sent. Sockets may stay: whoever takes over replaces them.
   */
  isSafe(): boolean;
  /** The session as this process holds it; null also while it is being given away. */
  held(accountId: string): OwnedSession | null;
  /** The session if it is this process's or unowned, which makes it this process's; null: another one's. */
  claim(accountId: string): Promise<OwnedSession | null>;
  /** True when another process was running at the last look. */
  hasPeers(): boolean;
  /** There may be something to take: a round soon, however often it is called. */
  poke(): void;
  /** One round now, for tests and for those who cannot wait. */
  tick(): Promise<void>;
}

export function createOwnership(deps: OwnershipDeps): Ownership {
  return new Owner(deps);
}

class Owner implements Ownership {
  readonly processId: string;
  readonly #deps: OwnershipDeps;
  readonly #lease: Lease;
  readonly #owned = new Map<string, OwnedSession>();
  /** being given away: drained and closed, still ours in the database */
  readonly #leaving = new Set<string>();
  #listener: OwnershipListener | null = null;
  #peers: string[] = [];
  #seenOrphans: ReadonlySet<string> = new Set();
  #surplus = 0;
  #running = false;
  #entered = false;
  #freeing: Promise<void> = Promise.resolve();
  readonly #rounds: WakeableLoop;
  #cancelWatch: () => void = () => undefined;
  #cancelRelease: (() => void) | null = null;
  /** Rounds and claims one after the other: each reads what the one before has written. */
  readonly #inOrder = createMutex();
  /** Those of a moment together, and one batch at a time: a heartbeat never waits behind more than one. */
  readonly #claims: Batcher<string, OwnedSession | null>;

  constructor(deps: OwnershipDeps) {
    this.#deps = deps;
    this.#lease = createLease(deps.clock);
    this.processId = deps.processId;
    this.#rounds = createLoop({
      clock: deps.clock,
      logger: deps.logger,
      name: 'the heartbeat',
      periodMs: TICK_MS - POKE_MS,
      gatherMs: POKE_MS,
      // The lease goes on running out while the database is away.
      failure: { firstMs: TICK_MS, maxMs: TICK_MS },
      random: deps.random,
      round: () => this.tick(),
    });
    this.#claims = createBatcher({
      run: (ids) => this.#inOrder(() => this.#claimAll(ids)),
      maxBatch: CLAIMED_AT_ONCE,
    });
  }

  async enter(): Promise<void> {
    const { alone, clock, database, host, logger, processId } = this.#deps;
    if (alone) return;
    this.#entered = true;
    await beat(database, processId, host);
    this.#freeLanes(await removeDead(database, processId, host, alone));
    const since = await database.now();
    const endsAtMs = clock.monotonic() + ENTER_TIMEOUT_MS;
    const first = await readSilentSince(database, processId, since);
    await this.#tell(first, processId);
    for (let silent = first; silent.length > 0; silent = await readSilentSince(database, processId, since)) {
      if (clock.monotonic() >= endsAtMs) {
        logger.warn('other processes do not say whether they know this one', { count: silent.length });
        return;
      }
      await sleep(clock, ENTER_LOOK_MS);
    }
  }

  async start(listener: OwnershipListener): Promise<void> {
    this.#listener = listener;
    this.#running = true;
    this.#entered = true;
    await this.#inOrder(() => this.#round());
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    if (!this.#entered) return;
    this.#entered = false;
    this.#running = false;
    this.#cancelWatch();
    this.#cancelRelease?.();
    await this.#rounds.stop();
    await this.#inOrder(() => this.#giveUp());
    await this.#freeing;
  }

  isSafe(): boolean {
    return this.#running && (this.#deps.alone || this.#lease.isSure());
  }

  held(accountId: string): OwnedSession | null {
    return this.#leaving.has(accountId) ? null : (this.#owned.get(accountId) ?? null);
  }

  claim(accountId: string): Promise<OwnedSession | null> {
    return this.#claims.add(accountId);
  }

  hasPeers(): boolean {
    return this.#peers.length > 0;
  }

  poke(): void {
    this.#rounds.wake();
  }

  tick(): Promise<void> {
    return this.#inOrder(() => this.#round());
  }

  #staying(): OwnedSession[] {
    return [...this.#owned.values()].filter(({ id }) => !this.#leaving.has(id));
  }

  /** Fires without the database's help: while it does not answer, nothing else would notice. */
  #watchLease(): void {
    const { alone, clock, logger } = this.#deps;
    this.#cancelWatch();
    if (alone) return;
    this.#cancelWatch = clock.setTimer(() => {
      if (!this.#running || this.#lease.leftMs() > 0) return;
      const text = 'the lease could not be renewed: nothing is sent until it is';
      logger.error(text, { sessions: this.#owned.size });
    }, this.#lease.leftMs());
  }

  async #round(): Promise<void> {
    const { alone, clock } = this.#deps;
    if (!this.#running) return;
    this.#lease.check();
    const startedAtMs = clock.monotonic();
    await this.#lookAndBeat();
    this.#lease.renewed(startedAtMs);
    this.#watchLease();
    // A renewal that took longer than the lease proves nothing: the next one starts with a fresh measure.
    if (!alone && this.#lease.leftMs() === 0) {
      throw new Error('the renewal took longer than the lease allows');
    }
    await this.#compare();
    this.#lease.verified();
    await this.#share();
    await this.#listener?.onRenewed(this.#staying());
  }

  /** Who has entered before the time of a heartbeat is known to this process when the heartbeat can be seen. */
  async #lookAndBeat(): Promise<void> {
    const { alone, database, host, processId } = this.#deps;
    const time = await database.now();
    if (!alone) this.#setPeers(await this.#readLiveAndMe());
    await beat(database, processId, host, time);
  }

  #setPeers(live: readonly string[]): void {
    const before = this.#peers;
    this.#peers = live.filter((id) => id !== this.processId);
    if (before.some((id) => !this.#peers.includes(id))) this.#listener?.onPeerGone();
  }

  /** Brings what is remembered in line with the rows. */
  async #compare(): Promise<void> {
    const { database, processId } = this.#deps;
    let rows = await readOwned(database.db, processId);
    const strangers = rows.filter((row) => !this.#knows(row)).map((row) => row.id);
    if (strangers.length > 0) {
      await raiseFences(database.db, processId, strangers);
      rows = await readOwned(database.db, processId);
    }
    const present = new Set(rows.map((row) => row.id));
    const lost = [...this.#owned.keys()].filter((id) => !present.has(id));
    for (const id of lost) this.#owned.delete(id);
    if (lost.length > 0) await this.#listener?.onLost(lost);
    await this.#remember(rows);
  }

  #knows(row: OwnedSession): boolean {
    return this.#owned.get(row.id)?.fence === row.fence;
  }

  async #remember(rows: readonly OwnedSession[]): Promise<void> {
    const taken = rows.filter((row) => !this.#knows(row));
    for (const row of rows) this.#owned.set(row.id, row);
    if (taken.length > 0) await this.#listener?.onTaken(taken);
  }

  /** Takes what no living process owns, and sees what is to be given away. */
  async #share(): Promise<void> {
    const { alone, database, host, logger, processId } = this.#deps;
    const dead = await removeDead(database, processId, host, alone);
    if (dead.length > 0) logger.info('removed processes that are gone', { count: dead.length });
    const live = await this.#readLiveAndMe();
    this.#setPeers(live);
    const orphans = await findOrphans(database.db, live);
    if (orphans.length > 0) {
      const chosen = chooseOrphans(orphans, await this.#readBalance(live.length), this.#seenOrphans);
      const won = await takeOver(database.db, processId, chosen, live);
      if (won > 0) {
        logger.info('took over sessions', { count: won, orphans: orphans.length });
        await this.#remember(await readOwned(database.db, processId));
      }
    }
    this.#freeLanes(dead);
    this.#seenOrphans = new Set(orphans.map(({ id }) => id));
    // In the time of grace it is not known who is there to take what is given away.
    const mayGive = this.hasPeers() && !this.#lease.inGrace();
    this.#surplus = mayGive ? surplusOf(await this.#readBalance(live.length)) : 0;
    this.#scheduleRelease();
  }

  /** No round waits for it: it may wait long for locks, and what cannot be freed is free when its claim has aged. */
  #freeLanes(processIds: readonly string[]): void {
    if (processIds.length === 0) return;
    const { database, logger } = this.#deps;
    const work = freeLanes(database.db, processIds).catch((error: unknown) =>
      logger.warn('webhook lanes of processes that are gone wait for their claims to end', {
        error: String(error),
      }),
    );
    this.#freeing = Promise.all([this.#freeing, work]).then(() => undefined);
  }

  async #readBalance(processes: number): Promise<Balance> {
    const mine = this.#staying();
    const active = mine.filter(isActive).length;
    const total = await countSessions(this.#deps.database.db);
    return { total, mine: { active, idle: mine.length - active }, processes };
  }

  async #readLiveAndMe(): Promise<string[]> {
    return [
      ...new Set([...(await readLive(this.#deps.database, this.#lease.inGrace())), this.#deps.processId]),
    ];
  }

  #scheduleRelease(): void {
    const { clock, logger } = this.#deps;
    if (this.#cancelRelease || this.#surplus <= 0 || !this.#running) return;
    this.#cancelRelease = clock.setTimer(() => {
      this.#giveOne()
        .catch((error) => logger.warn('a session could not be given away', { error: String(error) }))
        .finally(() => {
          this.#cancelRelease = null;
          this.#scheduleRelease();
        });
    }, RELEASE_EVERY_MS);
  }

  /** Not in order with the rounds: what is in flight may take long, and the heartbeat must go on. */
  async #giveOne(): Promise<void> {
    const { clock, database } = this.#deps;
    const candidates = this.isSafe() ? this.#staying().filter(isActive) : [];
    // Somebody may be linking a phone at this moment.
    const session = candidates.findLast(({ status }) => !isLinking(status)) ?? candidates.at(-1);
    this.#surplus -= 1;
    if (!session) return;
    this.#leaving.add(session.id);
    try {
      await this.#listener?.onRelease(session.id);
      await this.#inOrder(async () => {
        if (!this.#owned.has(session.id) || !(await release(database.db, session, clock.now()))) return;
        this.#owned.delete(session.id);
        await this.#tell(this.#peers, session.id);
      });
    } finally {
      // One that could not be released is opened again by the next round.
      this.#leaving.delete(session.id);
    }
  }

  /** The others need not wait for their next round to see what was given up, or who is there. */
  async #tell(peers: readonly string[], about: string): Promise<void> {
    const { clock, database } = this.#deps;
    const news = peers.map((owner) => ({ owner, accountId: about, priority: null }));
    if (news.length > 0) await postWakeUps(database.db, news, clock.now());
  }

  /** Most of those that are asked for are another process's: two readings tell. A new one is this process's by its row. */
  async #claimAll(accountIds: readonly string[]): Promise<(OwnedSession | null)[]> {
    const { database, processId } = this.#deps;
    const unknown = [...new Set(accountIds)].filter((id) => !this.#owned.has(id));
    if (unknown.length > 0 && this.isSafe()) {
      const live = await this.#readLiveAndMe();
      const peers = live.filter((id) => id !== processId);
      const theirs = await findOwnedBy(database.db, unknown, peers);
      const free = unknown.filter((id) => !theirs.has(id));
      if (free.length > 0) {
        await takeOver(database.db, processId, free, live);
        await this.#remember(await readOwned(database.db, processId));
      }
    }
    return accountIds.map((id) => this.held(id));
  }

  async #giveUp(): Promise<void> {
    const { clock, database, logger, processId } = this.#deps;
    const [first] = this.#owned.keys();
    this.#owned.clear();
    try {
      await releaseAll(database.db, processId, clock.now());
      await leave(database, processId);
      this.#freeLanes([processId]);
      if (first !== undefined) await this.#tell(this.#peers, first);
    } catch (error) {
      logger.warn('the sessions stay leased until the lease ends', { error: String(error) });
    }
  }
}
