/** A helper process that looks into files. It knows no settings, no database and no network. */

import { parseFile } from 'music-metadata';
import { serveJobs } from '../../../utils/helper-process.ts';
import type { MediaDetails } from '../../../whatsapp/content.ts';
import { readMovie } from './movie.ts';
import { readOpus } from './opus.ts';
import { countPages } from './pdf.ts';
import { readPicture } from './picture.ts';
import { secondsOf } from './seconds.ts';
import { typeOfFile } from './type.ts';

/** The jobs of the process. */
export type InspectJob = { task: 'type'; path: string } | { task: 'details'; path: string; mimetype: string };

serveJobs(async (given) => {
  const job = asJob(given);
  return job.task === 'type' ? typeOfFile(job.path) : readDetails(job.path, job.mimetype);
});

/** Safe because the mediaTools sends nothing else. */
function asJob(job: unknown): InspectJob {
  return job as InspectJob;
}

/** As much as the file says; what is damaged says less. */
async function readDetails(path: string, mimetype: string): Promise<MediaDetails> {
  if (mimetype.startsWith('image/')) return readPicture(path);
  if (mimetype.startsWith('audio/')) return readSound(path, mimetype);
  if (mimetype.startsWith('video/')) return readMovie(path);
  if (mimetype === 'application/pdf') return countPages(path);
  return {};
}

async function readSound(path: string, mimetype: string): Promise<MediaDetails> {
  if (mimetype === 'audio/ogg; codecs=opus') return readOpus(path);
  const { format } = await parseFile(path, { duration: true, skipCovers: true });
  return secondsOf(format.duration);
}
