/**
 * Runs every session that this process owns: one state machine each, fed by the engine's events, by commands and
 * by what happens to the ownership. Reconnecting, ending and everything a session's status says is decided here.
 */
import { count, eq } from 'drizzle-orm';
import {
  type CommandBus,
  type CommandHandler,
  type CommandName,
  type Commands,
  NotOwnerError,
} from '../../cluster/commands.ts';
import type { OwnedSession } from '../../cluster/leases.ts';
import { messageQueue, whatsappAccounts } from '../../db/schema.ts';
import { inCleanContext } from '../../db/scope.ts';
import type { Deps } from '../../services/context.ts';
import { storeGroupNotice } from '../../services/groups/news.ts';
import { readAgainRequest } from '../../services/inbound/media-work.ts';
import type { CallTextDeps } from '../../services/sessions/call-text.ts';
import { storeCall } from '../../services/sessions/told.ts';
import { AppError } from '../../utils/errors.ts';
import type {
  AccountRef,
  CallNews,
  EngineEvent,
  InboundMessage,
  PostPlace,
  Standing,
} from '../../whatsapp/engine.ts';
import type { GroupNotice } from '../../whatsapp/group-types.ts';
import type { Ownership } from '../ownership.ts';
import { createHabits, type HabitDeps, type Habits } from './habits.ts';
import { createLearner } from './learner.ts';
import { createOutage } from './outage.ts';
import { createPushNames } from './push-names.ts';
import type { RunnerDeps } from './runner-deps.ts';
import { readRow, readRowsOf, type SessionStatus } from './session-row.ts';
import { createSessionRunner, type SessionRunner } from './session-runner.ts';
import { createStartGate } from './start-gate.ts';
import { watchUsers } from './user-watch.ts';

/** Events that the queue must hear of: proof about messages, also about those of an earlier owner. */
export type ReceiptEvent = Extract<EngineEvent, { type: 'receipt' | 'refused' }>;

export interface SupervisorDeps
  extends Pick<RunnerDeps, 'db' | 'clock' | 'stream' | 'logger' | 'engine' | 'credentials' | 'dispatcher'>,
    HabitDeps,
    CallTextDeps,
    Pick<Deps, 'secrets' | 'quietWarnings'> {
  ownership: Ownership;
  commands: CommandBus;
  /** must not throw; what it returns is not waited for */
  onReceipt(account: AccountRef, event: ReceiptEvent): void;
  /** how the account stands with WhatsApp; the same holds for it */
  onStanding(account: AccountRef, standing: Standing): void;
  /** Looks for a newer version of WhatsApp's client. */
  refreshClientVersion(): Promise<unknown>;
  /** sessions that may be connecting at the same time */
  connectConcurrency: number;
  random?: () => number;
}

export interface SessionSupervisor {
  /** Takes the ownership's sessions and this process's commands. Throws when the database cannot be used. */
  start(): Promise<void>;
  /** Closes every socket, then gives the sessions up. May be called twice. */
  stop(): Promise<void>;
  /** For the engine's callbacks. */
  onEvent(account: AccountRef, event: EngineEvent): void;
  /**
   * Keeps what WhatsApp tells of a group; past so much it waits for its turn, and what can never be kept is dropped. Rejects when
   * the database cannot be used, and when the process ends: nothing is to be confirmed then.
   */
  storeGroupNotice(account: AccountRef, notice: GroupNotice): Promise<void>;
  /** The same for a call. */
  storeCall(account: AccountRef, call: CallNews): Promise<void>;
  /** For each inbound message that is stored: remembers how its sender is called. */
  onStored(account: AccountRef, message: InboundMessage): void;
  /** Whether posts of others are to be stored in a session. Costs nothing: what its row says is followed. */
  wantsPosts(accountId: string, place: PostPlace): boolean;
  /** How many of the sessions held are in which status. */
  countByStatus(): Partial<Record<SessionStatus, number>>;
}

type CommandTable = {
  [N in CommandName]: (runner: SessionRunner, input: Commands[N]['input']) => Promise<Commands[N]['output']>;
};

