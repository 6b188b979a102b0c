/**
 * What was told of chats and labels and is not kept yet: it is kept with the version of its collection, in one transaction, so
 * that a crash in between shows as a version that is behind.
 */
import { AsyncResource } from 'node:async_hooks';
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from '@whiskeysockets/baileys';
import { yieldToEventLoop } from '../../db/event-loop.ts';
import { retry } from '../../utils/backoff.ts';
import {
  APP_STATE_COLLECTIONS,
  type AppStateChange,
  type AppStateCollection,
  type AppStateVersions,
  type LearntAppState,
} from '../app-state.ts';
import type { AppStateDeps } from './app-state.ts';
import { isCollection, VERSION, versionOf } from './app-state-version.ts';
import { countEntries, type Entries, patchesIn } from './few-patches.ts';
import { settingsWritten } from './transactions.ts';

/** What was told and is not kept yet. */
export interface Keeper {
  /**
   * Reads how far everything was kept before this connection, once; as patient as everything that is stored. Never rejects. False
   * when it could not be read: nothing is kept before a later call has done so.
   */
  begin(): Promise<boolean>;
  /** The collections that have to be read: from their beginning, or for the first time. */
  missing(): { behind: AppStateCollection[]; unknown: AppStateCollection[] };
  /** Whether anybody keeps what is told. */
  follows(): boolean;
  /** Baileys has read it in an earlier release or in another program, and nothing of it was kept. */
  isOfEarlierRelease(): boolean;
  sawVersion(name: string, state: unknown): void;
  /** The version that Baileys has read a collection up to; 0 where there is none. */
  reached(name: AppStateCollection): number;
  /** Whether all that was told of a collection is kept. */
  knows(name: AppStateCollection): boolean;
  /** These are about to be asked for. */
  asks(names: readonly AppStateCollection[]): void;
  /** What WhatsApp answers, read by Baileys or not. */
  wasAnswered(stanza: BinaryNode): void;
  /** WhatsApp has answered since `asks` that there is nothing in it, or nothing new. */
  isEmpty(name: AppStateCollection): boolean;
  /** How many entries Baileys keeps of each collection: as it was written last, and with what it was given since. */
  entries: Entries;
  /** The collections of which WhatsApp has refused a change since the last call, because there is something newer. */
  takeConflicts(): AppStateCollection[];
  /** What Baileys has kept of it is not what WhatsApp has: it has to be read from its beginning. */
  lose(name: AppStateCollection): void;
  take(changes: readonly AppStateChange[]): void;
  /** What was taken and is not kept yet, in its order. */
  unkept(): readonly AppStateChange[];
  /** These were read from their beginning, and all that they hold was taken. */
  wasRead(names: readonly AppStateCollection[]): void;
  /** Nothing is kept before the work has ended: all that it brings is kept together. */
  hold(work: () => Promise<void>): Promise<void>;
  /** Resolves when what was taken so far is kept, or when that was given up. */
  kept(): Promise<void>;
}

/** WhatsApp's code for a change that was made without what is newer. */
const CONFLICT = '409';

