/** Downloads the files of inbound messages, a few at a time and in turns by tenant, until they are there or will never be. */

import type { Readable } from 'node:stream';
import { createLoop, type Loop } from '../db/loop.ts';
import type { Deps } from '../services/context.ts';
import { giveUpMedia, keepInboundMedia } from '../services/inbound/keep-media.ts';
import {
  claimMedia,
  hastenMedia,
  type MediaWork,
  openMediaWork,
  postponeMedia,
  releaseDeadClaims,
  retryDelayMs,
} from '../services/inbound/media-work.ts';
import { spread } from '../utils/backoff.ts';
import { countEach } from '../utils/count-each.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { AppError } from '../utils/errors.ts';
import { createLru } from '../utils/lru.ts';
import { type FetchMedia, MediaFailure, type MediaFailureKind } from '../whatsapp/inbound-media.ts';

/** Downloads at a time in one process: each needs a few buffers, not its file. */
const MAX_RUNNING = 4;
/** A download that takes longer leaves its place to others, as long as fewer than so many others have left theirs. */
const SLOW_MS = 10_000;
const MAX_SLOW = 16;
/** Phones that are asked for a file at a time, which are not among those, and of one tenant. */
const MAX_ASKING = 4;
const MAX_ASKING_PER_TENANT = 1;
/** How long a file waits at most whose phone cannot be asked yet. */
const ASK_LATER_MS = 30_000;
/** Files that are remembered to wait for that; more of them wait for as long as they may. */
const MAX_WAITING = 1_000;
/** For one file: 50 MB at the slowest rate that is still worth it. */
const DOWNLOAD_TIMEOUT_MS = 5 * MINUTE_MS;
/** Longer than the engine waits for the phone. */
const ASK_TIMEOUT_MS = 25_000;
/** How long what another process stored, or what is to be tried again, waits to be noticed. */
const POLL_MS = 2_000;
const RELEASE_EVERY_MS = 30_000;

export interface InboundMediaOptions {
  processId: string;
  fetch: FetchMedia;
  maxRunning?: number;
  pollMs?: number;
}

export interface InboundMediaWorker extends Loop {
  /** There is something new. */
  wake(): void;
}

type WorkerDeps = Pick<
  Deps,
  | 'config'
  | 'clock'
  | 'commands'
  | 'logger'
  | 'database'
  | 'db'
  | 'secrets'
  | 'storage'
  | 'stream'
  | 'mediaTools'
>;

/** The phones that are asked are as many as may be. */
class AskLaterError extends Error {
  override name = 'AskLaterError';
}

