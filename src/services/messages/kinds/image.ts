import { CaptionInput, MediaInput, optional } from './fields.ts';
import { fileKind } from './kind.ts';

export const image = fileKind({
  type: 'image',
  summary: 'Send an image',
  fields: { image: MediaInput, caption: CaptionInput },
  placeholders: ['caption'],
  words: ['caption'],
  example: { image: 'https://example.com/image.jpg', caption: 'Check this out!' },
  make: ({ caption }, { file }) => ({ type: 'image', media: file, ...optional({ caption }) }),
});
