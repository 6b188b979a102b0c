import { describe, expect, it } from 'vitest';
import { type Balance, chooseOrphans, surplusOf } from '../../src/cluster/rebalance.ts';

const orphans = (active: number, idle: number) => [
  ...Array.from({ length: active }, (_, n) => ({ id: `a${n}`, active: true })),
  ...Array.from({ length: idle }, (_, n) => ({ id: `i${n}`, active: false })),
];
const shares = (processes: number, total: [number, number], mine: [number, number]): Balance => ({
  processes,
  total: { active: total[0], idle: total[1] },
  mine: { active: mine[0], idle: mine[1] },
});
const NONE = new Set<string>();

describe('the share of a process', () => {
  it('is everything when it is alone', () => {
    expect(chooseOrphans(orphans(3, 2), shares(1, [3, 2], [0, 0]), NONE)).toHaveLength(5);
    expect(surplusOf(shares(1, [3, 2], [3, 2]))).toBe(0);
  });

  it('is even, for sessions with a socket and for the others by themselves', () => {
    const chosen = chooseOrphans(orphans(10, 4), shares(2, [10, 4], [0, 0]), NONE);
    expect(chosen.filter((id) => id.startsWith('a'))).toHaveLength(5);
    expect(chosen.filter((id) => id.startsWith('i'))).toHaveLength(2);
  });

  it('is not exceeded for what was free just now, and by a little for what nobody takes', () => {
    const full = shares(2, [10, 0], [5, 0]);
    expect(chooseOrphans(orphans(5, 0), full, NONE)).toEqual([]);
    expect(chooseOrphans(orphans(5, 0), full, new Set(['a3', 'a4', 'a0']))).toEqual(['a0', 'a3']);
  });

  it('leaves nothing over when all have theirs, whatever the numbers', () => {
    for (let total = 0; total <= 40; total++) {
      for (let processes = 1; processes <= 6; processes++) {
        const sum = processes * Math.ceil(total / processes);
        expect(sum).toBeGreaterThanOrEqual(total);
        const even = shares(processes, [total, 0], [Math.ceil(total / processes), 0]);
        expect(surplusOf(even)).toBe(0);
      }
    }
    expect(surplusOf(shares(2, [50, 9], [50, 9]))).toBe(25);
  });
});