/** Makes the worker. `stop` cuts off what is running: it is tried again after the next start. */
export function createInboundMedia(deps: WorkerDeps, options: InboundMediaOptions): InboundMediaWorker {
  const { clock, logger } = deps;
  const { processId, maxRunning = MAX_RUNNING, pollMs = POLL_MS } = options;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  /** By the id of the work, whose it is: downloads, those without a place, and phones that are asked with what they then have. */
  const downloading = new Map<string, number>();
  const slow = new Map<string, number>();
  const asking = new Map<string, number>();
  /** Those whose phone cannot be asked yet, in their order. */
  const waiting = createLru<string, number>({ max: MAX_WAITING });
  let releasedAt = Number.NEGATIVE_INFINITY;

  const loop = createLoop({
    clock,
    logger,
    name: 'the look for files of inbound messages',
    periodMs: pollMs,
    atOnce: true,
    failure: { firstMs: pollMs, maxMs: 5 * pollMs },
    round,
  });

  async function round(): Promise<void> {
    if (clock.monotonic() - releasedAt > RELEASE_EVERY_MS) {
      await releaseDeadClaims(deps, processId);
      releasedAt = clock.monotonic();
    }
    const free = maxRunning - downloading.size;
    if (free <= 0) return;
    for (const work of await claimMedia(deps, processId, free, underWay())) {
      downloading.set(work.id, work.userId);
      waiting.delete(work.id);
      const done = handle(work).finally(() => {
        running.delete(done);
        loop.wake();
      });
      running.add(done);
    }
  }

  /** Of each tenant: slow ones count as well, so that no tenant has more of them than of others. */
  const underWay = () => countEach([...downloading.values(), ...slow.values()]);

  /** The proxy of a tenant may give a byte now and then: others download meanwhile. */
  function leavePlaceWhenSlow({ id, userId }: MediaWork): () => void {
    return clock.setTimer(() => {
      if (slow.size >= MAX_SLOW || !downloading.delete(id)) return;
      slow.set(id, userId);
      loop.wake();
    }, SLOW_MS);
  }

  /** Files whose phone can be asked now are due at once. */
  async function askNext(): Promise<void> {
    const next = [...waiting.rkeys()].find((id) => mayAsk(waiting.peek(id) ?? 0));
    if (next === undefined) return;
    waiting.delete(next);
    await hastenMedia(deps, next);
  }

  /** Never rejects: what could not be written is claimed again when the claim has run out. */
  async function handle(work: MediaWork): Promise<void> {
    const isInTime = leavePlaceWhenSlow(work);
    try {
      await downloadOnce(work).finally(() => {
        isInTime();
        downloading.delete(work.id);
        slow.delete(work.id);
        asking.delete(work.id);
      });
      await askNext();
    } catch (error) {
      logger.warn('the outcome for a file of an inbound message could not be written', {
        error,
        message: work.id,
      });
    }
  }

  async function downloadOnce(work: MediaWork): Promise<void> {
    try {
      const stream = await fetchOrAsk(work);
      await keepInboundMedia(deps, work, stream);
    } catch (error) {
      if (stopping.signal.aborted) return postponeMedia(deps, work, { delayMs: 0, counts: false });
      const waits = error instanceof AskLaterError;
      const kind = kindOf(error);
      const delayMs = waits ? askLaterMs(Math.random()) : retryDelayMs(work.attempts, Math.random());
      const again = kind === null || kind === 'unavailable';
      if (again && clock.now() + delayMs < work.giveUpAt) {
        logger.debug('a file of an inbound message will be tried again', { message: work.id, error });
        await postponeMedia(deps, work, { delayMs, counts: !waits });
        if (waits) waiting.set(work.id, work.userId);
        return;
      }
      logger.info('a file of an inbound message was given up', {
        message: work.id,
        reason: kind ?? 'unavailable',
      });
      await giveUpMedia(deps, work, kind ?? 'unavailable');
    }
  }

  /** What was asked for again and is not at WhatsApp any more is put there by the phone. */
  async function fetchOrAsk(work: MediaWork): Promise<Readable> {
    const { accountId } = work;
    const source = openMediaWork(deps.secrets, work);
    const fetching = {
      accountId,
      maxBytes: deps.config.files.maxMediaBytes,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      signal: stopping.signal,
    };
    try {
      return await options.fetch(source, fetching);
    } catch (error) {
      if (work.mediaId === null || kindOf(error) !== 'gone') throw error;
      leavePlaceToAsk(work);
      const { place } = await deps.commands.run(accountId, 'media_again', { id: work.id }, ASK_TIMEOUT_MS);
      if (place === null) throw error;
      return options.fetch({ ...source, ...place }, fetching);
    }
  }

  const mayAsk = (userId: number) =>
    asking.size < MAX_ASKING && (countEach(asking.values()).get(userId) ?? 0) < MAX_ASKING_PER_TENANT;

  /** A phone may take long: others download meanwhile. Throws AskLaterError. */
  function leavePlaceToAsk({ id, userId }: MediaWork): void {
    if (!mayAsk(userId)) throw new AskLaterError();
    downloading.delete(id);
    slow.delete(id);
    asking.set(id, userId);
    loop.wake();
  }

  return {
    wake: loop.wake,
    start: loop.start,
    async stop() {
      stopping.abort();
      await loop.stop();
      await Promise.all(running);
    },
  };
}

/** With jitter; whole milliseconds. */
const askLaterMs = (random: number) => Math.round(spread(ASK_LATER_MS, random));

/** Null: not the file's fault (storage or database are away), to be tried again. */
function kindOf(error: unknown): MediaFailureKind | null {
  if (error instanceof MediaFailure) return error.kind;
  if (!(error instanceof AppError)) return null;
  if (error.code === 'FILE_TOO_LARGE') return 'too_large';
  return error.code === 'VALIDATION_FAILED' ? 'corrupt' : null;
}
