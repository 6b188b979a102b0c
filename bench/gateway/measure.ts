/** The measurements that a process of a benchmark takes of itself. */
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { quantile } from '../measure/quantile.ts';
import { cpuMs } from './child.ts';

export interface Memory {
  rss: number;
  /** what lives: heap and what hangs on it outside, after a collection */
  live: number;
}

/** Bytes, after everything that can be collected is. */
export async function measureMemory(): Promise<Memory> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  for (let n = 0; n < 3; n++) {
    if (typeof collect === 'function') collect();
    await delay(100);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, live: heapUsed + external };
}

export interface Delays {
  p50: number;
  p99: number;
  max: number;
}

const PERIOD_MS = 10;

/**
 * How late a timer of 10 ms is. `wall`: as it is; `own`: no more of it than this process has computed meanwhile, so
 * without what other processes have taken of the machine.
 */
export function measureDelays(): { stop(): { wall: Delays; own: Delays } } {
  const wall: number[] = [];
  const own: number[] = [];
  let lastMs = performance.now();
  let lastCpuMs = cpuMs();
  let timer = setTimeout(tick, PERIOD_MS);
  function tick(): void {
    const nowMs = performance.now();
    const nowCpuMs = cpuMs();
    const lateMs = Math.max(0, nowMs - lastMs - PERIOD_MS);
    wall.push(lateMs);
    own.push(Math.min(lateMs, nowCpuMs - lastCpuMs));
    [lastMs, lastCpuMs] = [nowMs, nowCpuMs];
    timer = setTimeout(tick, PERIOD_MS);
  }
  return {
    stop() {
      clearTimeout(timer);
      return { wall: spread(wall), own: spread(own) };
    },
  };
}

function spread(values: number[]): Delays {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: quantile(values, 1) };
}
