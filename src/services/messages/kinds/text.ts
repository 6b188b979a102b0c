import { z } from 'zod';
import type { TextContent } from '../../../whatsapp/content.ts';
import type { Ctx } from '../../context.ts';
import { readPreview } from '../link-preview.ts';
import { TextInput } from '../schemas.ts';
import { plainKind } from './kind.ts';
import { mentionFields, namedIn } from './mentions.ts';

export const text = plainKind({
  type: 'text',
  summary: 'Send a text',
  fields: {
    text: TextInput,
    ...mentionFields,
    linkPreview: z
      .boolean()
      .optional()
      .describe(
        'shows title, description and picture of the first link in the text. The page is fetched once, before the ' +
          'answer, for 5 s at most; what cannot be fetched is left out. Not when missing',
      ),
  },
  placeholders: ['text'],
  words: ['text'],
  example: { text: 'Hello from API!' },
  make: ({ text: words, linkPreview = false, mentions, mentionAll }, ctx) => {
    // Most texts are only that: nothing is waited for.
    if (!linkPreview && mentions === undefined && mentionAll !== true) return { type: 'text', text: words };
    return makeRich(ctx, words, { linkPreview, mentions, mentionAll });
  },
});

/** A text that names people, or shows what a link leads to. */
async function makeRich(
  ctx: Ctx,
  words: string,
  { linkPreview, ...input }: Parameters<typeof namedIn>[0] & { linkPreview: boolean },
): Promise<TextContent> {
  const preview = linkPreview ? await readPreview(ctx, words) : null;
  return {
    type: 'text',
    text: words,
    ...(await namedIn(input, ctx.config.defaultCountry)),
    ...(preview === null ? {} : { preview }),
  };
}
