/** How sessions are shared between processes: pure functions over counts. */

/** A process may exceed its share by this many when no other process takes them: counts are read while they change. */
const SLACK = 2;

/** Sessions that hold a socket, or want one, and the others: each kind is shared for itself. */
export interface Counts {
  active: number;
  idle: number;
}

export interface Orphan {
  id: string;
  active: boolean;
}

export interface Balance {
  /** sessions in the database */
  total: Counts;
  /** those that this process holds */
  mine: Counts;
  /** live processes, this one included */
  processes: number;
}

/**
 * Which of the sessions without an owner this process takes: its even share, and `SLACK` more of those that were
 * there at its last look already (`seenBefore`). Alone it takes all.
 */
export function chooseOrphans(
  orphans: readonly Orphan[],
  balance: Balance,
  seenBefore: ReadonlySet<string>,
): string[] {
  if (balance.processes <= 1) return orphans.map(({ id }) => id);
  const chosen: string[] = [];
  for (const kind of ['active', 'idle'] as const) {
    const all = orphans.filter(({ active }) => active === (kind === 'active'));
    const room = Math.max(0, fairShareOf(balance, kind) - balance.mine[kind]);
    const left = all.slice(room).filter(({ id }) => seenBefore.has(id));
    for (const { id } of [...all.slice(0, room), ...left.slice(0, SLACK)]) chosen.push(id);
  }
  return chosen;
}

/** How many of its sessions with a socket a process should give to the others. */
export function surplusOf(balance: Balance): number {
  return Math.max(0, balance.mine.active - fairShareOf(balance, 'active'));
}

const fairShareOf = ({ total, processes }: Balance, kind: keyof Counts) =>
  Math.ceil(total[kind] / Math.max(1, processes));