export function createSessionSupervisor(deps: SupervisorDeps): SessionSupervisor {
  const { ownership, logger, engine } = deps;
  const runners = new Map<string, SessionRunner>();
  const names = createPushNames(deps);
  const habits = createHabits(deps);
  const users = watchUsers(deps.stream, (userId) => {
    for (const runner of runners.values()) {
      if (runner.account.userId === userId) void runner.setEnabled(false);
    }
  });
  const outage = createOutage({
    clock: deps.clock,
    logger,
    random: deps.random ?? Math.random,
    probe: engine.probe ? async () => (await engine.probe?.()) ?? false : null,
  });
  const runnerDeps: RunnerDeps = {
    ...deps,
    random: deps.random ?? Math.random,
    gate: createStartGate(deps.connectConcurrency, () => users.size > 1),
    outage,
    isSafe: () => ownership.isSafe(),
    refreshClientVersion: singleFlight(deps.refreshClientVersion),
    onLost: (accountId) => {
      logger.warn('a session belongs to another process now', { account: accountId });
      void drop(accountId);
    },
  };
  let stopHandling: () => void = () => undefined;
  let running = false;

  async function drop(accountId: string): Promise<void> {
    const runner = runners.get(accountId);
    if (!runner) return;
    runners.delete(accountId);
    habits.forget(accountId);
    users.release(runner.account.userId);
    await runner.stop();
  }

  /** Those with a deep queue first: somebody waits for them. */
  async function ensureRunners(sessions: readonly OwnedSession[]): Promise<void> {
    const missing = sessions.filter((session) => runners.get(session.id)?.account.fence !== session.fence);
    await Promise.all(missing.map((session) => drop(session.id)));
    // What is dropped is forgotten.
    for (const session of habits.follow(sessions)) habits.wake(session);
    if (missing.length === 0) return;
    const rows = new Map((await readRowsOf(deps.db, ownership.processId)).map((row) => [row.id, row]));
    const depths =
      missing.length > 1 ? await readQueueDepths(deps.db, ownership.processId) : new Map<string, number>();
    if (!running) return;
    const depthOf = ({ id }: OwnedSession) => depths.get(id) ?? 0;
    for (const session of [...missing].sort((a, b) => depthOf(b) - depthOf(a))) {
      const row = rows.get(session.id);
      if (!row || row.fence !== session.fence || runners.has(session.id)) continue;
      const runner = createSessionRunner(runnerDeps, session, row);
      runners.set(session.id, runner);
      users.hold(session.userId);
      runner.start(depthOf(session));
    }
  }

  const commands = createCommands(deps, habits);

  const handle: CommandHandler = async (accountId, name, input) => {
    if (!runners.has(accountId)) await ownership.claim(accountId);
    const runner = runners.get(accountId);
    if (!runner) throw new NotOwnerError();
    return commands[name](runner, input);
  };

  const learn = createLearner(deps);

  return {
    async start() {
      running = true;
      // A session must not live in the async context (request, transaction) of whoever asked for it.
      stopHandling = deps.commands.handle((accountId, name, input) =>
        inCleanContext(() => handle(accountId, name, input)),
      );
      await ownership.start({
        onTaken: ensureRunners,
        onLost: async (accountIds) => {
          await Promise.all(accountIds.map(drop));
        },
        async onRenewed(sessions) {
          await ensureRunners(sessions);
          for (const { id, enabled, proxy } of sessions) {
            const runner = runners.get(id);
            if (!runner) continue;
            void runner.setEnabled(enabled);
            runner.follow(proxy).catch((error: unknown) => {
              logger.warn('a session could not follow its settings', { account: id, error: String(error) });
            });
          }
        },
        async onRelease(accountId) {
          await deps.dispatcher.remove(accountId);
          await drop(accountId);
        },
        onPeerGone: () => deps.dispatcher.rereadSessions(),
      });
    },
    async stop() {
      running = false;
      stopHandling();
      outage.stop();
      await Promise.all([...runners.keys()].map(drop));
      learn.stop();
      await Promise.all([names.stop(), habits.stop()]);
      await ownership.stop();
    },
    onEvent(account, event) {
      if (event.type === 'receipt' || event.type === 'refused') return deps.onReceipt(account, event);
      if (event.type === 'standing') return deps.onStanding(account, event);
      if (event.type === 'alias') return learn.alias(account, event);
      if (event.type === 'people') return learn.people(account, event.people);
      if (event.type === 'call') return habits.onCall(account, event);
      if (event.type === 'presence') return learn.presence(account, event);
      inCleanContext(() => runners.get(account.id)?.onEvent(account, event));
      if (event.type === 'connected') habits.wake(account);
    },
    storeGroupNotice: (account, notice) =>
      learn.durably(account, 'groups', () => storeGroupNotice(deps, account, notice)),
    storeCall: (account, call) => learn.durably(account, 'calls', () => storeCall(deps, account, call)),
    onStored(account, message) {
      names.learn(account.id, message);
      if (!message.own) habits.wake(account, message.messageId);
    },
    wantsPosts: habits.wantsPosts,
    countByStatus() {
      const counts: Partial<Record<SessionStatus, number>> = {};
      for (const { status } of runners.values()) counts[status] = (counts[status] ?? 0) + 1;
      return counts;
    },
  };
}

