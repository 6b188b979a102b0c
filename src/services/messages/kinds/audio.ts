import { z } from 'zod';
import { MediaInput, optional, ViewOnceInput } from './fields.ts';
import { fileKind } from './kind.ts';

export const audio = fileKind({
  type: 'audio',
  summary: 'Send a sound or a voice note',
  fields: {
    audio: MediaInput,
    viewOnce: ViewOnceInput,
    ptt: z
      .boolean()
      .optional()
      .describe('as a voice note: Ogg Opus, or any sound where the service has ffmpeg'),
  },
  placeholders: [],
  words: [],
  example: { audio: 'https://example.com/voice.ogg', ptt: true },
  isVoice: ({ ptt = false }) => ptt,
  make: ({ ptt = false, viewOnce }, { file, details }) => ({
    type: 'audio',
    media: file,
    ptt,
    ...optional({ seconds: details.seconds }),
    ...(viewOnce ? { viewOnce } : {}),
  }),
});
