import { CaptionInput, MediaInput, optional } from './fields.ts';
import { fileKind } from './kind.ts';

export const video = fileKind({
  type: 'video',
  summary: 'Send a video',
  fields: { video: MediaInput, caption: CaptionInput },
  placeholders: ['caption'],
  words: ['caption'],
  example: { video: 'https://example.com/video.mp4', caption: 'Look' },
  make: ({ caption }, { file }) => ({ type: 'video', media: file, ...optional({ caption }) }),
});
