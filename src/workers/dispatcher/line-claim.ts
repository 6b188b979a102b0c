/** A row that is due and allowed: put off if its recipient must wait, else claimed and sent. */
import { placesOf, waitsForAllUntil, windowOf } from '../../queue/albums.ts';
import { audienceStrangers } from '../../queue/audience.ts';
import { readKnown, tripsBreaker } from '../../queue/breaker.ts';
import { type Claim, deferRecipient } from '../../queue/claim.ts';
import type { ClaimRequest } from '../../queue/claim-rows.ts';
import { isToBeNoted } from '../../queue/code-reserve.ts';
import {
  type ContactSpending,
  limitsContacts,
  personOf,
  strangersHeldUntil,
} from '../../queue/first-contacts.ts';
import type { SpentAttempt } from '../../queue/limits.ts';
import type { Candidate } from '../../queue/look-ahead.ts';
import { isUnhurried } from '../../queue/pace.ts';
import { PRIORITIES, type Priority } from '../../queue/priority.ts';
import { bringBack, deferStrangers, stepAside } from '../../queue/step-aside.ts';
import { STATUS_JID } from '../../whatsapp/jid.ts';
import { attempt } from './attempt.ts';
import { drawGapMs, type Line, type Windows } from './line.ts';
import { REREAD_MS } from './line-plan.ts';

/** How many rows of a recipient at its limit, or of strangers, are put off at once. */
const DEFER_BATCH_SIZE = 200;

/** Puts the row off or claims it. Resolves when the next row may be chosen. */
export async function takeRow(
  line: Line,
  at: Windows,
  priority: Priority,
  row: Candidate,
  now: number,
): Promise<void> {
  // The first code in a long time: from now on a part of the limits is kept back, as its transaction has noted.
  if (priority === PRIORITIES.high && isToBeNoted(line.lastHighAt, now)) line.stale = true;
  if (line.attempts.has(row.id)) {
    // The lane was read before our own claim of it was committed, and its outcome is not written yet.
    line.lookahead.drop(priority, row.id);
    return;
  }
  const looked = await putOff(line, at, priority, row, now);
  if (looked !== 'put off') await claimAndSend(line, at, { priority, row, contact: looked.contact }, now);
}

const contentOf = ({ contentJson }: Candidate): unknown => JSON.parse(contentJson ?? 'null');

/** Costs nothing for somebody who was found to know the session before. */
export async function isStranger(line: Line, row: Candidate): Promise<boolean> {
  if (line.known.get(row.peer)) return false;
  const known = (await readKnown(line.deps.db, line.account, [row])).has(row.peer);
  if (known) line.known.set(row.peer, true);
  return !known;
}

/** Whom the message would be a first contact of, as the limit counts people: of a post to the status those whom it is for. */
async function strangersOf(line: Line, row: Candidate): Promise<string[]> {
  if (row.peer === STATUS_JID) return audienceStrangers(line.deps, line.account, row);
  return (await isStranger(line, row)) ? [personOf(row)] : [];
}

async function reachesStranger(line: Line, row: Candidate): Promise<boolean> {
  return (await strangersOf(line, row)).length > 0;
}

/** A closed breaker costs nothing. */
async function mayReach(line: Line, row: Candidate): Promise<boolean> {
  if (line.gate.breakerUntil() <= line.deps.clock.now()) return true;
  return !(await reachesStranger(line, row));
}

/** A claim that was made before the line heard of a limit is given back, and made again as a first contact. */
async function isCounted(line: Line, row: Candidate, { strangers }: Claim): Promise<boolean> {
  return strangers.length > 0 || !limitsContacts(line.contacts) || !(await reachesStranger(line, row));
}

/** The spending of a message to strangers, or until when it must wait. */
type Strangeness = { until: number; contacted: boolean } | { contact: ContactSpending | null };

/** Of everybody else nothing is asked where neither the breaker nor a limit looks at strangers. */
async function lookAtStranger(line: Line, priority: Priority, row: Candidate): Promise<Strangeness> {
  const { deps, account, gate, contacts: limit, pace } = line;
  const now = deps.clock.now();
  const breakerUntil = gate.breakerUntil();
  const isLimited = limitsContacts(limit);
  if (breakerUntil > now) {
    return (await reachesStranger(line, row)) ? { until: breakerUntil, contacted: false } : { contact: null };
  }
  const people = isLimited ? await strangersOf(line, row) : [];
  if (people.length === 0) return { contact: null };
  const until = await strangersHeldUntil(deps.db, account.id, { limit, pace, priority, now, people });
  return until === null ? { contact: { people, limit, pace } } : { until, contacted: true };
}

