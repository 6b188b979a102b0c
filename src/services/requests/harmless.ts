/** What the logs of API calls may show of requests and answers. */
import { fieldsOf } from '../../utils/own.ts';

/** Fields that are neither a secret nor a code nor the content of a message. The logs of calls hide everything else. */
export const HARMLESS: ReadonlySet<string> = new Set([
  'action',
  'activityDays',
  'all',
  'attempts',
  'attemptsLeft',
  'campaignId',
  'companyName',
  'cron',
  'days',
  'delay',
  'delayBetweenMessages',
  'direction',
  'endUserIp',
  'errorCode',
  'estimatedSendAt',
  'event',
  'events',
  'expiresAt',
  'expiresInSeconds',
  'format',
  'from',
  'graceMinutes',
  'hours',
  'id',
  'importId',
  'isGroup',
  'language',
  'length',
  'limit',
  'listId',
  'log',
  'maxAttempts',
  'messageId',
  'mimetype',
  'number',
  'otpDays',
  'otpId',
  'page',
  'pairing',
  'phone',
  'phoneNumber',
  'priority',
  'ptt',
  'quotedMessageId',
  'role',
  'scheduledAt',
  'session',
  'sessionId',
  'since',
  'size',
  'state',
  'status',
  'templateId',
  'timestamp',
  'timeZone',
  'to',
  'type',
  'until',
  'userId',
]);

/** In addition, of what lies deeper: counts, states and times of our own. */
const HARMLESS_BELOW = new Set([
  'cleared',
  'counted',
  'createdAt',
  'deliveredAt',
  'durationMs',
  'eventId',
  'exists',
  'failedAt',
  'found',
  'hasMore',
  'isProcessing',
  'keyId',
  'lastSeen',
  'nextCursor',
  'pending',
  'percent',
  'queuedAt',
  'readAt',
  'reason',
  'removed',
  'replayed',
  'sendingAt',
  'sentAt',
  'success',
  'totalItems',
  'totalPages',
  'updatedAt',
  'webhookId',
]);

/** Routes, also under `/api`, whose bodies and paths tell of people and their accounts. */
const OF_PEOPLE = /^(?:\/api)?\/(?:auth|user|users|workspace)(?:\/|$)/;

/** Whether calls of the route are shown only to whoever manages people. */
export function isAboutPeople(route: string): boolean {
  return OF_PEOPLE.test(route);
}

/**
 * Objects whose fields are ours. Below any other name they may be a content, or named by whoever calls: then nothing of them
 * is shown.
 */
const OURS = new Set([
  '',
  'accounts',
  'body',
  'campaigns',
  'data',
  'deliveries',
  'devices',
  'failed',
  'health',
  'imports',
  'items',
  'keys',
  'limits',
  'log',
  'messages',
  'numbers',
  'otps',
  'pagination',
  'query',
  'queue',
  'recipients',
  'requests',
  'results',
  'sessions',
  'usage',
  'webhooks',
]);

/** A name that somebody gave a field; anything else is a body that was taken for a form. */
const FIELD_NAME = /^[A-Za-z_][\w.-]{0,63}$/;

const HIDDEN = '[redacted]';
const MAX_DEPTH = 6;
const MAX_FIELDS = 40;
const MAX_ITEMS = 10;
/** Values of one body; what follows is left out. */
const MAX_VALUES = 400;
const MAX_TEXT = 200;
const MAX_BODY = 8_192;

/** Fields of a body under the names that the call knows; a body that was taken for a form is the name of a field. */
export function withKnownNames(
  fields: Readonly<Record<string, unknown>>,
  knows: (name: string) => boolean,
): Readonly<Record<string, unknown>> {
  if (Object.keys(fields).every(knows)) return fields;
  const entries = Object.entries(fields);
  return Object.fromEntries(entries.map(([name, field]) => (knows(name) ? [name, field] : [HIDDEN, HIDDEN])));
}

/**
 * A body as JSON in which only fields that are known to be harmless have values: no secrets, no codes, nothing that a message
 * says, also not as a name or deeper in it. At most 8,192 characters; some microseconds. Null for what is no object.
 */
export function harmlessJson(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const json = harmless(value, '', 0, { values: MAX_VALUES });
  return json.length > MAX_BODY ? `${json.slice(0, MAX_BODY)}…` : json;
}

const HIDDEN_JSON = JSON.stringify(HIDDEN);

/** The JSON of what may be shown of a value. Written at once: a copy to make it of would cost more than all the rest. */
function harmless(value: unknown, name: string, depth: number, left: { values: number }): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object') return leaf(value, name);
  left.values--;
  if (depth >= MAX_DEPTH || left.values < 0) return '"…"';
  if (Array.isArray(value)) return harmlessList(value, name, depth, left);
  return OURS.has(name) ? harmlessFields(value, depth, left) : HIDDEN_JSON;
}

function harmlessList(
  list: readonly unknown[],
  name: string,
  depth: number,
  left: { values: number },
): string {
  const items = list.slice(0, MAX_ITEMS).map((item) => harmless(item, name, depth + 1, left));
  if (list.length > MAX_ITEMS) items.push(`"… ${list.length - MAX_ITEMS} more"`);
  return `[${items.join(',')}]`;
}

function harmlessFields(fields: object, depth: number, left: { values: number }): string {
  let json = '';
  let room = MAX_FIELDS;
  let hidesName = false;
  const given = fieldsOf(fields);
  for (const key of Object.keys(given)) {
    if (room-- === 0) break;
    const field = given[key];
    if (field === undefined) continue;
    if (isFieldName(key)) json += `,"${key}":${harmless(field, key, depth + 1, left)}`;
    else {
      // One stands for all of them, as in any object.
      if (!hidesName) json += `,${HIDDEN_JSON}:${HIDDEN_JSON}`;
      hidesName = true;
    }
  }
  return `{${json.slice(1)}}`;
}

/** Such a name stands in JSON as it is. */
const isFieldName = (key: string): boolean =>
  HARMLESS.has(key) || OURS.has(key) ? key !== '' : FIELD_NAME.test(key);

function leaf(value: unknown, name: string): string {
  if (!HARMLESS.has(name) && !HARMLESS_BELOW.has(name)) return HIDDEN_JSON;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, MAX_TEXT)) : HIDDEN_JSON;
}
