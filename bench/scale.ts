/**
 * `npm run bench -- scale [processes|pace] [arguments] --database mysql`: what more processes add on one MariaDB, and a
 * thousand sessions that all send at their full pace. `processes [most] [sessions] [share]`: messages a second and CPU time for
 * each with 1, 2 and 4 processes (8 on request) and so many sessions each, each on a share of a core. `pace [sessions] [minutes] [processes]`: how late messages leave, and
 * whether a limit was missed. What follows from both: docs/sizing.md.
 */
import { benchPace } from './scale/pace.ts';
import { benchProcesses } from './scale/processes.ts';

const parts = { processes: benchProcesses, pace: benchPace };
const [wanted, ...numbers] = process.argv.slice(2);
for (const [name, run] of Object.entries(parts)) {
  if (wanted !== undefined && wanted !== name) continue;
  await run(numbers.map(Number));
}
