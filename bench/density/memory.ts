/** Memory as the slope over the number of sessions: what one more session costs, whatever the process itself needs. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Memory } from '../gateway/measure.ts';
import { printTable, ratio } from '../gateway/table.ts';
import { linkFleet } from './fleet.ts';

const GOAL = 1.15;
/** Answers to what a client asks after its login. */
const REST_MS = 5_000;

type Point = Memory & { sessions: number };

/** Least squares, in bytes for each session. */
function slopeOf(points: readonly Point[], value: (point: Point) => number): number {
  const mean = (list: readonly number[]) => list.reduce((sum, one) => sum + one, 0) / list.length;
  const x = mean(points.map(({ sessions }) => sessions));
  const y = mean(points.map(value));
  const above = points.reduce((sum, point) => sum + (point.sessions - x) * (value(point) - y), 0);
  return above / points.reduce((sum, { sessions }) => sum + (sessions - x) ** 2, 0);
}

export async function benchMemory([most = 200]: readonly number[]): Promise<void> {
  const fleet = await linkFleet(most);
  const steps = [0.25, 0.5, 0.75, 1].map((part) => Math.round(most * part));
  const bare: Point[] = [];
  const keyless: Point[] = [];
  const service: Point[] = [];
  for (const sessions of steps) {
    const one = await fleet.startBare(sessions);
    await delay(REST_MS);
    bare.push({ sessions, ...(await one.bare.calls.memory()) });
    await one.bare.calls.dropKeys();
    keyless.push({ sessions, ...(await one.bare.calls.memory()) });
    await one.bare.stop();
    const other = await fleet.startService(sessions);
    await delay(REST_MS);
    service.push({ sessions, ...(await other.service.service.calls.memory()) });
    await other.service.stop();
  }
  await fleet.stop();
  const kB = (bytes: number) => (bytes / 1_024).toFixed(0);
  const MB = (bytes: number) => (bytes / 1_024 ** 2).toFixed(0);
  const live = (points: readonly Point[]) => slopeOf(points, (point) => point.live);
  const rss = (points: readonly Point[]) => slopeOf(points, (point) => point.rss);
  const row = (name: string, points: readonly Point[]) => [
    name,
    ...points.map((point) => `${MB(point.live)} / ${MB(point.rss)}`),
    kB(live(points)),
    kB(rss(points)),
  ];
  const head = [
    'MB live / RSS at',
    ...steps.map(String),
    'kB live each',
    'kB RSS each',
    'ratio live',
    'ratio RSS',
  ];
  const over = (points: readonly Point[]) => [
    ratio(live(service), live(points), GOAL),
    ratio(rss(service), rss(points), GOAL),
  ];
  printTable(`Memory of connected sessions (${fleet.ground.title})`, head, [
    [...row('bare Baileys, keys in memory', bare), ...over(bare)],
    [...row('bare Baileys without its keys', keyless), ...over(keyless)],
    [...row('the service', service), '', ''],
  ]);
}
