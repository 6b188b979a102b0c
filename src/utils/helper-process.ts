/**
 * Work on bytes of strangers, in processes of their own: what takes too long, eats memory or crashes a native library is
 * killed there, and this process only hears of it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants, setPriority } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createFairQueue } from './fair-queue.ts';

/** Why there is no answer. */
export type HelperFailureKind = 'timeout' | 'crashed' | 'failed' | 'busy' | 'aborted';

export class HelperFailure extends Error {
  readonly kind: HelperFailureKind;

  constructor(kind: HelperFailureKind, message: string) {
    super(message);
    this.name = 'HelperFailure';
    this.kind = kind;
  }
}

export interface HelperOptions {
  /** the module that a helper process runs; it calls `serveJobs` */
  entry: URL;
  /** processes at the same time */
  concurrency: number;
  /** of JavaScript objects, for each process, in MiB */
  heapMiB: number;
  /** a process without work ends after that */
  idleMs: number;
}

export interface HelperRun {
  /** whose work it is: each gets one process at a time, so that none keeps the others waiting */
  owner: string;
  /** from its start to its answer; then its process is killed */
  timeoutMs: number;
  /** ends the wait for its turn, and kills it as well */
  signal?: AbortSignal | undefined;
}

export interface HelperPool {
  /** The answer to a job, as JSON. Rejects with HelperFailure. */
  run(job: unknown, options: HelperRun): Promise<unknown>;
  /** Kills every process. May be called twice. */
  close(): void;
}

/** Jobs of one owner that may wait; further ones are `busy`. */
const MAX_WAITING = 50;

const START_TIMEOUT_MS = 30_000;

/** A pool of helper processes, started when they are needed. */
export function createHelperPool(options: HelperOptions): HelperPool {
  const idle: Helper[] = [];
  const all = new Set<Helper>();
  const turns = createFairQueue({ concurrency: options.concurrency, maxWaiting: MAX_WAITING });

  function take(): Helper {
    const known = idle.pop();
    if (known) return known;
    const started = startHelper(options, (gone) => {
      all.delete(gone);
      const at = idle.indexOf(gone);
      if (at >= 0) idle.splice(at, 1);
    });
    all.add(started);
    return started;
  }

  async function work(job: unknown, { timeoutMs, signal }: HelperRun): Promise<unknown> {
    if (signal?.aborted) throw noLongerWanted();
    const helper = take();
    try {
      const answer = await helper.run(job, timeoutMs, signal);
      idle.push(helper);
      return answer;
    } catch (error) {
      // It has said that the bytes are at fault: it is as good as before, and a second one would be one too many.
      if (isOwnAnswer(error)) idle.push(helper);
      throw error;
    }
  }

  return {
    async run(job, run) {
      const { owner, signal } = run;
      const done = await turns
        .run(owner, async () => ({ answer: await work(job, run) }), signal)
        .catch((error: unknown) => {
          throw signal?.aborted && !(error instanceof HelperFailure) ? noLongerWanted() : error;
        });
      if (done === null) throw new HelperFailure('busy', 'too much of it waits already');
      return done.answer;
    },
    close() {
      for (const helper of all) helper.kill();
    },
  };
}

function noLongerWanted(): HelperFailure {
  return new HelperFailure('aborted', 'no caller waits for it any more');
}

