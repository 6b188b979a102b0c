/** Sounds: how long they are, and of Ogg Opus the waveform that a voice note shows. */
import { parseFile } from 'music-metadata';
import type { MediaDetails } from '../../../whatsapp/content.ts';
import { readOpus } from './opus.ts';
import { secondsOf } from './seconds.ts';

export async function readSound(path: string, mimetype: string): Promise<MediaDetails> {
  if (mimetype === 'audio/ogg; codecs=opus') return readOpus(path);
  const { format } = await parseFile(path, { duration: true, skipCovers: true });
  return secondsOf(format.duration);
}
