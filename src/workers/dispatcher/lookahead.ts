/** The next queued rows of a session, one lane a priority, read ahead of their claims. */
import type { Candidate } from '../../queue/look-ahead.ts';
import { PRIORITY_ORDER, type Priority } from '../../queue/priority.ts';
import { MAX_IN_FLIGHT } from './line-plan.ts';

/** Reads the next rows of one priority, future ones included, without those of `except`. */
type ReadLane = (priority: Priority, limit: number, except: readonly string[]) => Promise<Candidate[]>;

export interface NextRow {
  /** due now and to a recipient that has nothing in flight */
  row: Candidate | null;
  /** when the next row falls due if `row` is null; Infinity: nothing is waiting, or only for busy recipients */
  nextAt: number;
}

export interface Lookahead {
  /** Something may have come or gone, of this priority or of any: look again before the next pick. */
  invalidate(priority?: Priority): void;
  /**
   * Others may have been queued, at their own time or later: `now` at the earliest. Where what is known is due they come behind it,
   * and are found when it is used up; elsewhere the lane is read again.
   */
  expect(priority: Priority, now: number): void;
  /**
   * These were queued: rows of this priority, as a reading would find them. Where all that waits is known they take their
   * place. Elsewhere those behind what is known are found when it is used up; for any other the lane is read again.
   */
  offer(priority: Priority, rows: readonly Candidate[]): void;
  pick(priority: Priority, now: number, busy: ReadonlySet<string>): Promise<NextRow>;
  /** Whether nothing of this priority has come or gone since it was read. */
  isCurrent(priority: Priority): boolean;
  /** When what was read of this priority is too old, and the next pick reads it again, epoch milliseconds. */
  oldAt(priority: Priority): number;
  /** The row was taken, moved or found gone. */
  drop(priority: Priority, id: string): void;
}

/** Narrow rows, so that most claims need no search of their own. A lane keeps no more, whatever is offered. */
const LOOK_AHEAD = 2 * MAX_IN_FLIGHT;

/**
 * News of a lane may be lost, as when the answer of a commit is: what was read this long ago is read again. What a process that
 * ended may not have told is read as soon as that is known, and lines that have nothing to do are looked after more often.
 */
const OLD_MS = 30_000;
/** The same where a row waits for its time: a reading heals what a clock ahead has queued for later. */
const OLD_WAITING_MS = 5_000;

interface Lane {
  rows: Candidate[];
  /** resolves when the reading that is under way has ended: whether it sees what comes now is not known */
  reading: Promise<unknown> | null;
  readAt: number;
  /** what may be behind the rows: those for which there was no room, or what has come since they were read */
  behind: 'nothing' | 'more' | 'news';
  stale: boolean;
}

export function createLookahead(read: ReadLane): Lookahead {
  const lanes = new Map<Priority, Lane>(
    PRIORITY_ORDER.map((priority) => [
      priority,
      { rows: [], reading: null, readAt: 0, behind: 'more', stale: true },
    ]),
  );

  function laneOf(priority: Priority): Lane {
    const lane = lanes.get(priority);
    if (!lane) throw new RangeError(`no lane for priority ${priority}`);
    return lane;
  }

  async function fill(priority: Priority, lane: Lane, now: number, except: readonly string[]): Promise<void> {
    // Cleared first: what comes while we read makes it stale again.
    lane.stale = false;
    lane.readAt = now;
    const reading = read(priority, LOOK_AHEAD, except);
    lane.reading = reading;
    try {
      lane.rows = await reading;
      // Without the busy recipients' rows the lane is good for one pick only.
      lane.behind = lane.rows.length < LOOK_AHEAD ? 'nothing' : 'more';
      if (except.length > 0) lane.stale = true;
    } catch (error) {
      lane.stale = true;
      throw error;
    } finally {
      lane.reading = null;
    }
  }

  /** One reading of a lane at a time: of two, the one that began first could end last, and hide what came in between. */
  async function whenRead(lane: Lane): Promise<void> {
    // Who has begun it is told of its failure.
    while (lane.reading !== null) await lane.reading.catch(() => undefined);
  }

  function isToBeRead(lane: Lane, now: number): boolean {
    const empty = lane.rows.length === 0 && lane.behind !== 'nothing';
    const waits = (lane.rows.at(-1)?.availableAt ?? now) > now;
    const old = Math.abs(now - lane.readAt) >= (waits ? OLD_WAITING_MS : OLD_MS);
    return lane.stale || empty || old;
  }

  function find(lane: Lane, now: number, busy: ReadonlySet<string>): NextRow {
    for (const row of lane.rows) {
      if (row.availableAt > now) return { row: null, nextAt: row.availableAt };
      if (!busy.has(row.recipient)) return { row, nextAt: row.availableAt };
    }
    return { row: null, nextAt: Number.POSITIVE_INFINITY };
  }

  return {
    invalidate(priority) {
      for (const [own, lane] of lanes) if (priority === undefined || own === priority) lane.stale = true;
    },
    expect(priority, now) {
      const lane = laneOf(priority);
      const last = lane.rows.at(-1);
      if (lane.reading !== null || last === undefined || last.availableAt > now) lane.stale = true;
      else if (lane.behind === 'nothing') lane.behind = 'news';
    },
    offer(priority, rows) {
      const lane = laneOf(priority);
      if (lane.stale || lane.reading !== null) {
        lane.stale = true;
        return;
      }
      if (lane.behind !== 'nothing') {
        const last = lane.rows.at(-1);
        lane.stale = last === undefined || rows.some((row) => byTurn(row, last) < 0);
        return;
      }
      const known = new Set(lane.rows.map((row) => row.id));
      lane.rows = [...lane.rows, ...rows.filter((row) => !known.has(row.id))].sort(byTurn);
      if (lane.rows.length <= LOOK_AHEAD) return;
      lane.rows.length = LOOK_AHEAD;
      lane.behind = 'more';
    },
    async pick(priority, now, busy) {
      const lane = laneOf(priority);
      if (lane.reading !== null) await whenRead(lane);
      if (isToBeRead(lane, now)) await fill(priority, lane, now, []);
      // Where everything seen is for busy recipients, others behind them need not wait.
      for (;;) {
        const found = find(lane, now, busy);
        if (found.row || found.nextAt !== Number.POSITIVE_INFINITY || lane.behind === 'nothing') return found;
        if (lane.reading !== null) await whenRead(lane);
        const except = lane.behind === 'more' ? [...busy] : [];
        await fill(priority, lane, now, except);
        if (except.length > 0) return find(lane, now, busy);
      }
    },
    isCurrent(priority) {
      const { stale, reading, behind } = laneOf(priority);
      return !stale && reading === null && behind !== 'news';
    },
    oldAt: (priority) => laneOf(priority).readAt + OLD_MS,
    drop(priority, id) {
      const lane = laneOf(priority);
      lane.rows = lane.rows.filter((row) => row.id !== id);
      // The reading that is under way may have it still.
      if (lane.reading !== null) lane.stale = true;
    },
  };
}

/** As the database orders them. */
function byTurn(a: Candidate, b: Candidate): number {
  return a.availableAt - b.availableAt || (a.id < b.id ? -1 : 1);
}
