import { documentName, writtenName } from '../../../utils/file-name.ts';
import { CaptionInput, line, MediaInput, optional } from './fields.ts';
import { fileKind } from './kind.ts';
import { mentionFields, namedIn } from './mentions.ts';

export const document = fileKind({
  type: 'document',
  summary: 'Send a document',
  fields: {
    document: MediaInput,
    filename: line(255).optional().describe("what the recipient sees; the file's own name when missing"),
    caption: CaptionInput,
    ...mentionFields,
  },
  placeholders: ['caption'],
  words: ['caption', 'filename'],
  example: { document: 'https://example.com/file.pdf', filename: 'document.pdf' },
  make: async (input, { file, filename }, { config }) => ({
    type: 'document',
    media: file,
    filename: nameOf(input.filename) ?? documentName(filename, file.mimetype),
    ...optional({ caption: input.caption }),
    ...(await namedIn(input, config.defaultCountry)),
  }),
});

const nameOf = (given: string | undefined) => (given === undefined ? null : writtenName(given) || null);