/** True when the recipient must wait: a stranger that may not be written to, or one at the limit of a recipient. */
async function putOff(
  line: Line,
  at: Windows,
  priority: Priority,
  row: Candidate,
  now: number,
): Promise<{ contact: ContactSpending | null } | 'put off'> {
  const { deps, account, gate } = line;
  const { recipient } = row;
  const stranger = await lookAtStranger(line, priority, row);
  let moved: number;
  if ('until' in stranger) {
    moved = await stepsAside(line, priority, row, stranger);
  } else {
    const jids = at.limits.limitsRecipients(priority) ? await deps.peers.of(account, row) : [recipient];
    const all = [recipient, ...jids.filter((jid) => jid !== recipient)];
    const waits = row.type === 'album' && now < waitsForAllUntil(row);
    const places = waits ? placesOf({ ...row, content: contentOf(row) }) : 1;
    const until = at.limits.recipientAllowedAt(now, priority, all, places);
    if (until <= now) return stranger;
    moved = await deferRecipient(deps, account, { recipient, priority, until, reach: DEFER_BATCH_SIZE });
  }
  line.lookahead.invalidate();
  if (moved === 0) await gate.refresh();
  return 'put off';
}

/**
 * A post to the status that does not fit into the limit of first contacts needs more room than others, and waits alone. How many
 * rows moved.
 */
async function stepsAside(
  { deps, account }: Line,
  priority: Priority,
  row: Candidate,
  { until, contacted: exceptContacted }: Extract<Strangeness, { until: number }>,
): Promise<number> {
  const isPost = row.peer === STATUS_JID;
  if (isPost && exceptContacted) return stepAside(deps, account, [row.id], until);
  const input = { priority, until, reach: DEFER_BATCH_SIZE, exceptContacted, alsoId: isPost ? row.id : null };
  return deferStrangers(deps, account, input);
}

/** A row that may be claimed now. */
interface Taking {
  priority: Priority;
  row: Candidate;
  contact: ContactSpending | null;
}

async function claimAndSend(line: Line, at: Windows, taking: Taking, now: number): Promise<void> {
  const { priority, row, contact } = taking;
  // A claim whose answer was lost meanwhile may be of the same chat, and goes first when it is taken back.
  if (line.claimFailure !== null) return;
  if (priority !== PRIORITIES.high) line.loop = 'ask';
  const { spent, giveBack, gapEndsAt } = spend(line, at, row, now);
  line.lookahead.drop(priority, row.id);
  const claimed = claim(line, taking, spent, giveBack);
  void follow(line, at, row, spent, claimed);
  // With a gap the next one is not chosen before this one is known to be ours; the claimer keeps a burst in order. The
  // next stranger is looked at when this one is counted.
  if (gapEndsAt > now || contact !== null) await claimed;
}

/** A place that was taken in the windows of a line. */
export interface Spent {
  spent: SpentAttempt;
  gapEndsAt: number;
  giveBack(): void;
}

/** Takes a place in the line's windows for a message to this recipient, who is busy from now on. */
export function spend(line: Line, at: Windows, row: Candidate, now: number): Spent {
  const spent: SpentAttempt = { at: Math.max(now, at.limits.lastAt() ?? 0), recipient: windowOf(row) };
  const before = at.nextSendAt;
  const gapEndsAt = now + drawGapMs(line);
  at.limits.begin(spent);
  at.nextSendAt = gapEndsAt;
  line.busy.add(row.recipient);
  return {
    spent,
    gapEndsAt,
    giveBack() {
      at.limits.giveBack(spent);
      if (at.nextSendAt === gapEndsAt) at.nextSendAt = before;
    },
  };
}

/**
 * Sends the row once it is claimed; with null its recipient is free again. Resolves when its outcome is written, or with null.
 * `onAnswered`: the engine has answered.
 */
export function follow(
  line: Line,
  at: Windows,
  row: Candidate,
  spent: SpentAttempt,
  claimed: Promise<Claim | null>,
  onAnswered?: () => void,
): Promise<void> {
  const { busy, attempts, acknowledged, withdrawn, claims } = line;
  claims.add(claimed);
  const done = claimed.then(async (claim) => {
    claims.delete(claimed);
    if (claim === null) busy.delete(row.recipient);
    else await attemptClaimed(line, at, row, claim, { spent, onAnswered });
    attempts.delete(row.id);
    acknowledged.delete(row.id);
    withdrawn.delete(row.id);
    line.waiter.wake();
  });
  attempts.set(row.id, done);
  return done;
}

async function claimInTurn(
  { deps: { claimer } }: Line,
  request: ClaimRequest,
  turn: Promise<unknown> | null,
): Promise<Claim | null> {
  if (turn !== null) await turn;
  return claimer.add(request);
}

