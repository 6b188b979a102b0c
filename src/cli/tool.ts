/** The parts that the tools share: which one it is, how they speak, and how their failures read. */

import { isUnavailable } from '../db/ops.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { StorageError } from '../utils/storage/storage.ts';
import { backup } from './backup.ts';
import { doctor } from './doctor.ts';
import { importSession } from './import-session.ts';
import { restore } from './restore.ts';
import { rotateEncryptionKey } from './rotate-encryption-key.ts';

/** Where a tool's lines go. */
export interface Reporter {
  say(line: string): void;
  /** what the person must not miss */
  warn(line: string): void;
  /** how far it is: shown at most once a second, and only the newest */
  progress(line: string): void;
}

/** Resolves when all is done; throws StartError with a sentence for a person. */
export type Tool = (args: readonly string[], reporter: Reporter) => Promise<void>;

const TOOLS: ReadonlyMap<string, Tool> = new Map([
  ['backup', backup],
  ['doctor', doctor],
  ['import-session', importSession],
  ['restore', restore],
  ['rotate-encryption-key', rotateEncryptionKey],
]);

const PROGRESS_EVERY_MS = 1_000;

/** Runs the tool that `args` begins with; the exit code. */
export async function runTool([name = '', ...args]: readonly string[]): Promise<number> {
  const tool = TOOLS.get(name);
  if (!tool) {
    process.stderr.write(`say which: ${[...TOOLS.keys()].join(', ')}\n`);
    return 1;
  }
  // Timers of the service do not keep a process alive, and SQLite has no sockets that would.
  const alive = setInterval(() => undefined, MINUTE_MS);
  try {
    await tool(args, createReporter());
    return 0;
  } catch (error) {
    process.stderr.write(`${name}: ${describe(error)}\n`);
    return 1;
  } finally {
    clearInterval(alive);
  }
}

function createReporter(): Reporter {
  let shownAtMs = performance.now();
  return {
    say: (line) => process.stdout.write(`${line}\n`),
    warn: (line) => process.stderr.write(`WARNING: ${line}\n`),
    progress(line) {
      if (performance.now() - shownAtMs < PROGRESS_EVERY_MS) return;
      shownAtMs = performance.now();
      process.stdout.write(`${line}\n`);
    },
  };
}

const FOR_PEOPLE = new Set(['StartError', 'ConfigError']);

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (FOR_PEOPLE.has(error.name)) return error.message;
  if (error instanceof StorageError) return `the storage of files: ${error.reason}`;
  if (isUnavailable(error)) return `the database does not answer (${rootOf(error).message})`;
  return error.stack ?? error.message;
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}
