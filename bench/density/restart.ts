/** How long after a restart all sessions are connected again. */
import { printTable, ratio } from '../gateway/table.ts';
import { median } from '../measure/quantile.ts';
import { linkFleet } from './fleet.ts';

const GOAL = 1.3;
const ROUNDS = 5;

export async function benchRestart([count = 100]: readonly number[]): Promise<void> {
  const fleet = await linkFleet(count);
  const sides = {
    bare: [] as { ms: number; cpuMs: number }[],
    service: [] as { ms: number; cpuMs: number }[],
  };
  for (let n = 0; n < ROUNDS; n++) {
    const one = await fleet.startBare(count);
    sides.bare.push(one);
    await one.bare.stop();
    const other = await fleet.startService(count);
    sides.service.push(other);
    await other.service.stop();
  }
  await fleet.stop();
  const middle = (side: keyof typeof sides, what: 'ms' | 'cpuMs') =>
    median(sides[side].map((one) => one[what]));
  const cells = (side: keyof typeof sides) => [
    middle(side, 'ms').toFixed(0),
    middle(side, 'cpuMs').toFixed(0),
    (middle(side, 'cpuMs') / count).toFixed(1),
  ];
  const head = ['', 'ms', 'CPU ms', 'CPU ms each', 'ratio', 'CPU ratio'];
  printTable(`${count} sessions connected again, 10 at a time (${fleet.ground.title})`, head, [
    ['bare Baileys, credentials in memory', ...cells('bare'), '', ''],
    [
      'the service, from its start with migrations and leases',
      ...cells('service'),
      ratio(middle('service', 'ms'), middle('bare', 'ms'), GOAL),
      (middle('service', 'cpuMs') / middle('bare', 'cpuMs')).toFixed(2),
    ],
  ]);
}
