import { MediaInput } from './fields.ts';
import { fileKind } from './kind.ts';

export const sticker = fileKind({
  type: 'sticker',
  summary: 'Send a sticker (WebP)',
  fields: { sticker: MediaInput.describe('a WebP image, as in `image` of send-image') },
  placeholders: [],
  words: [],
  example: { sticker: 'https://example.com/sticker.webp' },
  make: (_input, { file }) => ({ type: 'sticker', media: file }),
});
