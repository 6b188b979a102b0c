/** Fields that several kinds of messages take, for every surface. */
import { z } from 'zod';
import { AppError } from '../../../utils/errors.ts';
import type { Rendering } from '../../../whatsapp/content.ts';

/** WhatsApp's clients stop a person at 1,024; longer captions still arrive. */
const MAX_CAPTION = 4_096;
/** Links that clouds sign carry tokens of thousands of characters. */
export const MAX_URL = 8_192;
export const MAX_CHOICES = 10;
const MAX_PAGE_URL = 2_048;

/** A text of one line or a few, without the spaces around it. */
export const line = (max: number) =>
  z.string().trim().min(1, 'must not be empty').max(max, `must have at most ${max} characters`);

/** The address of a page, for people. */
export const WebUrl = z
  .string()
  .trim()
  .max(MAX_PAGE_URL, `must have at most ${MAX_PAGE_URL} characters`)
  .refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text), 'must be an http or https URL');

export const MediaInput = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(MAX_URL, `must have at most ${MAX_URL} characters`)
  .describe('an https URL, a data: URL, the id of an upload, or (as a form) the file itself');

export const CaptionInput = z
  .string()
  .max(MAX_CAPTION, `must have at most ${MAX_CAPTION} characters`)
  .optional();

export const ViewOnceInput = z
  .boolean()
  .optional()
  .describe('may be looked at, or listened to, once. The history keeps its file as it keeps every other');

/** Throws VALIDATION_FAILED when `field` is given (and not false) together with one of `others`. */
export function refuseTogether<T extends object>(
  input: T,
  field: keyof T & string,
  others: readonly (keyof T & string)[],
): void {
  const isGiven = (name: keyof T) => input[name] !== undefined && input[name] !== false && input[name] !== '';
  const other = isGiven(field) ? others.find(isGiven) : undefined;
  if (other === undefined) return;
  const reason = `cannot be given together with ${other}`;
  throw new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, { details: { [field]: reason } });
}

/** The value that comes back when a recipient chooses. */
export const ChoiceId = z.string().min(1, 'must not be empty').max(256, 'must have at most 256 characters');

export const RenderingInput = z
  .enum(['auto', 'native', 'text'])
  .optional()
  .describe(
    '`native`: as WhatsApp buttons, which not every phone shows. `text`: as a numbered text. `auto`: what all show',
  );

/**
 * The rendering that all of the recipient's devices show. WhatsApp's native flow is drawn by phones only, lists not by all
 * of them, and the web client says that the message could not load: until that changes it is the text.
 */
const SHOWN_EVERYWHERE: Rendering = 'text';

/** How buttons or a list are shown: as the request asks, else as the service is set (`standard`). */
export function renderingOf(asked: z.output<typeof RenderingInput>, standard: 'auto' | Rendering): Rendering {
  const mode = asked ?? standard;
  return mode === 'auto' ? SHOWN_EVERYWHERE : mode;
}

export function isDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

/** Without the fields that are missing or empty: the history keeps what is there. */
export function optional<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  return asPartial(Object.fromEntries(there));
}

/** Safe because only keys of T with values of T are left. */
function asPartial<T extends object>(fields: object): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return fields as { [K in keyof T]?: Exclude<T[K], undefined> };
}
