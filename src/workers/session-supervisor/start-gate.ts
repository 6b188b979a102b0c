/**
 * Lets a bounded number of sessions connect at a time, the most urgent first. Where several tenants have sessions, one has
 * half of what the others leave at most: a proxy that swallows everything holds a place until the start is given up.
 */

export interface Ticket {
  /** Resolves when it is this one's turn; never when it was given back before. */
  ready: Promise<void>;
  /** Gives the place, or the wait for it, to the next one. May be called twice. */
  release(): void;
}

export interface StartGate {
  /** A higher `urgency` goes first; equal ones in the order they came. A tenant with its share waits, and others pass. */
  enter(urgency: number, userId: number): Ticket;
  readonly inside: number;
}

interface Waiting {
  urgency: number;
  userId: number;
  admit(): void;
}

/** `isShared`: whether more than one tenant has sessions here. */
export function createStartGate(places: number, isShared: () => boolean): StartGate {
  const waiting: Waiting[] = [];
  const insideOf = new Map<number, number>();
  let inside = 0;

  function admitNext(): void {
    while (inside < places) {
      const at = waiting.findIndex(({ userId }) => hasRoom(userId));
      const [next] = at < 0 ? [] : waiting.splice(at, 1);
      if (!next) return;
      count(next.userId, 1);
      next.admit();
    }
  }

  function hasRoom(userId: number): boolean {
    if (!isShared()) return true;
    const own = insideOf.get(userId) ?? 0;
    return own < Math.ceil((places - (inside - own)) / 2);
  }

  function count(userId: number, by: 1 | -1): void {
    const own = (insideOf.get(userId) ?? 0) + by;
    inside += by;
    if (own === 0) insideOf.delete(userId);
    else insideOf.set(userId, own);
  }

  function enqueue(entry: Waiting): void {
    let low = 0;
    let high = waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((waiting[middle]?.urgency ?? 0) >= entry.urgency) low = middle + 1;
      else high = middle;
    }
    waiting.splice(low, 0, entry);
  }

  return {
    get inside() {
      return inside;
    },
    enter(urgency, userId) {
      let state: 'waiting' | 'inside' | 'gone' = 'waiting';
      let open: () => void = () => undefined;
      const ready = new Promise<void>((resolve) => {
        open = resolve;
      });
      const entry: Waiting = {
        urgency,
        userId,
        admit: () => {
          state = 'inside';
          open();
        },
      };
      enqueue(entry);
      admitNext();
      return {
        ready,
        release() {
          if (state === 'inside') count(userId, -1);
          if (state === 'waiting') waiting.splice(waiting.indexOf(entry), 1);
          state = 'gone';
          admitNext();
        },
      };
    },
  };
}
