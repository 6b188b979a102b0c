/** Headers that the owner of a webhook wants on every request, such as a token of the receiver. */
import { z } from 'zod';
import type { SecretBox } from '../../utils/crypto.ts';
import { AppError } from '../../utils/errors.ts';

/** More than receivers ask for; together they fit into what any server takes. */
const MAX_HEADERS = 10;
const MAX_NAME = 64;
const MAX_VALUE = 1_000;

/** Ours, those of the connection, and those that open the metadata services of clouds. */
const REFUSED = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'keep-alive',
  'metadata',
  'metadata-flavor',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
]);
const REFUSED_BEGINNINGS = ['proxy-', 'sec-', 'webhook-', 'x-aws-', 'x-forwarded-', 'x-real-', 'x-google-'];

const isRefused = (name: string) =>
  REFUSED.has(name) || REFUSED_BEGINNINGS.some((beginning) => name.startsWith(beginning));

const Name = z
  .string()
  .max(MAX_NAME, `must have at most ${MAX_NAME} characters`)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of a header')
  .refine((name) => !isRefused(name.toLowerCase()), 'is set by the service itself');

const Value = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(MAX_VALUE, `must have at most ${MAX_VALUE} characters`)
  .regex(/^[ -~]+$/, 'must be printable ASCII');

/** Null keeps the value that a header of that name has. */
export const HeadersInput = z
  .record(Name, Value.nullable())
  .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, `must be at most ${MAX_HEADERS} headers`)
  .refine((headers) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    return new Set(names).size === names.length;
  }, 'must name each header once')
  .describe(
    'headers of every request, such as `{"authorization": "Bearer …"}`; values are never shown again',
  );
export type HeadersInput = z.output<typeof HeadersInput>;

/** The context that the headers are sealed with. */
export const sealedHeadersContext = (webhookId: string) => `webhook-headers:${webhookId}`;

/** Null for none. */
export function sealHeaders(
  box: SecretBox,
  webhookId: string,
  headers: Readonly<Record<string, string>>,
): string | null {
  if (Object.keys(headers).length === 0) return null;
  return box.sealText(JSON.stringify(headers), sealedHeadersContext(webhookId));
}

/** By their names as they were given. Throws when the encryption key is another one now. */
export function openHeaders(
  box: SecretBox,
  webhookId: string,
  sealed: string | null,
): Record<string, string> {
  if (sealed === null) return {};
  // Ours: sealed by `sealHeaders`.
  return JSON.parse(box.openText(sealed, sealedHeadersContext(webhookId))) as Record<string, string>;
}

/** What is to be kept after a change: all that are named, with the old value where none was given. Throws VALIDATION_FAILED. */
export function mergeHeaders(
  before: Readonly<Record<string, string>>,
  input: HeadersInput,
): Record<string, string> {
  const known = new Map(Object.entries(before).map(([name, value]) => [name.toLowerCase(), value]));
  return Object.fromEntries(
    Object.entries(input).map(([name, given]) => {
      const value = given ?? known.get(name.toLowerCase());
      if (value !== undefined) return [name, value];
      throw new AppError('VALIDATION_FAILED', 'Not valid: headers.', {
        details: { headers: `${name}: has no value yet` },
      });
    }),
  );
}
