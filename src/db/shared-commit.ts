/** A transaction that takes along what others would have to commit by themselves. */
import { letOthersGoOn, yieldToEventLoop } from './event-loop.ts';
import type { Tx } from './types.ts';

/** A transaction that may take a write along. */
export interface SharedCommit {
  /** Something may be offered soon: it is worth some turns of the event loop. */
  comes(): void;
  /**
   * Offers a write. Resolves with true when it is committed with the transaction; with false when it is not, or nobody knows:
   * then it has to be written by itself, at once or later. Only the first offer is taken, and none that comes too late. `write` runs
   * again when the transaction does.
   */
  offer(write: (tx: Tx) => Promise<void>): Promise<boolean>;
}

/** The same as its transaction sees it. One of `committed` and `givenUp` is called in the end. */
export interface OpenCommit extends SharedCommit {
  /**
   * Call it last in the transaction. Does what is offered, at the latest, when all that waits for nothing has gone on. Where something
   * comes, it waits for that for `MAX_TURNS` of the event loop; else for none, because others may wait for the end of the
   * transaction. May be called again, when the transaction is repeated.
   */
  takeAlong(tx: Tx): Promise<void>;
  committed(): void;
  /** It was rolled back, or nobody knows. */
  givenUp(): void;
}

/** On SQLite a reading beside a transaction waits for a turn, and what depends on it goes on after that. */
const MAX_TURNS = 2;

/** Makes one for a transaction that has not ended. */
export function createSharedCommit(): OpenCommit {
  let isOpen = true;
  let isComing = false;
  let taken: ((tx: Tx) => Promise<void>) | undefined;
  let isWritten = false;
  let tellOffered = () => {};
  let tellEnd: (isCommitted: boolean) => void = () => undefined;
  const offered = new Promise<void>((resolve) => {
    tellOffered = resolve;
  });
  const ended = new Promise<boolean>((resolve) => {
    tellEnd = resolve;
  });
  const end = (isCommitted: boolean) => {
    isOpen = false;
    tellEnd(isCommitted);
  };
  return {
    comes() {
      isComing = true;
    },
    async offer(write) {
      if (!isOpen || taken !== undefined) return false;
      taken = write;
      tellOffered();
      return ended;
    },
    async takeAlong(tx) {
      if (isOpen && taken === undefined) await letOthersGoOn();
      for (let turns = 0; isOpen && isComing && taken === undefined && turns < MAX_TURNS; turns++) {
        await Promise.race([offered, yieldToEventLoop()]);
      }
      isOpen = false;
      if (taken === undefined) return;
      await taken(tx);
      isWritten = true;
    },
    committed: () => end(isWritten),
    givenUp: () => end(false),
  };
}
