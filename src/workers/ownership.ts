/**
 * Which sessions belong to this process. It renews one heartbeat row, takes sessions that no living process owns,
 * gives its surplus to others, and claims nothing from the moment its lease could end without its noticing.
 */
import type { Host } from '../cluster/host.ts';
import {
  countSessions,
  findOrphans,
  isActive,
  type OwnedSession,
  raiseFences,
  readOwned,
  release,
  releaseAll,
  takeOver,
} from '../cluster/leases.ts';
import {
  beat,
  GRACE_MS,
  LEASE_MARGIN_MS,
  LEASE_MS,
  leave,
  readLive,
  removeDead,
} from '../cluster/processes.ts';
import { chooseOrphans, type Shares, surplusOf } from '../cluster/shares.ts';
import { postWakeUps } from '../cluster/wake-ups.ts';
import type { Database } from '../db/client.ts';
import { isLinking } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import type { Logger } from '../utils/logger.ts';

const TICK_MS = 5_000;
/** Spread over ±20 %, so that processes started together do not stay together. */
const TICK_JITTER = 0.2;
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
}

export interface Ownership {
  readonly processId: string;
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
  /** The session if it is this process's or nobody's, which makes it this process's; null: another one's. */
  claim(accountId: string): Promise<OwnedSession | null>;
  /** True when another process was running at the last look. */
  hasPeers(): boolean;
  /** There may be something to take: a round soon, however often it is called. */
  poke(): void;
  /** One round now, for tests and for those who cannot wait. */
  tick(): Promise<void>;
}

