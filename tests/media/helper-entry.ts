/** What a helper process of the tests can be asked for. */
import { serveJobs } from '../../src/utils/helper-process.ts';

serveJobs(async (job) => {
  if (job === 'throw') throw new Error('as asked');
  if (job === 'exit') process.exit(3);
  if (job === 'pid') return process.pid;
  if (job === 'environment') return Object.keys(process.env);
  const kept: number[][] = [];
  while (job === 'loop' || job === 'memory') if (job === 'memory') kept.push(new Array(1_000_000).fill(0));
  return job;
});
