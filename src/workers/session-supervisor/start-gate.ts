/** Lets a bounded number of sessions connect at a time, the most urgent first. */

export interface Ticket {
  /** Resolves when it is this one's turn; never when it was given back before. */
  ready: Promise<void>;
  /** Gives the place, or the wait for it, to the next one. May be called twice. */
  release(): void;
}

export interface StartGate {
  /** A higher `urgency` goes first; equal ones in the order they came. */
  enter(urgency: number): Ticket;
  readonly inside: number;
}

interface Waiting {
  urgency: number;
  admit(): void;
}

export function createStartGate(places: number): StartGate {
  const waiting: Waiting[] = [];
  let inside = 0;

  function admitNext(): void {
    while (inside < places) {
      const next = waiting.shift();
      if (!next) return;
      inside += 1;
      next.admit();
    }
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
    enter(urgency) {
      let state: 'waiting' | 'inside' | 'gone' = 'waiting';
      let open: () => void = () => undefined;
      const ready = new Promise<void>((resolve) => {
        open = resolve;
      });
      const entry: Waiting = {
        urgency,
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
          if (state === 'inside') inside -= 1;
          if (state === 'waiting') waiting.splice(waiting.indexOf(entry), 1);
          state = 'gone';
          admitNext();
        },
      };
    },
  };
}
