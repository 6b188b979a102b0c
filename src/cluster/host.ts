/** Which process this is, and whether another one of the same machine is still alive. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { sha256Hex } from '../utils/crypto.ts';

export interface ProcessIdentity {
  /** the same for processes that can see each other's pids: host name, boot and pid namespace */
  host: string;
  pid: number;
  /** tells two processes apart that got the same pid; empty where the system does not say */
  pidStartedAt: string;
}

/** Answers for processes of this host. `unknown`: only its heartbeat can tell. */
export type Liveness = 'alive' | 'dead' | 'unknown';

export interface Host {
  identity: ProcessIdentity;
  check(other: ProcessIdentity): Liveness;
}

/**
 * The host as /proc describes it. Without /proc (not Linux) every other process is `unknown`, so that its
 * sessions wait for its lease to run out.
 */
export function readHost(proc = '/proc'): Host {
  const boot = tryRead(() => readFileSync(`${proc}/sys/kernel/random/boot_id`, 'utf8').trim());
  const namespace = tryRead(() => readlinkSync(`${proc}/self/ns/pid`));
  const startedAt = readStartTime(proc, process.pid);
  const seesProcesses = boot !== null && namespace !== null && startedAt !== null;
  const identity: ProcessIdentity = {
    host: `${hostname().slice(0, 120)}/${sha256Hex(`${boot ?? ''}|${namespace ?? ''}`).slice(0, 32)}`,
    pid: process.pid,
    pidStartedAt: startedAt ?? '',
  };
  return {
    identity,
    check(other) {
      if (!seesProcesses || other.host !== identity.host || other.pidStartedAt === '') return 'unknown';
      return readStartTime(proc, other.pid) === other.pidStartedAt ? 'alive' : 'dead';
    },
  };
}

/** Field 22 of /proc/<pid>/stat (proc(5)): clock ticks from boot to the start of the process. Null: no such process. */
function readStartTime(proc: string, pid: number): string | null {
  const stat = tryRead(() => readFileSync(`${proc}/${pid}/stat`, 'utf8'));
  if (stat === null) return null;
  // The second field is the program's name in brackets and may hold blanks and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return startTime === undefined || state === 'Z' || state === 'X' ? null : startTime;
}

function tryRead(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
