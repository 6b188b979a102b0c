/** Which outcomes are written next: those of our own sends first, then those of each session in turn. */
import type { AttemptItem } from './settle-attempts.ts';
import type { ProofItem } from './settle-proofs.ts';

export type Settlement = ({ kind: 'proof' } & ProofItem) | AttemptItem;

/** Lines that belong to no session; ids of sessions are longer. */
const SENT = 'sent';
const OVERDUE = 'overdue';
/** Of a batch: so many of ten places go to acknowledgements, where there are enough of them. */
const SENT_TENTHS = 8;
/**
 * Where more than so many wait: a message has one acknowledgement and two receipts. So no backlog of receipts grows while
 * messages go on: the acknowledgements wait, and with them who sends.
 */
const CROWD = 1_000;
const SENT_TENTHS_OF_CROWD = 3;

/**
 * Makes the choice of a settler's batches of `max`. Outcomes of one session keep their order, but for acknowledgements: whoever
 * sends waits for these. Where sessions are many, those that have waited longest for their turn come first, so that a flood of
 * receipts of one session delays another one's by a turn of all sessions.
 */
export function createOutcomeChoice(max: number): (waiting: readonly Settlement[]) => readonly Settlement[] {
  /** by session, in which batch it had its last turn; of those that waited then */
  let lastTurn = new Map<string, number>();
  let batches = 0;

  return (waiting) => {
    if (waiting.length <= max) return waiting;
    batches++;
    const lines = linesOf(waiting, max);
    const sent = lines.get(SENT) ?? [];
    const tenths = waiting.length > CROWD ? SENT_TENTHS_OF_CROWD : SENT_TENTHS;
    const places = Math.ceil((max * tenths) / 10);
    lines.delete(SENT);
    const turnOf = (line: string) => lastTurn.get(line) ?? 0;
    const inTurn = [...lines].sort(([a], [b]) => turnOf(a) - turnOf(b));
    lastTurn = new Map(inTurn.map(([line]) => [line, turnOf(line)]));
    const chosen = sent.slice(0, places);
    for (let place = 0; place < max && chosen.length < max; place++) {
      for (const [line, items] of inTurn) {
        const item = items[place];
        if (item === undefined || chosen.length >= max) continue;
        chosen.push(item);
        lastTurn.set(line, batches);
      }
    }
    return [...chosen, ...sent.slice(places, places + max - chosen.length)];
  };
}

/** The oldest outcomes of each line, at most `max` of each. */
function linesOf(waiting: readonly Settlement[], max: number): Map<string, Settlement[]> {
  const lines = new Map<string, Settlement[]>();
  for (const item of waiting) {
    const line = lineOf(item);
    const items = lines.get(line);
    if (items === undefined) lines.set(line, [item]);
    else if (items.length < max) items.push(item);
  }
  return lines;
}

function lineOf(item: Settlement): string {
  switch (item.kind) {
    case 'proof':
      return 'id' in item ? SENT : item.accountId;
    case 'overdue':
      return OVERDUE;
    case 'exhausted':
    case 'refused':
      return item.held.id;
    default:
      return item.claim.held.id;
  }
}
