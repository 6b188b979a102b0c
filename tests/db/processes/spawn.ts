import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DatabaseOptions } from '../../../src/db/client.ts';

interface Outcome {
  code: number | null;
  output: string;
}

export interface Running {
  child: ChildProcess;
  /** resolves with what it wrote when it ended */
  ended: Promise<Outcome>;
  /** resolves when it wrote `open`; rejects when it ended without */
  opened: Promise<void>;
}

/** Starts one of the programs beside this file in a process of its own. */
export function start(program: 'migrate' | 'hold', options: DatabaseOptions): Running {
  const file = fileURLToPath(new URL(`${program}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<Outcome>((resolve) => child.once('close', (code) => resolve({ code, output })));
  const opened = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('open\n')) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then(() => reject(new Error(output)));
  });
  opened.catch(() => undefined);
  return { child, ended, opened };
}
