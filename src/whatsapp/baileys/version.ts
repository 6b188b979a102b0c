/** Which version of WhatsApp Web we say we are. Never on the way to a connection: always the last good one. */

import { DEFAULT_CONNECTION_CONFIG, fetchLatestWaWebVersion, type WAVersion } from '@whiskeysockets/baileys';
import { between, spread } from '../../utils/backoff.ts';
import type { Clock } from '../../utils/clock.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import type { Logger } from '../../utils/logger.ts';

const REFRESH_EVERY_MS = 6 * HOUR_MS;
/** After a refused version: soon, but not in a loop. */
const REFRESH_AFTER_REFUSAL_MS = MINUTE_MS;
/** rc14's own fetch waits 301 s for a server that says nothing. */
const FETCH_TIMEOUT_MS = 10_000;

export interface VersionStore {
  current(): WAVersion;
  /** A session was opened with it: kept over restarts. */
  accepted(version: WAVersion): void;
  /** The server calls it outdated (405): not used again when there is another one. */
  refused(version: WAVersion): void;
  /** Reads what was kept and begins to refresh in the background. */
  start(): Promise<void>;
  /** May be called twice. */
  stop(): void;
}

export interface VersionStoreOptions {
  clock: Clock;
  logger: Logger;
  /** what `save` was last given, or null */
  load: () => Promise<unknown>;
  save: (version: WAVersion) => Promise<void>;
  /** null: never asked (another server than WhatsApp's own) */
  fetchLatest?: ((signal: AbortSignal) => Promise<WAVersion>) | null;
}

export function createVersionStore(options: VersionStoreOptions): VersionStore {
  const { clock, logger, fetchLatest = fetchFromWhatsApp } = options;
  let good: WAVersion = DEFAULT_CONNECTION_CONFIG.version;
  let candidate: WAVersion | null = null;
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let cancelTimer = () => {};
  const stopped = new AbortController();

  function schedule(delayMs: number): void {
    cancelTimer();
    if (stopped.signal.aborted || !fetchLatest) return;
    cancelTimer = clock.setTimer(() => void refresh(), delayMs);
  }

  async function refresh(): Promise<void> {
    if (!fetchLatest) return;
    refreshedAt = clock.monotonic();
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
    try {
      const latest = await fetchLatest(signal);
      if (isVersion(latest) && isNewer(latest, candidate ?? good)) candidate = latest;
    } catch (error) {
      if (!stopped.signal.aborted) logger.debug('the WhatsApp Web version could not be read', { error });
    }
    // So that many processes do not ask at the same moment.
    schedule(spread(REFRESH_EVERY_MS, Math.random(), 0.1));
  }

  return {
    current: () => candidate ?? good,
    accepted(version) {
      if (!isNewer(version, good)) return;
      good = version;
      if (candidate && !isNewer(candidate, good)) candidate = null;
      options.save(version).catch((error) => {
        logger.debug('the WhatsApp Web version could not be kept', { error });
      });
    },
    refused(version) {
      if (candidate && equal(candidate, version)) candidate = null;
      const sinceMs = clock.monotonic() - refreshedAt;
      schedule(Math.max(0, REFRESH_AFTER_REFUSAL_MS - sinceMs));
    },
    async start() {
      try {
        const kept = await options.load();
        if (isVersion(kept) && isNewer(kept, good)) good = kept;
      } catch (error) {
        logger.debug('the kept WhatsApp Web version could not be read', { error });
      }
      schedule(between(0, 10_000, Math.random()));
    },
    stop() {
      stopped.abort();
      cancelTimer();
    },
  };
}

async function fetchFromWhatsApp(signal: AbortSignal): Promise<WAVersion> {
  const { version, isLatest } = await fetchLatestWaWebVersion({ signal });
  if (!isLatest) throw new Error('WhatsApp Web did not tell its version');
  return version;
}

function isVersion(value: unknown): value is WAVersion {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    value.every((part) => Number.isSafeInteger(part) && part >= 0)
  );
}

const equal = (a: WAVersion, b: WAVersion): boolean => a.every((part, i) => part === b[i]);

function isNewer(a: WAVersion, b: WAVersion): boolean {
  const i = a.findIndex((part, at) => part !== b[at]);
  return i >= 0 && (a[i] ?? 0) > (b[i] ?? 0);
}
