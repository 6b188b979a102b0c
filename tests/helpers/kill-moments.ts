/** Kills processes at random moments, a third each while they start, while they work and while they stop. */
import { setTimeout as pause } from 'node:timers/promises';
import type { SandboxProcess } from './sandbox-process.ts';
import { until } from './until.ts';

export type Moment = 'starting' | 'working' | 'stopping';

export interface Killer {
  /** kills so far, by what the process was doing */
  readonly killed: Readonly<Record<Moment, number>>;
  /** Kills so many times and resolves when all processes work again. */
  kill(times: number): Promise<void>;
}

export interface KillOptions {
  processes: readonly SandboxProcess[];
  random: () => number;
  /** what the service has done so far, of each kind: kills come in the middle of all of them */
  progress: readonly (() => number)[];
  /** called after each kill; throws with what is wrong */
  check(): void;
}

/** Before a process is killed at work it does so much more of one kind, at most. */
const MOST_BETWEEN = 4;
/**
 * The longest wait for it, in the time that a start takes on this machine now: then it is killed all the same. A file is
 * looked at by a process of its own, which takes about as long as a start.
 */
const WITHIN_STARTS = 2;
/** Of a restart that follows a kill. Each may be followed by another one, so that a third of all kills meet a start. */
const DURING_START = 1 / 3;

/** One process of several always works; a process alone is down for as long as it starts. */
export function createKiller({ processes, random, progress, check }: KillOptions): Killer {
  const killed: Record<Moment, number> = { starting: 0, working: 0, stopping: 0 };
  const free = [...processes];
  let left = 0;
  /** How long a start and a stop take on this machine now. */
  let startMs = 1_500;
  let stopMs = 500;

  const note = (moment: Moment, wasRunning: boolean) => {
    if (!wasRunning) return;
    killed[moment]++;
    left--;
    check();
  };

  async function letWork(): Promise<void> {
    const count = progress[Math.floor(random() * progress.length)] ?? (() => 0);
    const enough = count() + Math.floor(random() * MOST_BETWEEN);
    await until(() => count() >= enough, WITHIN_STARTS * startMs).catch(() => undefined);
    await pause(random() * 100);
  }

  async function killWhileStopping(victim: SandboxProcess): Promise<void> {
    const stopped = victim.terminate();
    await pause(random() * stopMs);
    const wasRunning = await victim.kill();
    await stopped;
    stopMs *= wasRunning ? 1.1 : 0.8;
    note('stopping', wasRunning);
  }

  async function killWhileStarting(victim: SandboxProcess): Promise<void> {
    const started = victim.start().catch(() => undefined);
    await pause(random() * startMs);
    // The first one may come before there is a process.
    let wasRunning = await victim.kill();
    await started;
    wasRunning = (await victim.kill()) || wasRunning;
    note('starting', wasRunning);
  }

  async function start(victim: SandboxProcess): Promise<void> {
    const from = performance.now();
    await victim.start();
    startMs = performance.now() - from;
  }

  async function killOne(): Promise<void> {
    const [victim] = free.splice(Math.floor(random() * free.length), 1);
    if (!victim) throw new Error('no process is left to kill');
    await letWork();
    if (random() < 0.5) await killWhileStopping(victim);
    else note('working', await victim.kill());
    while (left > 0 && random() < DURING_START) await killWhileStarting(victim);
    await start(victim);
    free.push(victim);
  }

  return {
    killed,
    async kill(times) {
      left = times;
      const work = async () => {
        while (left > 0) await killOne();
      };
      await Promise.all(Array.from({ length: Math.max(1, processes.length - 1) }, work));
    },
  };
}
