/** The CPU time of processes, as Linux counts it (proc(5)). */
import { readFileSync } from 'node:fs';

/** It counts in hundredths of a second. */
const TICK_MS = 10;

/**
 * What a process has spent until now, in milliseconds of CPU: itself, and the programs that it has started and that have ended.
 * NaN where it cannot be seen.
 * @param {number | 'self'} pid
 * @returns {{ ownMs: number, endedMs: number }}
 */
export function cpuTimesOf(pid) {
  try {
    // The name of the program comes before them; it may hold spaces and brackets.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ');
    const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number);
    return { ownMs: (user + system) * TICK_MS, endedMs: (endedUser + endedSystem) * TICK_MS };
  } catch {
    return { ownMs: Number.NaN, endedMs: Number.NaN };
  }
}