export function createAppStateKeeper(deps: AppStateDeps): Keeper {
  let learnt: AppStateVersions | null = null;
  let beginning: Promise<boolean> | null = null;
  let isOfEarlierRelease = false;
  /** everything before what this connection sees is kept */
  const whole = new Set<AppStateCollection>();
  /** what this connection sees begins at their beginning */
  const fresh = new Set<AppStateCollection>();
  const seen = new Map<AppStateCollection, number>();
  const reached = new Map<AppStateCollection, number>();
  const entries: Entries = new Map();
  /** Baileys has written a version of them in this connection */
  const touched = new Set<AppStateCollection>();
  /** what WhatsApp has answered since they were asked for: whether there was something in it */
  const answers = new Map<AppStateCollection, boolean>();
  const conflicts = new Set<AppStateCollection>();
  let changes: AppStateChange[] = [];
  let holds = 0;
  let keeping: Promise<void> = Promise.resolve();

  async function readBeginning(): Promise<void> {
    const known = await deps.versions();
    if (known === undefined) return;
    // Where an earlier call has failed on its way, Baileys may have read more since, of which nothing was kept.
    whole.clear();
    fresh.clear();
    for (const name of APP_STATE_COLLECTIONS) {
      // One in a turn of the event loop: a stored version names everything that is in it, and is as long.
      await yieldToEventLoop();
      const stored = await deps.raw.get(VERSION, [name]);
      const version = versionOf(stored[name]);
      // Where an earlier call has failed Baileys goes on, and may have written the next one meanwhile.
      if (!touched.has(name)) {
        reached.set(name, version);
        entries.set(name, countEntries(stored[name]));
      }
      if (version === 0) fresh.add(name);
      if (version === 0 || version === known?.[name]) whole.add(name);
    }
    isOfEarlierRelease = known === null && whole.size < APP_STATE_COLLECTIONS.length;
    learnt = known ?? {};
  }

  const tryToBegin = AsyncResource.bind(async (): Promise<boolean> => {
    try {
      await retry(readBeginning, deps.storing);
      return true;
    } catch (error) {
      beginning = null;
      deps.logger.warn('how far the chats of the phone are known could not be read', {
        accountId: deps.accountId,
        error: String(error),
      });
      return false;
    }
  });

  function begin(): Promise<boolean> {
    beginning ??= tryToBegin();
    return beginning;
  }

  /** What waits to be kept; null: nothing does, or somebody holds it. */
  function waiting(): LearntAppState | null {
    if (learnt === null) changes = [];
    const known = learnt;
    if (known === null || holds > 0) return null;
    const isNew = (name: AppStateCollection, version: number) => fresh.has(name) || known[name] !== version;
    const versions = Object.fromEntries(
      [...seen].filter(([name, version]) => whole.has(name) && isNew(name, version)),
    );
    const all = [...fresh].filter((name) => name in versions);
    if (changes.length === 0 && Object.keys(versions).length === 0) return null;
    const taken = { changes, versions, fresh: all };
    changes = [];
    seen.clear();
    for (const name of all) fresh.delete(name);
    return taken;
  }

  async function keep(): Promise<void> {
    await begin();
    const taken = waiting();
    if (taken === null) return;
    try {
      await retry(() => deps.learn(taken), deps.storing);
      learnt = { ...learnt, ...taken.versions };
    } catch (error) {
      // The versions stay behind: the next connection reads everything again.
      whole.clear();
      fresh.clear();
      deps.logger.warn('what the phone told of its chats could not be kept', {
        accountId: deps.accountId,
        error: String(error),
      });
    }
  }

  function lose(name: AppStateCollection): void {
    whole.delete(name);
    fresh.delete(name);
  }

  const keepSoon = AsyncResource.bind(() => {
    keeping = keeping.then(keep);
  });
  let scheduled = false;
  const keepNow = () => {
    scheduled = false;
    keepSoon();
  };
  /** In the next turn, once: a phone may tell of 20,000 things in one. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(keepNow);
  }

  return {
    begin,
    missing() {
      const known = learnt;
      if (known === null) return { behind: [], unknown: [] };
      const behind = APP_STATE_COLLECTIONS.filter((name) => !whole.has(name));
      const isUnknown = (name: AppStateCollection) =>
        whole.has(name) && known[name] === undefined && !touched.has(name);
      return { behind, unknown: APP_STATE_COLLECTIONS.filter(isUnknown) };
    },
    follows: () => learnt !== null,
    isOfEarlierRelease: () => isOfEarlierRelease,
    reached: (name) => reached.get(name) ?? 0,
    knows: (name) => whole.has(name) && learnt?.[name] !== undefined,
    asks(names) {
      for (const name of names) answers.delete(name);
    },
    wasAnswered(stanza) {
      for (const collection of getBinaryNodeChildren(getBinaryNodeChild(stanza, 'sync'), 'collection')) {
        const { name = '', type } = collection.attrs;
        if (!isCollection(name)) continue;
        if (type !== 'error') answers.set(name, answers.get(name) === true || holdsSomething(collection));
        else if (getBinaryNodeChild(collection, 'error')?.attrs.code === CONFLICT) conflicts.add(name);
      }
    },
    isEmpty: (name) => answers.get(name) === false,
    entries,
    sawVersion(name, state) {
      const version = versionOf(state);
      if (!isCollection(name)) return;
      reached.set(name, version);
      entries.set(name, countEntries(state));
      if (version === 0) return;
      touched.add(name);
      const sees = () => {
        seen.set(name, version);
        keepSoon();
      };
      const lost = () => lose(name);
      // Baileys tells what came with it when the last of it is written, in that turn of the event loop; nothing when it fails.
      const written = settingsWritten() ?? Promise.resolve();
      written.then(() => void setImmediate(sees), lost);
    },
    takeConflicts() {
      const taken = [...conflicts];
      conflicts.clear();
      return taken;
    },
    lose,
    unkept: () => changes,
    take(more) {
      if (more.length === 0) return;
      changes.push(...more);
      schedule();
    },
    wasRead(names) {
      for (const name of names) {
        whole.add(name);
        fresh.add(name);
        // There may be nothing in it.
        if (!seen.has(name)) seen.set(name, reached.get(name) ?? 0);
      }
    },
    async hold(work) {
      holds++;
      try {
        await work();
      } finally {
        holds--;
        schedule();
      }
    },
    async kept() {
      await new Promise<void>((resolve) => setImmediate(resolve));
      await keeping;
    },
  };
}

/** Whether a collection of an answer brings anything. */
function holdsSomething(collection: BinaryNode): boolean {
  return (
    getBinaryNodeChild(collection, 'snapshot') !== undefined ||
    getBinaryNodeChildren(patchesIn(collection), 'patch').length > 0 ||
    collection.attrs.has_more_patches === 'true'
  );
}
