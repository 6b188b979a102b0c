/** Looking into files that strangers made: in processes of their own, for a bounded time, never on this event loop. */

import type { ProgramOutcome } from '../../utils/bounded-program.ts';
import type { Config } from '../../utils/config.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createFairQueue } from '../../utils/fair-queue.ts';
import { createHelperPool, HelperFailure } from '../../utils/helper-process.ts';
import type { Logger } from '../../utils/logger.ts';
import type { MediaDetails } from '../../whatsapp/content.ts';
import type { InspectJob } from './inspect/process.ts';
import { previewMovie } from './movie-preview.ts';
import { convertToVoice } from './voice.ts';

export interface ToolRun {
  /** whose file it is, so that one tenant's files do not delay the others' */
  userId: number;
  signal?: AbortSignal | undefined;
}

export interface MediaTools {
  /** The MIME type by the whole file; null when it says nothing or could not be read in time. */
  typeOf(path: string, run: ToolRun): Promise<string | null>;
  /** Details that a message tells of the file; without those that could not be read in time. */
  detailsOf(path: string, mimetype: string, run: ToolRun): Promise<MediaDetails>;
  /** Makes a voice note of a sound, as a file of its own. */
  toVoice(sound: { input: string; output: string; mimetype: string }, run: ToolRun): Promise<ProgramOutcome>;
  /** Kills what looks into files. May be called twice. */
  close(): void;
}

/** A file of 50 MB that is what it says takes a second on a slow machine. */
const LIMITS = { typeMs: 4_000, detailsMs: 6_000 };
const PROCESSES = 2;
const HEAP_MIB = 256;
const IDLE_MS = MINUTE_MS;
const PROGRAMS = 2;
/** For one tenant; further ones are refused. */
const MAX_PROGRAMS_WAITING = 20;

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './inspect/process.ts' : './inspect/process.js',
  import.meta.url,
);

export interface MediaToolsOptions {
  config: Pick<Config, 'files'>;
  logger: Logger;
  /** how long one file may take */
  limits?: { typeMs: number; detailsMs: number };
}

/** Starts nothing yet: the first file does. */
export function createMediaTools({ config, logger, limits = LIMITS }: MediaToolsOptions): MediaTools {
  const pool = createHelperPool({ entry: ENTRY, concurrency: PROCESSES, heapMiB: HEAP_MIB, idleMs: IDLE_MS });

  const programs = createFairQueue({ concurrency: PROGRAMS, maxWaiting: MAX_PROGRAMS_WAITING });

  async function ask(job: InspectJob, timeoutMs: number, { userId, signal }: ToolRun): Promise<unknown> {
    try {
      return await pool.run(job, { owner: String(userId), timeoutMs, signal });
    } catch (error) {
      if (!(error instanceof HelperFailure)) throw error;
      // A damaged file is an accident; one that takes too long may be an attack.
      const level = error.kind === 'failed' || error.kind === 'aborted' ? 'debug' : 'warn';
      logger[level]('a file could not be looked into', { task: job.task, reason: error.kind, userId });
      return null;
    }
  }

  return {
    async typeOf(path, run) {
      const type = await ask({ task: 'type', path }, limits.typeMs, run);
      return typeof type === 'string' ? type : null;
    },
    async detailsOf(path, mimetype, run) {
      const details = asDetails(
        (await ask({ task: 'details', path, mimetype }, limits.detailsMs, run)) ?? {},
      );
      if (!mimetype.startsWith('video/')) return details;
      const preview = () => previewMovie(config.files.ffmpeg, path, run.signal);
      const thumbnail = await programs.run(String(run.userId), preview);
      return thumbnail === null ? details : { ...details, thumbnail };
    },
    async toVoice(sound, { userId, signal }) {
      const convert = () => convertToVoice(config.files.ffmpeg, sound, signal);
      const outcome = (await programs.run(String(userId), convert)) ?? 'timeout';
      if (outcome !== 'done') logger.debug('a sound could not be converted', { reason: outcome, userId });
      return outcome;
    },
    close: () => pool.close(),
  };
}

/** Safe because the helper process answers with nothing else. */
function asDetails(answer: unknown): MediaDetails {
  return answer as MediaDetails;
}
