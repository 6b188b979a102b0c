import { z } from 'zod';
import { findMessageKey } from '../message-key.ts';
import { plainKind } from './kind.ts';

export const reaction = plainKind({
  type: 'reaction',
  summary: 'React to a message',
  fields: {
    messageId: z.string().min(1).max(64).describe('the message it is about, in or out'),
    emoji: z.string().max(64).refine(isOneCharacter, 'must be one emoji, or empty to take a reaction back'),
  },
  placeholders: [],
  words: [],
  inChatOnly: true,
  example: { messageId: '3EB0A1B2C3D4E5F60718293A', emoji: '👍' },
  make: async ({ messageId, emoji }, ctx, { session }) => ({
    type: 'reaction',
    target: await findMessageKey(ctx, session, messageId),
    emoji,
    at: ctx.clock.now(),
  }),
});

/**
 * As a person counts: many emoji are several code points. Looks at the first character only: zod asks also of texts that
 * are too long, and to take 16 MB apart would cost gigabytes.
 */
function isOneCharacter(text: string): boolean {
  const [first] = new Intl.Segmenter().segment(text);
  return first === undefined || first.segment.length === text.length;
}
