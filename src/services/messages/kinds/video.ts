import { z } from 'zod';
import { CaptionInput, MediaInput, optional, refuseTogether, ViewOnceInput } from './fields.ts';
import { fileKind } from './kind.ts';
import { mentionFields, namedIn } from './mentions.ts';

export const video = fileKind({
  type: 'video',
  summary: 'Send a video',
  fields: {
    video: MediaInput,
    caption: CaptionInput,
    ...mentionFields,
    viewOnce: ViewOnceInput,
    gifPlayback: z
      .boolean()
      .optional()
      .describe('as a GIF: it plays by itself, again and again, without sound'),
    videoNote: z.boolean().optional().describe('as a round video message, without a caption'),
  },
  placeholders: ['caption'],
  words: ['caption'],
  example: { video: 'https://example.com/video.mp4', caption: 'Look' },
  check(input) {
    refuseTogether(input, 'videoNote', ['caption', 'gifPlayback']);
    refuseTogether(input, 'gifPlayback', ['viewOnce']);
  },
  make: async ({ caption, viewOnce, gifPlayback, videoNote, ...input }, { file }, { config }) => ({
    type: 'video',
    media: file,
    ...optional({ caption }),
    ...(await namedIn(input, config.defaultCountry)),
    ...(viewOnce ? { viewOnce } : {}),
    ...(gifPlayback ? { gif: true } : {}),
    ...(videoNote ? { note: true } : {}),
  }),
});
