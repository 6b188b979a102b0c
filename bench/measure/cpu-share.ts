import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Short, so that a process that has used up its share waits for some milliseconds only. */
const PERIOD_US = 10_000;

/** The limits of a control group, in version 1 and 2 of the kernel's interface: file and content. */
const LIMITS: readonly { root: string; files: (quotaUs: number) => [string, string][] }[] = [
  {
    root: '/sys/fs/cgroup/cpu',
    files: (quotaUs) => [
      ['cpu.cfs_period_us', String(PERIOD_US)],
      ['cpu.cfs_quota_us', String(quotaUs)],
    ],
  },
  { root: '/sys/fs/cgroup', files: (quotaUs) => [['cpu.max', `${quotaUs} ${PERIOD_US}`]] },
];

/**
 * Gives a process a part of a core (0.3: 3 ms of each 10) and no more, as if it had a slow core of its own: so two
 * processes can be compared with one on a machine whose cores others need too. Linux, as root, where control groups
 * may be made; false elsewhere. The group goes with `freeShare`, after the process has ended.
 */
export function shareCpu(pid: number, share: number): boolean {
  return LIMITS.some(({ root, files }) => {
    const folder = groupOf(root, pid);
    try {
      mkdirSync(folder);
      for (const [name, text] of files(Math.round(share * PERIOD_US)))
        writeFileSync(join(folder, name), text);
      writeFileSync(join(folder, 'cgroup.procs'), String(pid));
      return true;
    } catch {
      remove(folder);
      return false;
    }
  });
}

export function freeShare(pid: number): void {
  for (const { root } of LIMITS) remove(groupOf(root, pid));
}

const groupOf = (root: string, pid: number) => join(root, `wahub-bench-${pid}`);

function remove(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // it was never made
  }
}
