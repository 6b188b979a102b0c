import { z } from 'zod';
import { ChoiceId, isDistinct, line, MAX_CHOICES, optional, RenderingInput, renderingOf } from './fields.ts';
import { plainKind } from './kind.ts';

const ButtonInput = z.object({ id: ChoiceId, text: line(100) });

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
      .refine((all) => isDistinct(all.map(({ id }) => id)), 'must have different ids'),
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
    buttons: input.buttons,
    rendering: renderingOf(input.rendering, config.interactiveMode),
  }),
});