export function createOwnership(deps: OwnershipDeps): Ownership {
  const { database, clock, logger, alone, processId: me } = deps;
  const { db } = database;
  const random = deps.random ?? Math.random;
  const owned = new Map<string, OwnedSession>();
  /** being given away: drained and closed, still ours in the database */
  const leaving = new Set<string>();
  let listener: OwnershipListener | null = null;
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  let graceEndsAtMs = Number.NEGATIVE_INFINITY;
  /** the rows were read since the lease was last in doubt */
  let verified = false;
  let peers: string[] = [];
  let seenOrphans: ReadonlySet<string> = new Set();
  let surplus = 0;
  let poked = false;
  let cancelTick: () => void = () => undefined;
  let cancelWatch: () => void = () => undefined;
  let cancelRelease: (() => void) | null = null;
  let running = false;
  let line: Promise<unknown> = Promise.resolve();

  /** Rounds and claims one after the other: each reads what the one before has written. */
  function inTurn<R>(work: () => Promise<R>): Promise<R> {
    const result = line.then(work);
    line = result.catch(() => undefined);
    return result;
  }

  const inDoubt = () => clock.monotonic() - renewedAtMs >= LEASE_MS - LEASE_MARGIN_MS;
  const isSafe = () => running && (alone || (verified && !inDoubt()));
  const inGrace = () => clock.monotonic() < graceEndsAtMs;
  const staying = () => [...owned.values()].filter(({ id }) => !leaving.has(id));

  /** Fires without the database's help: while it does not answer, nothing else would notice. */
  function watchLease(): void {
    cancelWatch();
    if (alone) return;
    const leftMs = renewedAtMs + LEASE_MS - LEASE_MARGIN_MS - clock.monotonic();
    cancelWatch = clock.setTimer(
      () => {
        if (!running || !inDoubt()) return;
        logger.error('the lease could not be renewed: nothing is sent until it is', { sessions: owned.size });
      },
      Math.max(0, leftMs),
    );
  }

  async function round(): Promise<void> {
    if (!running) return;
    if (inDoubt()) verified = false;
    // Noted before the renewal begins: the lease may have started that early.
    const startedAtMs = clock.monotonic();
    await beat(database, me, deps.host);
    if (!verified) graceEndsAtMs = clock.monotonic() + GRACE_MS;
    renewedAtMs = startedAtMs;
    watchLease();
    // A renewal that took longer than the lease proves nothing: the next one starts with a fresh measure.
    if (!alone && inDoubt()) throw new Error('the renewal took longer than the lease allows');
    await compare();
    verified = true;
    await share();
    await listener?.onRenewed(staying());
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
    await remember(rows);
  }

  async function remember(rows: readonly OwnedSession[]): Promise<void> {
    const taken = rows.filter((row) => owned.get(row.id)?.fence !== row.fence);
    for (const row of rows) owned.set(row.id, row);
    if (taken.length > 0) await listener?.onTaken(taken);
  }

  async function share(): Promise<void> {
    const dead = await removeDead(database, me, deps.host, alone);
    if (dead > 0) logger.info('removed processes that are gone', { count: dead });
    const live = await readLiveAndMe();
    peers = live.filter((id) => id !== me);
    const orphans = await findOrphans(db, live);
    if (orphans.length > 0) {
      const chosen = chooseOrphans(orphans, await readShares(live.length), seenOrphans);
      const won = await takeOver(db, me, chosen, live);
      if (won > 0) {
        logger.info('took over sessions', { count: won, orphans: orphans.length });
        await remember(await readOwned(db, me));
      }
    }
    seenOrphans = new Set(orphans.map(({ id }) => id));
    // In the time of grace nobody knows who is there to take what is given away.
    const mayGive = peers.length > 0 && !inGrace();
    surplus = mayGive ? surplusOf(await readShares(live.length)) : 0;
    scheduleRelease();
  }

  async function readShares(processes: number): Promise<Shares> {
    const mine = staying();
    const active = mine.filter(isActive).length;
    return { total: await countSessions(db), mine: { active, idle: mine.length - active }, processes };
  }

  const readLiveAndMe = async () => [...new Set([...(await readLive(database, inGrace())), me])];

  function scheduleRelease(): void {
    if (cancelRelease || surplus <= 0 || !running) return;
    cancelRelease = clock.setTimer(() => {
      giveOne()
        .catch((error) => logger.warn('a session could not be given away', { error: String(error) }))
        .finally(() => {
          cancelRelease = null;
          scheduleRelease();
        });
    }, RELEASE_EVERY_MS);
  }

  /** Not in turn: what is in flight may take long, and the heartbeat must go on. */
  async function giveOne(): Promise<void> {
    const candidates = isSafe() ? staying().filter(isActive) : [];
    // Somebody may be linking a phone at this moment.
    const session = candidates.findLast(({ status }) => !isLinking(status)) ?? candidates.at(-1);
    surplus -= 1;
    if (!session) return;
    leaving.add(session.id);
    try {
      await listener?.onRelease(session.id);
      await inTurn(async () => {
        if (!owned.has(session.id) || !(await release(db, session, clock.now()))) return;
        owned.delete(session.id);
        await tellPeers(session.id);
      });
    } finally {
      // One that could not be released is opened again by the next round.
      leaving.delete(session.id);
    }
  }

  /** The others need not wait for their next round to take what was given up. */
  async function tellPeers(accountId: string): Promise<void> {
    const news = peers.map((owner) => ({ owner, accountId, priority: null }));
    if (news.length > 0) await postWakeUps(db, news, clock.now());
  }

  async function claim(accountId: string): Promise<OwnedSession | null> {
    if (leaving.has(accountId)) return null;
    const known = owned.get(accountId);
    if (known) return known;
    if (!isSafe()) return null;
    await takeOver(db, me, [accountId], await readLiveAndMe());
    await remember(await readOwned(db, me));
    return owned.get(accountId) ?? null;
  }

  function scheduleTick(delayMs = TICK_MS * (1 - TICK_JITTER + 2 * TICK_JITTER * random())): void {
    cancelTick();
    if (!running) return;
    cancelTick = clock.setTimer(() => {
      poked = false;
      inTurn(round)
        .catch((error) => logger.warn('the heartbeat failed', { error: String(error) }))
        .finally(() => scheduleTick(poked ? POKE_MS : undefined));
    }, delayMs);
  }

  async function giveUp(): Promise<void> {
    const [first] = owned.keys();
    owned.clear();
    try {
      await releaseAll(db, me, clock.now());
      await leave(database, me);
      if (first !== undefined) await tellPeers(first);
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
      cancelRelease?.();
      await inTurn(giveUp);
    },
    isSafe,
    held: (accountId) => (leaving.has(accountId) ? null : (owned.get(accountId) ?? null)),
    claim: (accountId) => inTurn(() => claim(accountId)),
    hasPeers: () => peers.length > 0,
    poke() {
      // Put off once, not by everybody who calls.
      if (poked) return;
      poked = true;
      scheduleTick(POKE_MS);
    },
    tick: () => inTurn(round),
  };
}
