/** Delivers the events of one lane, one after the other, while this process holds it. */
import type { Db } from '../../db/client.ts';
import { MAX_AGE_MS } from '../../events/outbox.ts';
import type { EventStream } from '../../events/stream.ts';
import { type EventPayload, readPayloads, withSentContent } from '../../services/events/payload.ts';
import {
  type Attempt,
  type Endpoint,
  postEvent,
  readEndpoint,
  UnreadableEndpoint,
} from '../../services/webhooks/endpoint.ts';
import { keptBodyOf } from '../../services/webhooks/exchange.ts';
import type { Clock } from '../../utils/clock.ts';
import type { Config } from '../../utils/config.ts';
import type { SecretBox } from '../../utils/crypto.ts';
import type { Outgoing } from '../../utils/guarded-fetch.ts';
import { toJsonText } from '../../utils/json.ts';
import type { Logger } from '../../utils/logger.ts';
import type { Circuits } from './circuits.ts';
import {
  buryEvent,
  buryLane,
  buryOverdue,
  type Claim,
  closeLane,
  dropLane,
  LEASE_MS,
  type OutboxRow,
  type Recorder,
  readHeads,
  recordAttempt,
  releaseLane,
  renewLease,
  type Tried,
} from './lanes.ts';
import { nextStep } from './policy.ts';

export interface LaneDeps {
  db: Db;
  stream: Pick<EventStream, 'outbox'>;
  recorder: Recorder;
  clock: Clock;
  logger: Logger;
  secrets: SecretBox;
  outgoing: Outgoing;
  config: Pick<Config, 'webhook' | 'publicUrl'>;
  circuits: Circuits;
  random: () => number;
  /** for one attempt, the answer included */
  timeoutMs: number;
  /** no further event is begun */
  stopping: AbortSignal;
  /** the attempt under way is given up */
  aborted: AbortSignal;
  /** the circuit of this webhook has opened */
  onDown(webhookId: string): void;
}

/** Then the lane goes to the end of the line where others wait, so that one with a long backlog leaves room for them. */
const MAX_EVENTS = 25;
/** Events that have arrived without a durable note: so many come again at most when the process dies. */
const MAX_OPEN = 25;
/** Then they are written, and leave room for those that arrive meanwhile. */
const MANY_OPEN = 16;

/**
 * Works on the lane until it is empty, has to wait, or had its share; then lets it go. `mayGoOn`: nobody waits for its place, so it
 * goes on after that.
 */
export async function runLane(deps: LaneDeps, claim: Claim, mayGoOn: () => boolean): Promise<void> {
  const endpoints = createEndpointSource(deps, claim.webhookId);
  const lease = createLease(deps, claim);
  const notes = createNotes(lease, deps.recorder);
  for (let left = MAX_EVENTS; left > 0 && !deps.stopping.aborted; ) {
    // As it was before the reading: what becomes durable meanwhile may be found as well.
    const arrived = notes.open();
    const limit = left + arrived.size;
    const found = await readHeads(deps.db, claim.lane, limit);
    const rows = found.filter(({ id }) => !arrived.has(id)).slice(0, left);
    if (rows.length > 0) {
      const payloads = createPayloadSource(deps, rows);
      if ((await deliverAll(deps, { claim, lease, endpoints, payloads, notes }, rows)) === 'gone') return;
    }
    // Fewer than there may be: then these were all.
    if (found.length < limit && !deps.stopping.aborted) {
      if (!(await notes.all()) || (await closeLane(deps.db, claim, deps.clock.now()))) return;
    }
    left -= Math.max(1, rows.length);
    if (left <= 0 && mayGoOn()) left = MAX_EVENTS;
  }
  if (await notes.all()) await releaseLane(deps.db, claim, deps.clock.now());
}

/** How long the lane is ours still, as far as this process knows. */
interface Lease {
  /** It runs from this time on, epoch milliseconds. */
  renewed(now: number): void;
  /** Renews it where half of it is over. False: the lane went to another process. */
  hold(): Promise<boolean>;
}

function createLease({ db, clock }: LaneDeps, claim: Claim): Lease {
  let from = clock.now();
  return {
    renewed(now) {
      from = now;
    },
    async hold() {
      const now = clock.now();
      if (now - from < LEASE_MS / 2) return true;
      from = now;
      return renewLease(db, claim, now);
    },
  };
}

