import type { DatabaseUse } from '../measure/database-use.ts';
import type { Profiled } from '../measure/profile.ts';
import { median } from '../measure/quantile.ts';

/** One round of one side: how much work it did, in which time and with how much of its own CPU. */
export interface Round {
  count: number;
  seconds: number;
  cpuMs: number;
  /** what the database did for it */
  database?: DatabaseUse;
}

export interface Summary {
  perSecond: number;
  lowest: number;
  highest: number;
  cpuMsEach: number;
  /** for each of `count`; NaN where it was not measured */
  database: DatabaseUse;
}

/** Slices of one side as one round. */
export function addUp(slices: readonly Round[]): Round {
  const sum = (of: (slice: Round) => number) => slices.reduce((total, slice) => total + of(slice), 0);
  const use = (field: keyof DatabaseUse) => sum(({ database }) => database?.[field] ?? Number.NaN);
  return {
    count: sum(({ count }) => count),
    seconds: sum(({ seconds }) => seconds),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    database: {
      cpuMs: use('cpuMs'),
      statements: use('statements'),
      transactions: use('transactions'),
      lockWaits: use('lockWaits'),
      lockWaitMs: use('lockWaitMs'),
    },
  };
}

export function summarize(rounds: readonly Round[]): Summary {
  const rates = rounds.map(({ count, seconds }) => count / seconds);
  return {
    perSecond: median(rates),
    lowest: Math.min(...rates),
    highest: Math.max(...rates),
    cpuMsEach: median(rounds.map(({ count, cpuMs }) => cpuMs / count)),
    database: {
      cpuMs: databaseMedian(rounds, 'cpuMs'),
      statements: databaseMedian(rounds, 'statements'),
      transactions: databaseMedian(rounds, 'transactions'),
      lockWaits: databaseMedian(rounds, 'lockWaits'),
      lockWaitMs: databaseMedian(rounds, 'lockWaitMs'),
    },
  };
}

function databaseMedian(rounds: readonly Round[], field: keyof DatabaseUse): number {
  return median(rounds.map(({ count, database }) => (database?.[field] ?? Number.NaN) / count));
}

/** The head of `databaseCells`. */
export const DATABASE_HEAD = ['database CPU ms', 'statements', 'transactions'];

/** The database's work for each; empty where it was not measured. */
export function databaseCells({ database }: Summary): string[] {
  const cells = [database.cpuMs, database.statements, database.transactions];
  return cells.map((value) => (Number.isNaN(value) ? '' : value.toFixed(2)));
}

/** Prints a table with a line a row; the first column to the left, the others to the right. */
export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ');
  console.log(`\n${title}`);
  console.log(line(head));
  console.log(line(widths.map((width) => '-'.repeat(width))));
  for (const row of rows) console.log(line(row));
}

/** The cells that describe one side. */
export function cellsOf(summary: Summary): string[] {
  return [
    summary.perSecond.toFixed(0),
    `${summary.lowest.toFixed(0)} to ${summary.highest.toFixed(0)}`,
    summary.cpuMsEach.toFixed(2),
  ];
}

/** `0.83 (goal 0.7)`. */
export function ratio(of: number, to: number, goal: number): string {
  return `${(of / to).toFixed(2)} (goal ${goal})`;
}

/** What the project wants on the database of this run. */
export const goalOn = (goals: { sqlite: number; mysql: number }): number =>
  process.env.DB_TYPE === 'mysql' ? goals.mysql : goals.sqlite;

/** The phases of one unit in the service, and in the bare client where it was profiled, in milliseconds. */
export function printPhases(count: number, service: Profiled | undefined, bare?: Profiled): void {
  if (!service) return;
  for (const what of ['phases', 'owners'] as const) {
    const [ours, theirs] = [service[what], bare?.[what] ?? new Map<string, number>()];
    const each = (ms: number | undefined) => ((ms ?? 0) / count).toFixed(3);
    const rows = [...new Set([...ours.keys(), ...theirs.keys()])]
      .sort((a, b) => (ours.get(b) ?? 0) - (ours.get(a) ?? 0))
      .slice(0, SHOWN_PHASES)
      .map((name) => [name, each(ours.get(name)), each(theirs.get(name))]);
    const total = (all: Map<string, number>) => each([...all.values()].reduce((sum, ms) => sum + ms, 0));
    printTable(
      'Milliseconds each, by phase',
      ['', 'service', 'bare'],
      [['all', total(ours), total(theirs)], ...rows],
    );
  }
}
const SHOWN_PHASES = 60;
