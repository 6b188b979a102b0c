/** The tools for the data as users run them: a process of its own. */
import { spawn } from 'node:child_process';
import { PACKED, preparePacked } from './packed.ts';

export interface ToolRun {
  code: number | null;
  /** stdout and stderr as they came */
  output: string;
}

/** Runs `npm run <tool> -- <args>` without npm; resolves when it has ended. `env` is all that it sees. */
export async function runCare(args: readonly string[], env: NodeJS.ProcessEnv): Promise<ToolRun> {
  await preparePacked();
  return startCare(args, env).ended;
}

/** The same after `preparePacked`, to be killed in the middle. */
export function startCare(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [PACKED.cli, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const listeners = new Set<() => void>();
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
    for (const look of listeners) look();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<ToolRun>((resolve) =>
    child.once('close', (code) => {
      resolve({ code, output });
      for (const look of listeners) look();
    }),
  );
  return {
    ended,
    kill: () => child.kill('SIGKILL'),
    /** Resolves when it has printed that, or has ended. */
    says: (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!output.includes(text) && child.exitCode === null && child.signalCode === null) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
      }),
  };
}
