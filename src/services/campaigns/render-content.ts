/** A campaign's content for one recipient. */
import type { Content } from '../../whatsapp/content.ts';
import { KINDS } from '../messages/kinds/index.ts';
import { firstLink } from '../messages/link-preview.ts';
import {
  type CompiledTemplate,
  compileTemplate,
  foldContact,
  type RenderContact,
  renderTemplate,
} from '../templates/render.ts';

export interface RenderedContent {
  content: Content;
  /** which alternative of each spintax was taken; null without any */
  variant: string | null;
}

type Recipient = RenderContact & { position: number };

/** As campaign_recipients.variant holds. */
const MAX_VARIANT = 190;

/** Why a recipient gets nothing: the text is empty for them, or longer than WhatsApp takes. */
export type Unsendable = 'empty_message' | 'message_too_long';

/**
 * Reads a content once, for many recipients. The function fills placeholders in and chooses alternatives, the same for the same campaign (`seed`) and position at every call;
 * or why there is nothing to send.
 */
export function createRenderer(
  content: Content,
  seed: string,
): (recipient: Recipient) => RenderedContent | Unsendable {
  const templates = new Map<string, CompiledTemplate>();
  const compile = (text: string): CompiledTemplate => {
    const template = templates.get(text) ?? compileTemplate(text);
    templates.set(text, template);
    return template;
  };
  return (recipient) => {
    const contact = foldContact(recipient);
    const variants: string[] = [];
    let tooLong = false;
    const fill = (text: string): string => {
      const group = variants.length;
      const rendered = renderTemplate(compile(text), contact, `${seed}:${recipient.position}:${group}`);
      if (rendered.variant) variants.push(rendered.variant);
      tooLong ||= rendered.tooLong === true;
      return rendered.text;
    };
    const filled = fillContent(content, fill);
    if (tooLong) return 'message_too_long';
    if (filled.type === 'text' && filled.text.trim() === '') return 'empty_message';
    const variant = variants.length === 0 ? null : variants.join(';').slice(0, MAX_VARIANT);
    return { content: filled, variant };
  };
}

type Fill = (text: string) => string;

function fillContent(content: Content, fill: Fill): Content {
  const fields: Record<string, unknown> = { ...content };
  for (const name of KINDS[content.type].placeholders) {
    const text = fields[name];
    if (typeof text === 'string') fields[name] = fill(text);
  }
  return withOwnPreview(asContent(fields));
}

/** Without the preview of a page that the text of this recipient does not link to first. */
function withOwnPreview(content: Content): Content {
  if (content.type !== 'text' || !content.preview || firstLink(content.text) === content.preview.url)
    return content;
  const { preview: _other, ...rest } = content;
  return rest;
}

/** Safe because only texts were replaced by texts. */
function asContent(fields: object): Content {
  return fields as Content;
}

/** Every text of a content that may hold placeholders. */
export function textsOf(content: Content): string[] {
  const texts: string[] = [];
  fillContent(content, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}