/** What has arrived and is being noted. */
interface Notes {
  /** `now`: when it arrived; its note renews the lease from then on. */
  add(row: OutboxRow, now: number, noted: Promise<boolean>): void;
  /** rows whose note is not durable at this moment: a reading finds them as if they waited still */
  open(): ReadonlySet<string>;
  /** Resolves when one more may arrive, or the lane is lost. Rejects when a note failed. */
  room(): Promise<void>;
  /** The lane went to another process, or a note failed. */
  isLost(): boolean;
  /** Resolves when all are durable; false: the lane went to another process. Rejects when one failed. */
  all(): Promise<boolean>;
}

function createNotes(lease: Lease, recorder: Pick<Recorder, 'hurry'>): Notes {
  /** by the row's id, the oldest first */
  const open = new Map<string, Promise<boolean>>();
  let lost = false;
  let all: Promise<boolean> = Promise.resolve(true);
  return {
    add(row, now, noted) {
      const one = noted.then((mine) => {
        if (mine) lease.renewed(now);
        else lost = true;
        open.delete(row.id);
        return mine;
      });
      open.set(row.id, one);
      if (open.size >= MANY_OPEN) recorder.hurry();
      one.catch(() => {
        lost = true;
      });
      all = Promise.all([all, one]).then((mine) => mine.every(Boolean));
      all.catch(() => undefined);
    },
    open: () => new Set(open.keys()),
    async room() {
      for (const one of open.values()) {
        if (open.size < MAX_OPEN || lost) return;
        await one;
      }
    },
    isLost: () => lost,
    all() {
      if (open.size > 0) recorder.hurry();
      return all;
    },
  };
}

interface Lane {
  claim: Claim;
  lease: Lease;
  endpoints: EndpointSource;
  payloads: PayloadSource;
  notes: Notes;
}

/**
 * Delivers the events one after the other. While one is on its way it is written that those before have arrived: a process that
 * dies may have delivered some (`MAX_OPEN`) that look as if they were not, and they come again, under the same ids. `gone`: the
 * lane has been let go, or lost.
 */
async function deliverAll(
  deps: LaneDeps,
  { claim, lease, endpoints, payloads, notes }: Lane,
  rows: readonly OutboxRow[],
): Promise<'held' | 'gone'> {
  for (const row of rows) {
    await notes.room();
    if (deps.stopping.aborted || notes.isLost()) break;
    if (!(await lease.hold())) {
      await notes.all();
      return 'gone';
    }
    const endpoint = await endpoints.read();
    if (endpoint instanceof UnreadableEndpoint) {
      deps.logger.warn('a webhook waits: its secrets cannot be opened', { webhookId: claim.webhookId });
      const again = deps.clock.now() + LEASE_MS;
      if (await notes.all())
        await rest(deps, claim, again, 'The secrets of the webhook could not be opened.');
      return 'gone';
    }
    if (endpoint === null || !endpoint.active) {
      if (!(await notes.all())) return 'gone';
      if (endpoint === null) {
        await dropLane(deps.db, claim, deps.clock.now(), deps.stopping);
        return 'gone';
      }
      await buryLane(deps.db, claim.lane, 'The webhook was disabled.', deps.stopping);
      break;
    }
    const payload = await payloads.read(row);
    if (payload === undefined) {
      await buryEvent(deps.db, row, 'The event is not kept any more.');
      continue;
    }
    const told = endpoint.messageContent ? await withSentContent(deps, payload, row) : payload;
    const tried = await deliver(deps, endpoint, row, told);
    if (tried !== null && tried.step.state === 'delivered') {
      notes.add(row, tried.now, deps.recorder.add({ ...tried, claim, row }));
      continue;
    }
    if (!(await notes.all())) return 'gone';
    if (tried === null) {
      await releaseLane(deps.db, claim, deps.clock.now());
      return 'gone';
    }
    const mine = await recordAttempt(deps.db, { ...tried, claim, row });
    const downUntil = deps.circuits.openUntil(claim.webhookId);
    // Others behind it get no try: it would fail as well.
    if (mine && tried.step.state === 'dead' && downUntil !== null) await rest(deps, claim, downUntil);
    // After the lane was let go: what is overdue in it ends with the rest.
    if (tried.hasOpened) deps.onDown(claim.webhookId);
    if (!mine || tried.step.state === 'pending' || downUntil !== null) return 'gone';
  }
  return notes.isLost() && !(await notes.all()) ? 'gone' : 'held';
}

