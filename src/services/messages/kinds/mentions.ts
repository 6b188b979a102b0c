/** Whom a text or a caption names. */
import { z } from 'zod';
import { AppError } from '../../../utils/errors.ts';
import { isGroupJid } from '../../../whatsapp/jid.ts';
import { readNumbers } from '../../number-lists.ts';
import { toPeer } from '../recipient.ts';
import { RecipientInput } from '../schemas.ts';

/** Members of the largest group. */
const MAX_MENTIONS = 1_024;
const EVERYONE: ReadonlySet<string> = new Set(['all', '@all']);

export const mentionFields = {
  mentions: z
    .array(RecipientInput)
    .max(MAX_MENTIONS, `must have at most ${MAX_MENTIONS} people`)
    .optional()
    .describe(
      'people whom it names: phone numbers in any usual spelling, or LIDs; `@all` is everyone in the group. Phones show ' +
        'the name where the text has `@` and the digits (`@6281234567890`)',
    ),
  mentionAll: z.boolean().optional().describe('it names everyone in the group'),
};

interface MentionInput {
  mentions?: readonly string[] | undefined;
  mentionAll?: boolean | undefined;
}

/** As the content keeps it; the loop turns in between. Rejects with INVALID_NUMBER, or VALIDATION_FAILED for a group. */
export async function namedIn(
  { mentions = [], mentionAll = false }: MentionInput,
  defaultCountry: string,
): Promise<{ mentions?: string[]; mentionAll?: true }> {
  if (mentions.length === 0) return mentionAll ? { mentionAll: true } : {};
  const read = await readNumbers(mentions, (one) =>
    EVERYONE.has(one) ? [] : [personOf(one, defaultCountry)],
  );
  const people = new Set(read.flat());
  const everyone = mentionAll || mentions.some((one) => EVERYONE.has(one));
  return {
    ...(people.size > 0 ? { mentions: [...people] } : {}),
    ...(everyone ? { mentionAll: true } : {}),
  };
}

function personOf(written: string, defaultCountry: string): string {
  const { peer } = toPeer(written, undefined, defaultCountry);
  if (!isGroupJid(peer)) return peer;
  throw new AppError('VALIDATION_FAILED', 'Not valid: mentions.', {
    details: { mentions: 'must be people, not groups' },
  });
}
