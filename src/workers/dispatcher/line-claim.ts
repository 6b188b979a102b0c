/** A row that is due and allowed: put off if its recipient must wait, else claimed and sent. */
import { deferStrangers, readKnown, tripsBreaker } from '../../queue/breaker.ts';
import { type Claim, claimRow, deferRecipient } from '../../queue/claim.ts';
import { isToBeNoted } from '../../queue/code-reserve.ts';
import type { SpentAttempt } from '../../queue/limits.ts';
import type { Candidate } from '../../queue/look-ahead.ts';
import { PRIORITIES, type Priority } from '../../queue/priority.ts';
import { peersOf } from '../../queue/subscriber-peers.ts';
import { attempt } from './attempt.ts';
import { drawGapMs, type Line, type Windows } from './line.ts';

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
  if (await putOff(line, at, priority, row, now)) return;
  await claimAndSend(line, at, priority, row, now);
}

/** A closed breaker costs nothing. */
async function mayReach(line: Line, row: Candidate): Promise<boolean> {
  const { deps, account, gate } = line;
  if (gate.breakerUntil() <= deps.clock.now()) return true;
  return (await readKnown(deps.db, account, [row])).has(row.peer);
}

/** True when the recipient must wait: a stranger while the breaker is open, or one at the limit of a recipient. */
async function putOff(
  line: Line,
  at: Windows,
  priority: Priority,
  row: Candidate,
  now: number,
): Promise<boolean> {
  const { deps, account, gate } = line;
  const { recipient } = row;
  let moved: number;
  if (!(await mayReach(line, row))) {
    const until = gate.breakerUntil();
    moved = await deferStrangers(deps, account, { priority, until, reach: DEFER_BATCH_SIZE });
  } else {
    const jids = at.limits.limitsRecipients(priority) ? await peersOf(deps.db, account, row) : [recipient];
    const others = jids.filter((jid) => jid !== recipient);
    const until = at.limits.recipientAllowedAt(now, priority, recipient, ...others);
    if (until <= now) return false;
    moved = await deferRecipient(deps, account, { recipient, priority, until, reach: DEFER_BATCH_SIZE });
  }
  line.lookahead.invalidate();
  if (moved === 0) await gate.refresh();
  return true;
}

async function claimAndSend(
  line: Line,
  at: Windows,
  priority: Priority,
  row: Candidate,
  now: number,
): Promise<void> {
  const { busy, attempts, claims, deps } = line;
  const { recipient } = row;
  if (priority !== PRIORITIES.high) line.loop = 'ask';
  const spent: SpentAttempt = { at: Math.max(now, at.limits.lastAt() ?? 0), recipient };
  const before = at.nextSendAt;
  const after = now + drawGapMs(line);
  const giveBack = () => {
    at.limits.giveBack(spent);
    if (at.nextSendAt === after) at.nextSendAt = before;
  };
  at.limits.begin(spent);
  at.nextSendAt = after;
  busy.add(recipient);
  line.lookahead.drop(priority, row.id);
  const claimed = claim(line, priority, row, spent, giveBack);
  claims.add(claimed);
  const done = claimed.then(async (claim) => {
    claims.delete(claimed);
    if (claim === null) busy.delete(recipient);
    else await attemptClaimed(line, at, row, claim, spent);
    attempts.delete(row.id);
    line.waiter.wake();
  });
  attempts.set(row.id, done);
  // With a gap the next one is not chosen before this one is known to be ours. A server's transactions overtake one
  // another, and share nothing: there each waits, so that a burst stays in order.
  if (after > now || deps.database.dialect !== 'sqlite') await claimed;
}

/** Resolves with null when the row is not ours to send; a failure is kept for the line's next step. Never rejects. */
function claim(
  line: Line,
  priority: Priority,
  row: Candidate,
  spent: SpentAttempt,
  giveBack: () => void,
): Promise<Claim | null> {
  return claimRow(line.deps, line.account, row, spent.at).then(
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

async function attemptClaimed(
  line: Line,
  at: Windows,
  row: Candidate,
  claim: Claim,
  spent: SpentAttempt,
): Promise<void> {
  const { deps, gate } = line;
  let goesOn = false;
  let refused = false;
  await attempt(deps, claim, {
    async look(read) {
      line.looking++;
      return read().finally(() => {
        line.looking--;
      });
    },
    maySend: (state) => gate.takeIn(state) && !line.stopping.signal.aborted && deps.isSafe?.() !== false,
    mayReach: () => mayReach(line, row),
    answered(decision) {
      refused = decision.action === 'failed' && tripsBreaker(decision.errorCode);
      if (refused) line.tripping++;
      line.inPreparation.delete(spent);
      // The windows may have been rebuilt meanwhile.
      const { limits } = line.windows ?? at;
      if (decision.action === 'release') limits.giveBack(spent);
      else limits.left(spent, deps.clock.now());
      goesOn = decision.action === 'release' || decision.action === 'retry';
      line.busy.delete(row.recipient);
      line.waiter.wake();
    },
  });
  // What is off the queue changes nothing for the others.
  if (goesOn) line.lookahead.invalidate();
  if (refused) {
    line.tripping--;
    line.stale = true;
  }
}
