/** A campaign's content for one recipient. */
import { LRUCache } from 'lru-cache';
import type { Content } from '../../whatsapp/content.ts';
import { KINDS } from '../messages/kinds/index.ts';
import {
  type CompiledTemplate,
  compileTemplate,
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
/** Texts of the campaigns that run at the same time. */
const compiled = new LRUCache<string, CompiledTemplate>({ max: 200 });

/** Why a recipient gets nothing: the text is empty for them, or longer than WhatsApp takes. */
export type Unsendable = 'empty_message' | 'message_too_long';

/**
 * Fills placeholders in and chooses alternatives, the same for the same campaign (`seed`) and position at every call;
 * or why there is nothing to send.
 */
export function renderContent(
  content: Content,
  recipient: Recipient,
  seed: string,
): RenderedContent | Unsendable {
  const variants: string[] = [];
  let tooLong = false;
  const fill = (text: string): string => {
    const group = variants.length;
    const rendered = renderTemplate(compile(text), recipient, `${seed}:${recipient.position}:${group}`);
    if (rendered.variant) variants.push(rendered.variant);
    tooLong ||= rendered.tooLong === true;
    return rendered.text;
  };
  const filled = fillContent(content, fill);
  if (tooLong) return 'message_too_long';
  if (filled.type === 'text' && filled.text.trim() === '') return 'empty_message';
  const variant = variants.length === 0 ? null : variants.join(';').slice(0, MAX_VARIANT);
  return { content: filled, variant };
}

function compile(text: string): CompiledTemplate {
  const known = compiled.get(text);
  if (known) return known;
  const made = compileTemplate(text);
  compiled.set(text, made);
  return made;
}

type Fill = (text: string) => string;

function fillContent(content: Content, fill: Fill): Content {
  const fields: Record<string, unknown> = { ...content };
  for (const name of KINDS[content.type].placeholders) {
    const text = fields[name];
    if (typeof text === 'string') fields[name] = fill(text);
  }
  return asContent(fields);
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
