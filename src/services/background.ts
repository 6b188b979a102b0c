/** Work that goes on after its request was answered, and must not outlive the service. */
import { inCleanContext } from '../db/scope.ts';
import type { Logger } from '../utils/logger.ts';

export interface Background {
  /** processes.id of this process: what it is working on carries this name */
  readonly processId: string;
  /** aborted when the service stops */
  readonly signal: AbortSignal;
  /** Ids of what this process has stopped to work on, but could not let go of: its rows still name the process. */
  readonly abandoned: Set<string>;
  /** Starts `work` outside of the request's async context; the promise is the same for whoever wants to wait. */
  run<R>(name: string, work: (signal: AbortSignal) => Promise<R>): Promise<R>;
  /** Aborts what is running and waits for it to end. Work that is started later finds its signal aborted. */
  stop(): Promise<void>;
}

/** Makes the list of what this process is working on. A failure that no caller waits for is logged. */
export function createBackground(deps: { processId: string; logger: Logger }): Background {
  const stopping = new AbortController();
  const running = new Set<Promise<unknown>>();
  return {
    processId: deps.processId,
    signal: stopping.signal,
    abandoned: new Set(),
    run(name, work) {
      const done = inCleanContext(() => work(stopping.signal));
      const watched = done
        .catch((error) => deps.logger.error(`${name} failed`, { error }))
        .finally(() => running.delete(watched));
      running.add(watched);
      return done;
    },
    async stop() {
      stopping.abort();
      while (running.size > 0) await Promise.all(running);
    },
  };
}