/** The work of each command with the session that it is for. */
function createCommands(
  { engine, db, secrets }: Pick<SupervisorDeps, 'engine' | 'db' | 'secrets'>,
  habits: Pick<Habits, 'follow' | 'wake'>,
): CommandTable {
  /** The account's id. Throws NOT_CONNECTED. */
  function connected(account: AccountRef): string {
    if (engine.isConnected(account.id)) return account.id;
    throw new AppError('NOT_CONNECTED', `The session ${account.sessionId} is not connected.`, {
      details: { sent: false },
    });
  }

  return {
    open: async (runner) => {
      await runner.open();
      return null;
    },
    restart: async (runner) => {
      await runner.restart();
      return null;
    },
    follow_settings: async (runner) => {
      const row = await readRow(db, runner.account.id);
      if (!row) return null;
      habits.follow([row]);
      habits.wake(runner.account);
      await runner.follow(row.proxy);
      return null;
    },
    logout: (runner) => runner.logout(),
    hand_over: async (runner) => {
      await runner.handOver();
      return null;
    },
    check_numbers: async ({ account }, { phones }) => engine.checkNumbers(connected(account), phones),
    mark_read: async ({ account }, { messages }) => {
      await engine.markRead(connected(account), messages);
      return null;
    },
    media_again: async ({ account }, { id }) => {
      const asked = await readAgainRequest({ db, secrets }, account, id);
      if (asked === null) return { place: null };
      return engine.ask(connected(account), 'media.again', asked);
    },
    list_groups: async ({ account }) => engine.groups(connected(account)),
    ask: async ({ account }, { name, input }) => engine.ask(connected(account), name, input),
    answer_passkey: async ({ account }, { assertion }) => {
      await engine.answerPasskey(account.id, assertion);
      return null;
    },
    confirm_passkey: async ({ account }, { equal }) => {
      await engine.confirmPasskey(account.id, equal);
      return null;
    },
  };
}

async function readQueueDepths(db: RunnerDeps['db'], owner: string): Promise<Map<string, number>> {
  const rows = await db
    .select({ id: messageQueue.accountId, depth: count() })
    .from(messageQueue)
    .innerJoin(whatsappAccounts, eq(whatsappAccounts.id, messageQueue.accountId))
    .where(eq(whatsappAccounts.owner, owner))
    .groupBy(messageQueue.accountId);
  return new Map(rows.map((row) => [row.id, row.depth]));
}

/** While one run is under way, everybody who asks gets that one. */
function singleFlight(work: () => Promise<unknown>): () => Promise<unknown> {
  let running: Promise<unknown> | null = null;
  return () => {
    running ??= work().finally(() => {
      running = null;
    });
    return running;
  };
}
