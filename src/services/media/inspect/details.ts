/** What a message tells of its file. Runs in a helper process: nothing here is bounded in time. */
import type { MediaDetails } from '../../../whatsapp/content.ts';
import { readMovie } from './movie.ts';
import { countPages } from './pdf.ts';
import { readPicture } from './picture.ts';
import { readSound } from './sound.ts';

/** As much as the file says; what is damaged says less. */
export async function readDetails(path: string, mimetype: string): Promise<MediaDetails> {
  if (mimetype.startsWith('image/')) return readPicture(path);
  if (mimetype.startsWith('audio/')) return readSound(path, mimetype);
  if (mimetype.startsWith('video/')) return readMovie(path);
  if (mimetype === 'application/pdf') return countPages(path);
  return {};
}
