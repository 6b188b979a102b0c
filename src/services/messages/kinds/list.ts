import { z } from 'zod';
import { ChoiceId, isDistinct, line, MAX_CHOICES, optional, RenderingInput, renderingOf } from './fields.ts';
import { plainKind } from './kind.ts';

const MAX_ROWS = 50;

const RowInput = z.object({ id: ChoiceId, title: line(100), description: z.string().max(300).optional() });
const SectionInput = z.object({
  title: z.string().trim().max(100).optional(),
  rows: z.array(RowInput).min(1, 'must have a row').max(MAX_ROWS, `must have at most ${MAX_ROWS} rows`),
});

const rowsOf = (sections: readonly z.output<typeof SectionInput>[]) => sections.flatMap(({ rows }) => rows);

export const list = plainKind({
  type: 'list',
  summary: 'Send a list to choose from',
  fields: {
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
  },
  placeholders: ['text', 'footer', 'title'],
  words: ['text'],
  example: {
    text: 'What can we do for you?',
    buttonText: 'Menu',
    sections: [{ title: 'Orders', rows: [{ id: 'track', title: 'Track my order' }] }],
  },
  make: (input, { config }) => ({
    type: 'list',
    text: input.text,
    ...optional({ title: input.title, footer: input.footer }),
    buttonText: input.buttonText,
    sections: input.sections.map(({ title, rows }) => ({
      ...optional({ title }),
      rows: rows.map((row) => ({
        id: row.id,
        title: row.title,
        ...optional({ description: row.description }),
      })),
    })),
    rendering: renderingOf(input.rendering, config.interactiveMode),
  }),
});
