/** The content of a campaign: from a client's request to a content with placeholders. */

import { z } from 'zod';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { fitterOf } from '../../utils/fit-input.ts';
import { issueWords } from '../../utils/issue-words.ts';
import { refuseMisspelt } from '../../utils/unknown-names.ts';
import type { Content } from '../../whatsapp/content.ts';
import type { Ctx } from '../context.ts';
import { requireContentType } from '../messages/capability.ts';
import { ALL_KINDS } from '../messages/kinds/index.ts';
import type { Draft, Kind } from '../messages/kinds/kind.ts';
import type { SendingSession } from '../messages/session.ts';
import type { SendCampaignInput } from './schemas.ts';

/** How long a file stays for a campaign that is paused, retried or repeated. */
const KEEP_FILE_MS = 180 * DAY_MS;

/** The part of a request that says what is sent. */
export type ContentInput = Partial<
  Pick<SendCampaignInput, 'message' | 'type' | 'messageType' | 'content' | 'messageContent'>
>;

/** The kinds that a campaign may send, by name; their fields are those of the send of that kind. */
const KINDS: ReadonlyMap<string, { kind: Kind; draft(fields: Record<string, unknown>): Draft }> = new Map(
  ALL_KINDS.filter(({ inChatOnly }) => !inChatOnly).map((kind) => [
    kind.type,
    { kind, draft: draftsOf(kind) },
  ]),
);

/** Throws VALIDATION_FAILED. */
function draftsOf(kind: Kind): (fields: Record<string, unknown>) => Draft {
  const schema = z.object(kind.fields);
  const toFitted = fitterOf(schema, 'json');
  return (fields) => {
    const { value, problems, unknown } = toFitted(fields);
    refuseMisspelt(unknown, ['content']);
    if (problems.length > 0) throw invalidContent(problems);
    const parsed = schema.safeParse(value, { error: issueWords });
    if (parsed.success) return kind.draft(parsed.data);
    throw invalidContent(parsed.error.issues);
  };
}

function invalidContent(problems: readonly { path: readonly PropertyKey[]; message: string }[]): AppError {
  const reasons = problems.map(({ path, message }) => [['content', ...path.map(String)].join('.'), message]);
  return new AppError('VALIDATION_FAILED', 'Not valid: content.', { details: Object.fromEntries(reasons) });
}

/** The names that clients give the file where we name it after the type. */
const FILE_NAMES = ['media', 'file', 'url', 'mediaUrl', 'fileName'];

/** True when the request says anything about what is sent. */
export function saysContent(input: ContentInput): boolean {
  return [input.message, input.type, input.messageType, input.content, input.messageContent].some(
    (field) => field !== undefined,
  );
}

/**
 * The content of a request, validated as a send of that type is, its file fetched and kept. Throws VALIDATION_FAILED,
 * NOT_SUPPORTED and whatever a send of that type throws.
 */
export async function buildContent(
  ctx: Ctx,
  session: SendingSession,
  input: ContentInput,
  startsAt: number,
): Promise<Content> {
  const type = one('type', input.type, input.messageType) ?? 'text';
  const known = KINDS.get(type === 'button' ? 'buttons' : type);
  if (!known) {
    const reason = `must be one of ${[...KINDS.keys()].join(', ')}`;
    throw new AppError('VALIDATION_FAILED', 'Not valid: type.', { details: { type: reason } });
  }
  const draft = known.draft(fieldsOf(input, known.kind));
  requireContentType(ctx, draft.type);
  return draft.make(ctx, { session, neededUntil: startsAt + KEEP_FILE_MS });
}

function fieldsOf(input: ContentInput, { type, hasFile, placeholders }: Kind): Record<string, unknown> {
  const content = one('content', input.content, input.messageContent);
  const fields: Record<string, unknown> = typeof content === 'object' ? { ...content } : {};
  if (hasFile && fields[type] === undefined) {
    const given = FILE_NAMES.find((name) => typeof fields[name] === 'string');
    if (given !== undefined) fields[type] = fields[given];
    else if (typeof content === 'string') fields[type] = content;
  }
  const [main] = placeholders;
  if (main === undefined) return fields;
  const words = input.message ?? (typeof content === 'string' && !hasFile ? content : undefined);
  const inner = fields.message ?? fields.body;
  if (fields[main] === undefined) fields[main] = words ?? inner;
  return fields;
}

/** The same field under two names: both given and different is refused. */
function one<T>(field: string, first: T | undefined, second: T | undefined): T | undefined {
  if (first !== undefined && second !== undefined && JSON.stringify(first) !== JSON.stringify(second)) {
    throw new AppError('VALIDATION_FAILED', `Not valid: ${field}.`, {
      details: { [field]: 'is given under two names, with different values' },
    });
  }
  return first ?? second;
}
