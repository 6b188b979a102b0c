/**
 * `npm run bench -- density [memory|restart|pace|processes]`: how many sessions a process carries: memory for each
 * and the time until all are connected again, against bare Baileys sessions; the delay of the event loop under 500
 * paced sessions; and what a second process adds (that one needs DB_TYPE=mysql with DB_HOST, DB_PORT, … for a server).
 */
import { loadavg } from 'node:os';
import { benchMemory } from './density/memory.ts';
import { benchPace } from './density/pace.ts';
import { benchProcesses } from './density/processes.ts';
import { benchRestart } from './density/restart.ts';

const parts = { memory: benchMemory, restart: benchRestart, pace: benchPace, processes: benchProcesses };
const [wanted, ...numbers] = process.argv.slice(2);
for (const [name, run] of Object.entries(parts)) {
  if (wanted !== undefined && wanted !== name) continue;
  await run(numbers.map(Number));
  const [minute = 0, five = 0] = loadavg();
  console.log(`load average ${minute.toFixed(1)}, over five minutes ${five.toFixed(1)}`);
}
