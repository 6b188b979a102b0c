/** Field names that only clients of the OTP API send. */
import { z } from 'zod';
import { audio } from '../../services/messages/kinds/audio.ts';
import { buttons } from '../../services/messages/kinds/buttons.ts';
import { document } from '../../services/messages/kinds/document.ts';
import { image } from '../../services/messages/kinds/image.ts';
import { list } from '../../services/messages/kinds/list.ts';
import { location } from '../../services/messages/kinds/location.ts';
import { video } from '../../services/messages/kinds/video.ts';
import { RecipientInput, sendFields, TextInput } from '../../services/messages/schemas.ts';
import { MAX_LENGTH, MIN_LENGTH } from '../../services/otp/codes.ts';
import { SessionId } from '../../services/sessions/index.ts';

export const InSession = z.object({ sessionId: SessionId });
export const OneNumber = z.object({ number: RecipientInput });
const to = { to: sendFields.to };

export const TextBody = z.object({ ...to, message: TextInput });

/** A client that makes its codes itself. */
const OwnCode = z.string().regex(/^[A-Za-z0-9]{4,10}$/, 'must have 4 to 10 letters or digits');

export const OtpBody = z.object({
  ...to,
  companyName: z.string().trim().max(100).optional(),
  otp: OwnCode.optional().describe('a code of your own; one is made when missing'),
  length: z.int().min(MIN_LENGTH).max(MAX_LENGTH).optional(),
  expiryMinutes: z.number().min(1).max(1_440).optional().describe('5 when missing'),
  maxAttempts: z.int().min(1).max(10).optional(),
  template: z.string().min(1).max(1_000).optional().describe('a text with {otp}, {company}, {minutes}'),
  language: z.enum(['id', 'en']).optional(),
  endUserIp: z.union([z.ipv4(), z.ipv6()]).optional(),
});

const isGiven = (...values: unknown[]) => values.some((value) => value !== undefined);
const missing = (field: string) => ({ path: [field], message: 'is required: a file or a URL' });

export const ImageBody = z
  .object({
    ...to,
    ...image.fields,
    image: image.fields.image.optional(),
    imageUrl: image.fields.image.optional(),
  })
  .refine((body) => isGiven(body.image, body.imageUrl), missing('image'));
export const VideoBody = z
  .object({
    ...to,
    ...video.fields,
    video: video.fields.video.optional(),
    videoUrl: video.fields.video.optional(),
  })
  .refine((body) => isGiven(body.video, body.videoUrl), missing('video'));
export const AudioBody = z
  .object({
    ...to,
    ...audio.fields,
    audio: audio.fields.audio.optional(),
    audioUrl: audio.fields.audio.optional(),
  })
  .refine((body) => isGiven(body.audio, body.audioUrl), missing('audio'));
export const DocumentBody = z
  .object({
    ...to,
    ...document.fields,
    document: document.fields.document.optional(),
    documentUrl: document.fields.document.optional(),
    fileName: document.fields.filename,
  })
  .refine((body) => isGiven(body.document, body.documentUrl), missing('document'));

export const LocationBody = z.object({
  ...to,
  ...location.fields,

  locationName: location.fields.name,
});

const Label = z.string().max(100);
const OldButton = z.union([
  Label,
  z.object({
    id: z.string().max(256).optional(),
    buttonId: z.string().max(256).optional(),
    text: Label.optional(),
    displayText: Label.optional(),
    buttonText: z.union([Label, z.object({ displayText: Label })]).optional(),
  }),
]);

export const ButtonBody = z
  .object({
    ...to,
    text: buttons.fields.text,
    footer: buttons.fields.footer,
    buttons: z.array(OldButton).max(50),
  })
  .transform(({ buttons, ...rest }) => ({ ...rest, buttons: buttons.map(toButton) }))
  .pipe(z.object({ ...to, ...buttons.fields }));

type Button = z.input<typeof buttons.fields.buttons>[number];

function toButton(button: z.output<typeof OldButton>, at: number): Button {
  const made = `button-${at + 1}`;
  if (typeof button === 'string') return { id: made, text: button };
  const { buttonText } = button;
  const nested = typeof buttonText === 'object' ? buttonText.displayText : buttonText;
  const text = button.text ?? button.displayText ?? nested ?? '';
  return { id: (button.id ?? button.buttonId) || made, text };
}

const OldRow = z.object({
  id: z.string().max(256).optional(),
  rowId: z.string().max(256).optional(),
  title: Label,
  description: z.string().max(300).optional(),
});
const OldSection = z.object({ title: Label.optional(), rows: z.array(OldRow).max(50) });

export const ListBody = z
  .object({
    ...to,
    text: list.fields.text,
    title: list.fields.title,
    footer: list.fields.footer,
    buttonText: list.fields.buttonText.optional(),
    sections: z.array(OldSection).max(10),
  })
  .transform(({ sections, buttonText = 'Menu', ...rest }) => ({
    ...rest,
    buttonText,
    sections: sections.map(({ rows, ...section }, at) => ({
      ...section,
      rows: rows.map(({ id, rowId, ...row }, index) => ({
        ...row,
        id: (id ?? rowId) || `row-${at + 1}-${index + 1}`,
      })),
    })),
  }))
  .pipe(z.object({ ...to, ...list.fields }));

export const GenerateQuery = z.object({
  length: z.coerce.number().int().min(MIN_LENGTH).max(MAX_LENGTH).default(6),
});
