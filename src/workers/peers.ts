/** News between processes about their sessions: what this one tells, and what it is told. */
import { createInbox } from '../cluster/inbox.ts';
import { createCommandRequests } from '../cluster/remote-commands.ts';
import { createWakeUpSender, prioritiesIn } from '../cluster/wake-ups.ts';
import { PRIORITY_ORDER } from '../queue/priority.ts';
import type { News } from '../queue/signals.ts';
import type { Deps } from '../services/context.ts';
import type { Ownership } from './ownership.ts';

export interface Peers {
  start(): void;
  /** Answers no more, lets what was begun end. May be called twice. */
  stop(): Promise<void>;
}

type NeighbourDeps = Pick<Deps, 'database' | 'db' | 'clock' | 'logger' | 'signals' | 'commands'>;

/** Nothing at all where the database serves one process only. */
export function createPeers(
  deps: NeighbourDeps,
  ownership: Pick<Ownership, 'processId' | 'held' | 'hasPeers' | 'poke'>,
): Peers {
  if (deps.database.dialect === 'sqlite') return { start: () => undefined, stop: async () => undefined };
  const { commands, signals } = deps;
  const { processId } = ownership;
  const isMine = (accountId: string) => ownership.held(accountId) !== null;
  const requests = createCommandRequests({ ...deps, processId, runHere: commands.runHere });
  const sender = createWakeUpSender({ ...deps, processId, isMine });
  const inbox = createInbox({
    ...deps,
    processId,
    hasPeers: () => ownership.hasPeers(),
    lookForCommands: requests.look,
    onNews(news) {
      for (const { accountId, priority } of news) {
        if (isMine(accountId)) for (const one of toNews(priority)) signals.wake(accountId, one);
      }
      // Somebody thinks that it is ours, or has given it up: there may be something to take.
      if (!news.every(({ accountId }) => isMine(accountId))) ownership.poke();
    },
  });
  let unsubscribe: () => void = () => undefined;
  return {
    start() {
      unsubscribe = signals.onWake((accountId, { rowChanged, priority = null }) =>
        sender.send({ accountId, priority: rowChanged ? null : priority }),
      );
      inbox.start();
    },
    async stop() {
      await inbox.stop();
      await requests.idle();
      // What was begun may have news of its own.
      unsubscribe();
      await sender.flush();
    },
  };
}

/** Without a priority it may be about anything, the session's row too: a pause is told so. */
function toNews(value: number | null): News[] {
  const told = value === null ? [] : prioritiesIn(value);
  const known = PRIORITY_ORDER.filter((one) => told.includes(one));
  return known.length > 0 && known.length === told.length
    ? known.map((priority) => ({ priority }))
    : [{ rowChanged: true }];
}
