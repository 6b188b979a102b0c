/** What the OTP API's clients send: names that only this system has. */
import { z } from 'zod';
import {
  AudioFields,
  ButtonsFields,
  DocumentFields,
  ImageFields,
  ListFields,
  LocationFields,
  VideoFields,
} from '../../services/messages/kinds.ts';
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
    ...ImageFields,
    image: ImageFields.image.optional(),
    imageUrl: ImageFields.image.optional(),
  })
  .refine((body) => isGiven(body.image, body.imageUrl), missing('image'));
export const VideoBody = z
  .object({
    ...to,
    ...VideoFields,
    video: VideoFields.video.optional(),
    videoUrl: VideoFields.video.optional(),
  })
  .refine((body) => isGiven(body.video, body.videoUrl), missing('video'));
export const AudioBody = z
  .object({
    ...to,
    ...AudioFields,
    audio: AudioFields.audio.optional(),
    audioUrl: AudioFields.audio.optional(),
  })
  .refine((body) => isGiven(body.audio, body.audioUrl), missing('audio'));
export const DocumentBody = z
  .object({
    ...to,
    ...DocumentFields,
    document: DocumentFields.document.optional(),
    documentUrl: DocumentFields.document.optional(),
    fileName: DocumentFields.filename,
  })
  .refine((body) => isGiven(body.document, body.documentUrl), missing('document'));

export const LocationBody = z.object({
  ...to,
  ...LocationFields,

  locationName: LocationFields.name,
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
    text: ButtonsFields.text,
    footer: ButtonsFields.footer,
    buttons: z.array(OldButton).max(50),
  })
  .transform(({ buttons, ...rest }) => ({ ...rest, buttons: buttons.map(toButton) }))
  .pipe(z.object({ ...to, ...ButtonsFields }));

function toButton(button: z.output<typeof OldButton>, at: number): { id: string; text: string } {
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
    text: ListFields.text,
    title: ListFields.title,
    footer: ListFields.footer,
    buttonText: ListFields.buttonText.optional(),
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
  .pipe(z.object({ ...to, ...ListFields }));

export const GenerateQuery = z.object({
  length: z.coerce.number().int().min(MIN_LENGTH).max(MAX_LENGTH).default(6),
});