interface Helper {
  run(job: unknown, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown>;
  kill(): void;
}

function startHelper({ entry, heapMiB, idleMs }: HelperOptions, onGone: (helper: Helper) => void): Helper {
  const child = fork(fileURLToPath(entry), [], {
    execArgv: [`--max-old-space-size=${heapMiB}`, ...loaderOf(entry)],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // Nothing of the service's own settings is of use there.
    env: { NODE_ENV: 'production', PATH: process.env.PATH ?? '' },
  });
  beNice(child);
  const started = becomesReady(child);
  let ends: ((failure: HelperFailure) => void) | null = null;
  let rest: NodeJS.Timeout | undefined;
  const helper: Helper = {
    async run(job, timeoutMs, signal) {
      clearTimeout(rest);
      hold(child, true);
      try {
        await started;
        return await ask(child, job, timeoutMs, signal, (fail) => {
          ends = fail;
        });
      } catch (error) {
        // An answer may still come, and would be taken for that of the next job.
        if (!isOwnAnswer(error)) child.kill('SIGKILL');
        throw error;
      } finally {
        ends = null;
        hold(child, false);
        rest = setTimeout(retire, idleMs).unref();
      }
    },
    kill: () => void child.kill('SIGKILL'),
  };
  /** No job may get it while it ends. */
  const retire = () => {
    onGone(helper);
    child.kill('SIGKILL');
  };
  const gone = () => {
    clearTimeout(rest);
    onGone(helper);
    ends?.(new HelperFailure('crashed', 'the process that worked on it has ended'));
  };
  child.once('exit', gone);
  child.once('error', gone);
  return helper;
}

/** The process lives and has told why it could not do the job. */
const isOwnAnswer = (error: unknown) => error instanceof HelperFailure && error.kind === 'failed';

/** Loading its modules is not the job's time. Rejects with HelperFailure. */
function becomesReady(child: ChildProcess): Promise<void> {
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new HelperFailure('timeout', 'the helper process did not start')),
      START_TIMEOUT_MS,
    ).unref();
    const fail = () => {
      clearTimeout(timer);
      reject(new HelperFailure('crashed', 'the helper process did not start'));
    };
    child.once('error', fail);
    child.once('exit', fail);
    child.once('message', () => {
      clearTimeout(timer);
      child.off('exit', fail);
      resolve();
    });
  });
  // Heard by the first job.
  ready.catch(() => undefined);
  return ready;
}

function ask(
  child: ChildProcess,
  job: unknown,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  onFail: (fail: (failure: HelperFailure) => void) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const end = (finish: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      child.off('message', hear);
      finish();
    };
    const fail = (failure: HelperFailure) => end(() => reject(failure));
    const abort = () => fail(new HelperFailure('aborted', 'no caller waits for it any more'));
    const hear = (message: unknown) => {
      const { answer, error } = asReply(message);
      if (error === undefined) end(() => resolve(answer));
      else fail(new HelperFailure('failed', error));
    };
    const timer = setTimeout(() => fail(new HelperFailure('timeout', 'it took too long')), timeoutMs);
    onFail(fail);
    signal?.addEventListener('abort', abort, { once: true });
    child.on('message', hear);
    child.send({ job }, (error) => {
      if (error) fail(new HelperFailure('crashed', error.message));
    });
  });
}

/** A process that is not working must not keep this one alive. */
function hold(child: ChildProcess, working: boolean): void {
  if (working) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}

/** The service itself comes first. Where the system forbids it, it is as important as everything else. */
function beNice(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    setPriority(child.pid, constants.priority.PRIORITY_LOW);
  } catch {
    // Then not.
  }
}

/** The arguments that let Node run TypeScript, where the service itself runs from its sources. */
function loaderOf(entry: URL): string[] {
  if (!entry.pathname.endsWith('.ts')) return [];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}

interface Reply {
  answer?: unknown;
  error?: string;
}

/** Safe because only `serveJobs` writes to this channel. */
function asReply(message: unknown): Reply {
  return message as Reply;
}

/** The other side: answers one job after the other until the parent is gone. */
export function serveJobs(work: (job: unknown) => Promise<unknown>): void {
  process.on('message', (message: { job: unknown }) => {
    work(message.job)
      .then(
        (answer): Reply => ({ answer }),
        (error): Reply => ({ error: String(error instanceof Error ? error.message : error).slice(0, 500) }),
      )
      .then((reply) => process.send?.(reply))
      .catch(() => process.exit(1));
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}
