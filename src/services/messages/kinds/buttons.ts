import { z } from 'zod';
import { MAX_WRITTEN } from '../../../utils/phone/written.ts';
import { normalizePhone } from '../../../utils/phone.ts';
import type { OfferButton } from '../../../whatsapp/content.ts';
import {
  ChoiceId,
  isDistinct,
  line,
  MAX_CHOICES,
  optional,
  RenderingInput,
  renderingOf,
  WebUrl,
} from './fields.ts';
import { plainKind } from './kind.ts';

const ACTIONS = ['id', 'url', 'phoneNumber', 'code'] as const;

const ButtonInput = z
  .object({
    text: line(100),
    id: ChoiceId.optional().describe('a tap answers with it'),
    url: WebUrl.optional().describe('a tap opens it'),
    phoneNumber: z.string().min(1).max(MAX_WRITTEN).optional().describe('a tap calls it'),
    code: line(256).optional().describe('a tap copies it'),
  })
  .refine(
    (button) => ACTIONS.filter((name) => button[name] !== undefined).length === 1,
    `must have one of ${ACTIONS.join(', ')}`,
  );
type ButtonInput = z.output<typeof ButtonInput>;

function toButton({ text, id, url, phoneNumber, code }: ButtonInput, defaultCountry: string): OfferButton {
  const phone = phoneNumber === undefined ? undefined : normalizePhone(phoneNumber, defaultCountry);
  return { text, ...optional({ id, url, phone, code }) };
}

export const buttons = plainKind({
  type: 'buttons',
  summary: 'Send a text with buttons',
  fields: {
    text: line(4_096),
    footer: z.string().max(255).optional(),
    buttons: z
      .array(ButtonInput)
      .min(1, 'must have a button')
      .max(MAX_CHOICES, `must have at most ${MAX_CHOICES} buttons`)
      .refine((all) => isDistinct(all.flatMap(({ id }) => id ?? [])), 'must have different ids'),
    rendering: RenderingInput,
  },
  placeholders: ['text', 'footer'],
  words: ['text'],
  example: {
    text: 'Is this order right?',
    footer: 'Reply with a number',
    buttons: [
      { id: 'yes', text: 'Yes' },
      { id: 'no', text: 'No' },
    ],
  },
  make: (input, { config }) => ({
    type: 'buttons',
    text: input.text,
    ...optional({ footer: input.footer }),
    buttons: input.buttons.map((button) => toButton(button, config.defaultCountry)),
    rendering: renderingOf(input.rendering, config.interactiveMode),
  }),
});