/** How it went; null when it was given up by us: nothing is known, and the next process finds the event as it was. */
async function deliver(
  deps: LaneDeps,
  endpoint: Endpoint,
  row: OutboxRow,
  payload: EventPayload,
): Promise<(Pick<Tried, 'attempt' | 'step' | 'now'> & { hasOpened: boolean }) | null> {
  const kept = keptBodyOf(payload);
  const attempt = await postEvent(
    { outgoing: deps.outgoing, now: deps.clock.now, timeoutMs: deps.timeoutMs, signal: deps.aborted },
    endpoint,
    { id: row.id, body: toJsonText(payload), kept },
  );
  if (!attempt.ok && deps.aborted.aborted) return null;
  const now = deps.clock.now();
  const tried = {
    tries: row.tries + 1,
    refusals: row.refusals + (attempt.refused ? 1 : 0),
    giveUpAt: row.giveUpAt,
  };
  const step = nextStep(tried, attempt, now, deps.random());
  logAttempt(deps.logger, row, attempt, step.state);
  // A receiver that refuses is there.
  const hasOpened = deps.circuits.report(row.webhookId, attempt.ok || attempt.refused);
  return { attempt: { ...attempt, keptBody: kept.text }, step, now, hasOpened };
}

/**
 * Lets a lane go whose receiver cannot be told, until that is tried again. What was not told within its time ends without a try;
 * `reason`: another one than that the receiver was down.
 */
async function rest(
  { db, clock, stopping }: LaneDeps,
  claim: Claim,
  until: number,
  reason?: string,
): Promise<void> {
  const { webhookId, lane } = claim;
  if (await releaseLane(db, claim, until)) {
    await buryOverdue(db, { webhookId, lane }, clock.now(), stopping, reason);
  }
}

interface PayloadSource {
  /** As the history has it, or had it less than a second ago; undefined: the fact is not kept any more. */
  read(row: OutboxRow): Promise<EventPayload | undefined>;
}

/** Those of these rows, which are asked for in their order, are read together. A slow receiver has the rest read again. */
function createPayloadSource(deps: LaneDeps, rows: readonly OutboxRow[]): PayloadSource {
  let known: { payloads: ReadonlyMap<string, EventPayload>; at: number } | null = null;
  return {
    async read(row) {
      const at = deps.clock.monotonic();
      if (known === null || at - known.at >= MAX_AGE_MS) {
        const left = rows.slice(rows.indexOf(row)).map(({ activityId }) => activityId);
        known = { payloads: await readPayloads(deps, left), at };
      }
      return known.payloads.get(row.activityId);
    },
  };
}

interface EndpointSource {
  /**
   * Where the webhook is reached now. A change that this process has made counts at once, one of another process within a
   * second. Null: there is no such webhook any more. The error: its secrets cannot be opened.
   */
  read(): Promise<Endpoint | UnreadableEndpoint | null>;
}

function createEndpointSource(deps: LaneDeps, webhookId: string): EndpointSource {
  const { outbox } = deps.stream;
  let known: {
    endpoint: Endpoint | UnreadableEndpoint | null;
    at: number;
    changes: number | undefined;
  } | null = null;
  const readNow = () =>
    readEndpoint(deps, webhookId, deps.clock.now()).catch((error: unknown) => {
      if (error instanceof UnreadableEndpoint) return error;
      throw error;
    });
  return {
    async read() {
      const at = deps.clock.monotonic();
      const changes = outbox?.changes();
      if (known === null || known.changes !== changes || at - known.at >= MAX_AGE_MS) {
        known = { endpoint: await readNow(), at, changes };
      }
      return known.endpoint;
    },
  };
}

/** The one line of a delivery. */
function logAttempt(logger: Logger, row: OutboxRow, attempt: Attempt, state: string): void {
  logger.info('webhook', {
    webhookId: row.webhookId,
    eventId: row.id,
    event: row.event,
    userId: row.userId,
    sessionId: row.sessionId,
    seq: row.seq,
    attempt: row.attempts + 1,
    state,
    httpStatus: attempt.status,
    failure: attempt.error,
    durationMs: attempt.durationMs,
  });
}
