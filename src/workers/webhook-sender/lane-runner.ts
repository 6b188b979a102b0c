/** Delivers the events of one lane, one after the other, while this process holds it. */
import type { Db } from '../../db/client.ts';
import { type EventPayload, readPayloads } from '../../services/events/payload.ts';
import { type Attempt, type Endpoint, postEvent, readEndpoint } from '../../services/webhooks/endpoint.ts';
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
  type Claim,
  closeLane,
  dropLane,
  type OutboxRow,
  readHeads,
  recordAttempt,
  releaseLane,
} from './lanes.ts';
import { nextStep } from './policy.ts';

export interface LaneDeps {
  db: Db;
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

/** Then the lane goes to the end of the line, so that one with a long backlog leaves room for the others. */
const MAX_EVENTS = 25;

/** Works on the lane until it is empty, has to wait, or had its share; then lets it go. */
export async function runLane(deps: LaneDeps, claim: Claim): Promise<void> {
  for (let left = MAX_EVENTS; left > 0 && !deps.stopping.aborted; ) {
    const rows = await readHeads(deps.db, claim.lane, left);
    if (rows.length === 0) {
      if (await closeLane(deps.db, claim, deps.clock.now())) return;
      continue;
    }
    left -= rows.length;
    const payloads = await readPayloads(
      deps,
      rows.map((row) => row.activityId),
    );
    for (const row of rows) {
      if (deps.stopping.aborted) break;
      // Again for each event: whoever changed, disabled or deleted it expects that to count at once.
      const endpoint = await readEndpoint(deps, claim.webhookId, deps.clock.now());
      if (endpoint === null) return dropLane(deps.db, claim, deps.clock.now(), deps.stopping);
      if (!endpoint.active) {
        await buryLane(deps.db, claim.lane, 'The webhook was disabled.', deps.stopping);
        break;
      }
      const payload = payloads.get(row.activityId);
      if (payload === undefined) await buryEvent(deps.db, row, 'The event is not kept any more.');
      else if (!(await deliver(deps, claim, endpoint, row, payload))) return;
    }
  }
  await releaseLane(deps.db, claim, deps.clock.now());
}

/** True: the next event may be delivered. False: the lane has been let go, or lost. */
async function deliver(
  deps: LaneDeps,
  claim: Claim,
  endpoint: Endpoint,
  row: OutboxRow,
  payload: EventPayload,
): Promise<boolean> {
  const kept = keptBodyOf(payload);
  const attempt = await postEvent(
    { outgoing: deps.outgoing, now: deps.clock.now, timeoutMs: deps.timeoutMs, signal: deps.aborted },
    endpoint,
    { id: row.id, body: toJsonText(payload), kept },
  );
  const now = deps.clock.now();
  // Given up by us: nothing is known, and the next process finds the event as it was.
  if (!attempt.ok && deps.aborted.aborted) {
    await releaseLane(deps.db, claim, now);
    return false;
  }
  const tried = {
    tries: row.tries + 1,
    refusals: row.refusals + (attempt.refused ? 1 : 0),
    giveUpAt: row.giveUpAt,
  };
  const step = nextStep(tried, attempt, now, deps.random());
  const mine = await recordAttempt(deps.db, claim, row, { ...attempt, keptBody: kept.text }, step, now);
  logAttempt(deps.logger, row, attempt, step.state);
  // A receiver that refuses is there.
  if (deps.circuits.report(row.webhookId, attempt.ok || attempt.refused)) deps.onDown(row.webhookId);
  return mine && step.state !== 'pending';
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
