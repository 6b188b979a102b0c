/** What each kind of message takes, for every surface. */

import { z } from 'zod';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';

/** WhatsApp's clients stop a person at 1,024; longer captions still arrive. */
const MAX_CAPTION = 4_096;
/** Links that clouds sign carry tokens of thousands of characters. */
export const MAX_URL = 8_192;
const MAX_CHOICES = 10;
const MAX_ROWS = 50;

const line = (max: number) =>
  z.string().trim().min(1, 'must not be empty').max(max, `must have at most ${max} characters`);
const MediaInput = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(MAX_URL, `must have at most ${MAX_URL} characters`)
  .describe('an https URL, a data: URL, the id of an upload, or (as a form) the file itself');
const CaptionInput = z.string().max(MAX_CAPTION, `must have at most ${MAX_CAPTION} characters`).optional();
const ChoiceId = z.string().min(1, 'must not be empty').max(256, 'must have at most 256 characters');

export const RenderingInput = z
  .enum(['auto', 'native', 'text'])
  .optional()
  .describe(
    '`native`: as WhatsApp buttons, which not every phone shows. `text`: as a numbered text. `auto`: what all show',
  );

const ButtonInput = z.object({ id: ChoiceId, text: line(100) });
const RowInput = z.object({ id: ChoiceId, title: line(100), description: z.string().max(300).optional() });
const SectionInput = z.object({
  title: z.string().trim().max(100).optional(),
  rows: z.array(RowInput).min(1, 'must have a row').max(MAX_ROWS, `must have at most ${MAX_ROWS} rows`),
});

export const ImageFields = { image: MediaInput, caption: CaptionInput };
export const VideoFields = { video: MediaInput, caption: CaptionInput };
export const AudioFields = {
  audio: MediaInput,
  ptt: z
    .boolean()
    .optional()
    .describe('as a voice note: Ogg Opus, or any sound where the service has ffmpeg'),
};
export const DocumentFields = {
  document: MediaInput,
  filename: line(255).optional().describe("what the recipient sees; the file's own name when missing"),
  caption: CaptionInput,
};
export const StickerFields = { sticker: MediaInput.describe('a WebP image, as in `image` of send-image') };

export const LocationFields = {
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: z.string().max(255).optional(),
  address: z.string().max(1_024).optional(),
};

export const ButtonsFields = {
  text: line(4_096),
  footer: z.string().max(255).optional(),
  buttons: z
    .array(ButtonInput)
    .min(1, 'must have a button')
    .max(MAX_CHOICES, `must have at most ${MAX_CHOICES} buttons`)
    .refine((buttons) => isDistinct(buttons.map(({ id }) => id)), 'must have different ids'),
  rendering: RenderingInput,
};

export const ListFields = {
  text: line(4_096),
  title: z.string().trim().max(255).optional(),
  footer: z.string().max(255).optional(),
  buttonText: line(100).describe('opens the list where it is shown as one'),
  sections: z
    .array(SectionInput)
    .min(1, 'must have a section')
    .max(MAX_CHOICES, `must have at most ${MAX_CHOICES} sections`)
    .refine((sections) => rowsOf(sections).length <= MAX_ROWS, `must have at most ${MAX_ROWS} rows`)
    .refine(
      (sections) => isDistinct(rowsOf(sections).map(({ id }) => id)),
      'must have rows of different ids',
    ),
  rendering: RenderingInput,
};

export const ContactFields = {
  name: line(255),
  phoneNumber: z.string().min(1).max(MAX_WRITTEN).describe('of the contact, in any usual spelling'),
};

export const PollFields = {
  question: line(255),
  options: z
    .array(line(100))
    .min(2, 'must have two options')
    .max(12, 'must have at most 12 options')
    .refine(isDistinct, 'must have different options'),
  multiple: z.boolean().optional().describe('more than one option may be chosen'),
};

export const ReactionFields = {
  messageId: z.string().min(1).max(64).describe('the message it is about, in or out'),
  emoji: z.string().max(64).refine(isOneCharacter, 'must be one emoji, or empty to take a reaction back'),
};

type RowInput = z.output<typeof RowInput>;

function rowsOf(sections: readonly { rows: RowInput[] }[]): RowInput[] {
  return sections.flatMap(({ rows }) => rows);
}

function isDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

/**
 * As a person counts: many emoji are several code points. Looks at the first character only: zod asks also of texts that
 * are too long, and to take 16 MB apart would cost gigabytes.
 */
function isOneCharacter(text: string): boolean {
  const [first] = new Intl.Segmenter().segment(text);
  return first === undefined || first.segment.length === text.length;
}
