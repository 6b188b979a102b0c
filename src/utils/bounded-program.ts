/** Programs that read what strangers made: for a bounded time, with bounded memory, and only while somebody waits. */
import { spawn } from 'node:child_process';

/** `missing`: there is no such program. `failed`: it said so itself, or needed more than it may have. */
export type ProgramOutcome = 'done' | 'missing' | 'failed' | 'timeout' | 'aborted';

/** Of address space: ffmpeg takes a tenth of it for sounds. */
const MEMORY_KIB = 1_048_576;
const CPU_SECONDS = 30;
/** The codes that a shell answers when it finds no such program, or may not run it. */
const NOT_FOUND = [126, 127];

/**
 * Runs a program (a path, or a name that is looked up in PATH) and waits for its end. Killed after `timeoutMs`, with
 * `signal`, after 30 s of computing, and when it takes more than 1 GiB (the last two not on Windows).
 */
export function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<ProgramOutcome> {
  if (signal?.aborted) return Promise.resolve('aborted');
  return new Promise((resolve) => {
    // The shell becomes the program: one process, with the limits.
    const limits = `ulimit -v ${MEMORY_KIB}; ulimit -t ${CPU_SECONDS}; exec "$0" "$@"`;
    const child =
      process.platform === 'win32'
        ? spawn(program, args, { stdio: 'ignore' })
        : spawn('/bin/sh', ['-c', limits, program, ...args], { stdio: 'ignore' });
    let why: ProgramOutcome = 'failed';
    const kill = (reason: ProgramOutcome) => {
      why = reason;
      child.kill('SIGKILL');
    };
    const abort = () => kill('aborted');
    const timer = setTimeout(() => kill('timeout'), timeoutMs);
    const end = (outcome: ProgramOutcome) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      resolve(outcome);
    };
    signal?.addEventListener('abort', abort, { once: true });
    child.once('error', () => end('missing'));
    child.once('exit', (code) => {
      if (code === 0) end('done');
      else end(code !== null && NOT_FOUND.includes(code) ? 'missing' : why);
    });
  });
}
