import { CaptionInput, MediaInput, optional, ViewOnceInput } from './fields.ts';
import { fileKind } from './kind.ts';
import { mentionFields, namedIn } from './mentions.ts';

export const image = fileKind({
  type: 'image',
  summary: 'Send an image',
  fields: { image: MediaInput, caption: CaptionInput, ...mentionFields, viewOnce: ViewOnceInput },
  placeholders: ['caption'],
  words: ['caption'],
  example: { image: 'https://example.com/image.jpg', caption: 'Check this out!' },
  make: async ({ caption, viewOnce, ...input }, { file }, { config }) => ({
    type: 'image',
    media: file,
    ...optional({ caption }),
    ...(await namedIn(input, config.defaultCountry)),
    ...(viewOnce ? { viewOnce } : {}),
  }),
});
