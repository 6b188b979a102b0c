import { z } from 'zod';
import { isDistinct, line } from './fields.ts';
import { plainKind } from './kind.ts';

export const poll = plainKind({
  type: 'poll',
  summary: 'Send a poll',
  fields: {
    question: line(255),
    options: z
      .array(line(100))
      .min(2, 'must have two options')
      .max(12, 'must have at most 12 options')
      .refine(isDistinct, 'must have different options'),
    multiple: z.boolean().optional().describe('more than one option may be chosen'),
  },
  placeholders: ['question'],
  words: ['question'],
  example: { question: 'When shall we deliver?', options: ['Morning', 'Evening'] },
  make: ({ question, options, multiple = false }) => ({ type: 'poll', question, options, multiple }),
});