/** Resolves with null when the row is not ours to send; a failure is kept for the line's next step. Never rejects. */
function claim(
  line: Line,
  { priority, row, contact }: Taking,
  spent: SpentAttempt,
  giveBack: () => void,
): Promise<Claim | null> {
  const request = { held: line.account, candidate: row, now: spent.at, contact };
  // A stranger's claim waits for no batch, and must not overtake those that do.
  const turn = contact === null ? null : Promise.all(line.claims);
  return claimInTurn(line, request, turn).then(
    (claim) => {
      // A reading that began before the claim was committed has brought the row back.
      line.lookahead.drop(priority, row.id);
      if (claim !== null) {
        spent.id = claim.attemptId;
        line.inPreparation.add(spent);
        return claim;
      }
      giveBack();
      line.lookahead.invalidate();
      line.stale = true;
      return null;
    },
    (error: unknown) => {
      line.claimFailure = { error };
      return null;
    },
  );
}

/** So long ago may the claim of a message be committed that leaves without a look. */
const AS_CLAIMED_MS = 250;
/**
 * One looks so often all the same: what a tool has changed beside the process is seen then, and a change whose commit was not
 * answered and done later than the line was told of it. Codes with a head start and sessions at a slow pace, whose messages are far
 * apart, look as seldom as a line that is held.
 */
const LOOK_EVERY_MS = { inARow: 1_000, apart: REREAD_MS };

/**
 * The session's row need not be read for a message that was claimed a moment ago: its transaction has seen the fence, and who has
 * changed something else since, or has taken it off the queue, did so in this process, which is alone, and tells the line as soon
 * as that is committed, or may be. What others have changed before is read again since they are gone.
 */
function isAsClaimed(line: Line, { id, open, attemptAt }: Claim): boolean {
  const { deps, gate } = line;
  const now = deps.clock.now();
  const mayHaveChanged = line.stale || line.reading || line.tripping > 0 || line.withdrawn.has(id);
  if (mayHaveChanged || deps.isAlone?.() === false) return false;
  if (!isWithin(AS_CLAIMED_MS, attemptAt, now)) return false;
  const isApart = open !== undefined || isUnhurried(deps.config.pacing);
  const lookEveryMs = isApart ? LOOK_EVERY_MS.apart : LOOK_EVERY_MS.inARow;
  if (!isWithin(lookEveryMs, gate.readAt(), now)) return false;
  const isStopped = line.stopping.signal.aborted || deps.isSafe?.() === false;
  return !isStopped && !gate.isLost() && gate.pausedUntil() <= now;
}

/** A clock that was set back makes nothing recent. */
const isWithin = (ms: number, at: number, now: number) => now >= at && now - at <= ms;

async function attemptClaimed(
  line: Line,
  at: Windows,
  row: Candidate,
  claim: Claim,
  { spent, onAnswered }: { spent: SpentAttempt; onAnswered: (() => void) | undefined },
): Promise<void> {
  const { deps, gate } = line;
  let goesOn = false;
  let refused = false;
  let unspent = false;
  await attempt(deps, claim, {
    async look(read) {
      line.looking++;
      return read().finally(() => {
        line.looking--;
      });
    },
    isAsClaimed: () => isAsClaimed(line, claim),
    beginReading: gate.beginReading,
    maySend: (state, reading) =>
      gate.takeIn(state, reading) && !line.stopping.signal.aborted && deps.isSafe?.() !== false,
    mayReach: async () => (await mayReach(line, row)) && (await isCounted(line, row, claim)),
    answered(decision, unsent) {
      refused = decision.action === 'failed' && tripsBreaker(decision.errorCode);
      if (refused) line.tripping++;
      line.inPreparation.delete(spent);
      // The windows may have been rebuilt meanwhile.
      const { limits } = line.windows ?? at;
      if (decision.action === 'release') limits.giveBack(spent);
      else limits.left(spent, deps.clock.now());
      goesOn = decision.action === 'release' || decision.action === 'retry';
      unspent = unsent;
      if (decision.action === 'sent') line.acknowledged.add(row.id);
      line.busy.delete(row.recipient);
      onAnswered?.();
      line.waiter.wake();
    },
  });
  if (claim.strangers.length > 0 && unspent) await backAfterRelease(line);
  // A row that is off the queue changes nothing for the others.
  if (goesOn) line.lookahead.invalidate();
  if (refused) {
    line.tripping--;
    line.stale = true;
  }
}

/** A first contact that was given back is there for somebody who has stepped aside. */
async function backAfterRelease(line: Line): Promise<void> {
  const { deps, account } = line;
  try {
    if ((await bringBack(deps.db, account.id, deps.clock.now(), DEFER_BATCH_SIZE)) > 0) {
      line.lookahead.invalidate();
    }
  } catch (error) {
    // They wait until the time that was known before.
    deps.logger.warn('messages that have stepped aside wait on', {
      sessionId: account.sessionId,
      error: String(error),
    });
  }
}
