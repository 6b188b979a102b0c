/** Sends what is in the webhook outbox: at least once, in order per (webhook, session), fairly. */
import { setMaxListeners } from 'node:events';
import { createLoop } from '../../db/loop.ts';
import { isUnavailable } from '../../db/ops.ts';
import { inBackground } from '../../db/work.ts';
import type { EventStream } from '../../events/stream.ts';
import { sleep } from '../../utils/clock.ts';
import { type Circuits, createCircuits } from './circuits.ts';
import { type LaneDeps, runLane } from './lane-runner.ts';
import {
  buryOverdue,
  claimLane,
  createRecorder,
  type DueWebhook,
  readDueLanes,
  readDueWebhooks,
} from './lanes.ts';

export interface WebhookSenderDeps
  extends Pick<LaneDeps, 'db' | 'clock' | 'logger' | 'secrets' | 'outgoing' | 'config'> {
  stream: EventStream;
  /** whose claims these are, for those who find that it has died */
  processId: string;
}

export interface WebhookSenderOptions {
  /** for one attempt */
  timeoutMs?: number;
  /** deliveries under way in this process */
  maxInFlight?: number;
  /** deliveries under way to one webhook; each is of another lane */
  maxPerWebhook?: number;
  /** how often retries that are due are looked for, and lanes that other processes left */
  pollMs?: number;
  /** in [0, 1): spreads retries */
  random?: () => number;
}

export interface WebhookSender {
  start(): void;
  /** Takes nothing new, gives what is under way `drainMs`, then gives it up. May be called twice. */
  stop(drainMs?: number): Promise<void>;
  /** Resolves when nothing is under way: until a commit, a timer or another process brings something. */
  idle(): Promise<void>;
}

/** Standard Webhooks suggests ten seconds at least; a slower receiver should answer first, then work. */
const TIMEOUT_MS = 10_000;
const MAX_IN_FLIGHT = 64;
const MAX_PER_WEBHOOK = 8;
const POLL_MS = 1000;
/** Commits come in bursts: one look for all of them. */
const GATHER_MS = 10;
const DRAIN_MS = 5000;
const ABORT_MS = 2000;

