/** Gives a message that is being queued the next place of its session's line. */

import { inCleanContext } from '../../db/scope.ts';
import { createSharedCommit, type SharedCommit } from '../../db/shared-commit.ts';
import { asTenant } from '../../db/work.ts';
import type { BegunSend, Claim } from '../../queue/claim.ts';
import { claimOf } from '../../queue/claim-rows.ts';
import { isToBeNoted } from '../../queue/code-reserve.ts';
import { limitsContacts } from '../../queue/first-contacts.ts';
import type { HeadStart } from '../../queue/head-start.ts';
import type { Candidate } from '../../queue/look-ahead.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { newId } from '../../utils/ids.ts';
import type { Outgoing } from '../../whatsapp/content.ts';
import { beginSend } from './attempt.ts';
import { allowedAt, type Line, viewOf, type Windows } from './line.ts';
import { follow, isStranger, spend } from './line-claim.ts';
import { planRow, planStep } from './line-plan.ts';

/**
 * A head start for a code, when the line would take it next and at once; null otherwise: then it is queued as any other. The
 * windows, the recipient and the gap are taken with it, as by a claim.
 */
export async function giveHeadStart(line: Line, row: Candidate): Promise<HeadStart | null> {
  const { deps, account } = line;
  if (row.priority !== PRIORITIES.high || windowsFor(line, row, deps.clock.now()) === null) return null;
  const now = deps.clock.now();
  // Another one that waits goes first.
  if ((await line.lookahead.pick(PRIORITIES.high, now, line.busy)).row !== null) return null;
  if (limitsContacts(line.contacts) && (await isStranger(line, row))) return null;
  const jids = line.windows?.limits.limitsRecipients(PRIORITIES.high)
    ? await deps.peers.of(account, row)
    : [row.recipient];
  return take(line, row, jids);
}

/** The windows to take a place in; null: the row would have to wait, or something is to be read first. */
function windowsFor(line: Line, row: Candidate, now: number): Windows | null {
  const { deps, windows } = line;
  if (windows === null || line.stopping.signal.aborted || line.resting || line.claimFailure !== null)
    return null;
  const isSending = line.attempts.size > line.acknowledged.size || line.busy.size > 0;
  if (!line.waiter.isWaiting() || isSending) return null;
  if (deps.isAlone?.() === false || isToBeNoted(line.lastHighAt, now)) return null;
  if (line.gate.breakerUntil() > now || planStep(viewOf(line, windows), now).do !== 'choose') return null;
  const { maxAttempts } = deps.config.pacing;
  const plan = planRow(row, now, maxAttempts, () => allowedAt(line, windows, now, PRIORITIES.high));
  return plan.do === 'take' ? windows : null;
}

function take(line: Line, row: Candidate, jids: readonly string[]): HeadStart | null {
  const now = line.deps.clock.now();
  const at = windowsFor(line, row, now);
  if (at === null || !line.lookahead.isCurrent(PRIORITIES.high)) return null;
  const others = jids.filter((jid) => jid !== row.recipient);
  if (at.limits.recipientAllowedAt(now, PRIORITIES.high, [row.recipient, ...others]) > now) return null;
  const { spent, giveBack } = spend(line, at, row, now);
  const start = { held: line.account, attemptId: newId(now), at: spent.at };
  const claim = claimOf(row, start, JSON.parse(row.contentJson ?? 'null'));
  const commit = createSharedCommit();
  const early = waitToBegin(line, claim, commit);
  let end: (claim: Claim | null) => void = () => undefined;
  const claimed = new Promise<Claim | null>((resolve) => {
    end = resolve;
  });
  const isOver = line.deps.settler.expectCode();
  follow(line, at, row, spent, claimed, isOver).then(isOver, isOver);
  return {
    ...start,
    begin: early.begin,
    takeAlong: commit.takeAlong,
    go(open) {
      commit.committed();
      spent.id = start.attemptId;
      line.inPreparation.add(spent);
      end({ ...claim, open, begun: early.begun() });
    },
    giveUp(error) {
      commit.givenUp();
      early.begun()?.leave(async () => false);
      // It may be committed: then it is taken back as any claim whose answer was lost.
      if (error !== null) line.claimFailure = { error };
      else {
        giveBack();
        line.stale = true;
      }
      end(null);
    },
  };
}

/** Begins at most once, outside of the request and the transaction that it is asked in. */
function waitToBegin({ deps, account }: Line, claim: Claim, commit: SharedCommit) {
  let begun: BegunSend | undefined;
  return {
    begin(open: () => Outgoing | null) {
      const content = begun === undefined ? open() : null;
      if (content === null) return;
      begun = inCleanContext(() => asTenant(account.userId, () => beginSend(deps, claim, content, commit)));
    },
    begun: () => begun,
  };
}
