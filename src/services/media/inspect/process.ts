/** A helper process that looks into files. It knows no settings, no database and no network. */
import { serveJobs } from '../../../utils/helper-process.ts';
import { readDetails } from './details.ts';
import { typeOfFile } from './type.ts';

/** What may be asked of it. */
export type InspectJob = { task: 'type'; path: string } | { task: 'details'; path: string; mimetype: string };

serveJobs(async (given) => {
  const job = asJob(given);
  return job.task === 'type' ? typeOfFile(job.path) : readDetails(job.path, job.mimetype);
});

/** Safe because the mediaTools sends nothing else. */
function asJob(job: unknown): InspectJob {
  return job as InspectJob;
}