/** Makes the sender of this process. Any number of processes may run one. */
export function createWebhookSender(
  deps: WebhookSenderDeps,
  options: WebhookSenderOptions = {},
): WebhookSender {
  const { clock, db, logger } = deps;
  const random = options.random ?? Math.random;
  const maxInFlight = options.maxInFlight ?? MAX_IN_FLIGHT;
  const maxPerWebhook = options.maxPerWebhook ?? MAX_PER_WEBHOOK;
  const pollMs = options.pollMs ?? POLL_MS;
  const circuits = createCircuits(clock, random);
  const stopping = new AbortController();
  const aborted = new AbortController();
  // Each post that is under way listens on it.
  setMaxListeners(0, aborted.signal);
  const places = createPlaces(circuits, { maxInFlight, maxPerWebhook });
  const work = new Set<Promise<void>>();
  /** Lanes that are worked on here: what is written to them is found before they are let go, or by the look after that. */
  const held = new Set<string>();
  let looking: Promise<void> | null = null;
  let unsubscribe: (() => void) | undefined;
  let turn = 0;

  const laneDeps: LaneDeps = {
    ...deps,
    recorder: createRecorder(db),
    circuits,
    random,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    stopping: stopping.signal,
    aborted: aborted.signal,
    onDown: (webhookId) => {
      logger.warn('a webhook is down', { webhookId });
      track(buryOverdue(db, { webhookId }, clock.now(), stopping.signal).then(() => undefined));
    },
  };

  function track(promise: Promise<void>): void {
    const tracked: Promise<void> = promise
      .catch((error: unknown) => logger.warn('webhook work failed', { error }))
      .finally(() => work.delete(tracked));
    work.add(tracked);
  }

  /** One look at the lanes. Each webhook gets its turn to be first. */
  async function look(): Promise<void> {
    const due = await readDueWebhooks(db, clock.now());
    const first = due.length === 0 ? 0 : turn++ % due.length;
    for (const webhook of [...due.slice(first), ...due.slice(0, first)]) {
      if (stopping.signal.aborted) break;
      const share = Math.max(1, Math.floor(places.free() / due.length));
      const free = Math.min(places.freeFor(webhook), share);
      if (free === 0) continue;
      for (const lane of await readDueLanes(db, webhook.id, clock.now(), free)) {
        await tryToBegin(lane, webhook);
      }
    }
  }

  /** One lane that the database refuses stops no other: the next look tries it again. */
  async function tryToBegin(lane: string, webhook: DueWebhook): Promise<void> {
    try {
      await begin(lane, webhook);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      logger.warn('a lane of a webhook could not be claimed', { webhookId: webhook.id, error });
    }
  }

  async function begin(lane: string, webhook: DueWebhook): Promise<void> {
    const claim = await claimLane(db, deps.processId, { lane, webhookId: webhook.id, now: clock.now() });
    if (claim === null) return;
    places.take(webhook);
    held.add(lane);
    // Where a place is free, every lane that is due has one.
    const run = runLane(laneDeps, claim, () => places.freeFor(webhook) > 0).finally(() => {
      places.giveBack(webhook);
      held.delete(lane);
      loop.wake();
    });
    track(run);
  }

  const loop = createLoop({
    clock,
    logger,
    name: 'the look into the webhook outbox',
    periodMs: pollMs,
    failure: { firstMs: pollMs, maxMs: 5 * pollMs },
    atOnce: true,
    gatherMs: GATHER_MS,
    random,
    round: () => {
      looking = inBackground(null, look).finally(() => {
        looking = null;
      });
      return looking;
    },
  });

  return {
    start() {
      if (unsubscribe || stopping.signal.aborted) return;
      unsubscribe = deps.stream.outbox?.onWritten((lanes) => {
        if ([...lanes].some((lane) => !held.has(lane))) loop.wake();
      });
      loop.start();
    },
    async stop(drainMs = DRAIN_MS) {
      stopping.abort();
      unsubscribe?.();
      await loop.stop();
      const drained = new AbortController();
      const all = Promise.all(work).then(() => drained.abort());
      await Promise.race([all, sleep(clock, drainMs, drained.signal)]);
      aborted.abort();
      // A delivery that hangs even now waits for the database: its lease runs out.
      await Promise.race([all, sleep(clock, ABORT_MS, drained.signal)]);
    },
    async idle() {
      while (looking !== null || work.size > 0) await (looking ?? Promise.race(work));
    },
  };
}

interface Places {
  /** of all webhooks together */
  free(): number;
  /** for a webhook now; those that are down may take half of all at most, and no tenant takes all */
  freeFor(webhook: DueWebhook): number;
  take(webhook: DueWebhook): void;
  giveBack(webhook: DueWebhook): void;
}

/** Of all places one tenant's webhooks have so many at most: receivers that hang do not stop those of others. */
const TENANT_SHARE = 0.75;

/** Counts the deliveries under way, so that no webhook and no tenant takes the places of the others. */
function createPlaces(
  circuits: Circuits,
  { maxInFlight, maxPerWebhook }: { maxInFlight: number; maxPerWebhook: number },
): Places {
  const taken = new Map<string, number>();
  const ofTenants = new Map<number | null, number>();
  const maxPerTenant = Math.max(1, Math.floor(maxInFlight * TENANT_SHARE));
  const free = () => maxInFlight - [...taken.values()].reduce((sum, n) => sum + n, 0);
  const probing = () => [...taken].reduce((sum, [id, n]) => sum + (circuits.isProbing(id) ? n : 0), 0);
  return {
    free,
    freeFor({ id, userId, urgent }) {
      const room = circuits.isProbing(id) ? Math.floor(maxInFlight / 2) - probing() : free();
      const most = Math.max(circuits.limit(id, maxPerWebhook), urgent ? 1 : 0);
      const own = most - (taken.get(id) ?? 0);
      // The service's own webhook is told of all tenants.
      const ofTenant = userId === null ? room : maxPerTenant - (ofTenants.get(userId) ?? 0);
      return Math.max(0, Math.min(own, room, ofTenant, free()));
    },
    take({ id, userId }) {
      count(taken, id, 1);
      count(ofTenants, userId, 1);
    },
    giveBack({ id, userId }) {
      count(taken, id, -1);
      count(ofTenants, userId, -1);
    },
  };
}

function count<K>(counts: Map<K, number>, key: K, by: 1 | -1): void {
  const now = (counts.get(key) ?? 0) + by;
  if (now > 0) counts.set(key, now);
  else counts.delete(key);
}
