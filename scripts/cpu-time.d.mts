export function cpuTimesOf(pid: number | 'self'): { ownMs: number; endedMs: number };
