/** The inputs and outputs of the log of API calls. */
import { z } from 'zod';
import { cursorQuery } from '../fields.ts';
import { SessionId } from '../sessions/schemas.ts';

const moment = z.iso.datetime({ offset: true, error: 'must be a time like 2026-01-01T08:30:00Z' });

export const RequestsQuery = z.object({
  ...cursorQuery,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE']).optional(),
  status: z
    .string()
    .regex(/^([1-5]xx|[1-5]\d\d)$/, 'must be like 404 or 4xx')
    .optional()
    .describe('`404`, or `4xx` for all of them'),
  path: z.string().min(1).max(300).optional().describe('a part of the path'),
  keyId: z.string().max(40).optional().describe('calls with this API key'),
  sessionId: SessionId.optional(),
  messageId: z.string().max(64).optional().describe('calls about this message'),
  requestId: z.string().max(64).optional().describe('the `x-request-id` of an answer'),
  since: moment.optional(),
  until: moment.optional(),
});
export type RequestsQuery = z.output<typeof RequestsQuery>;

export const ApiRequestOutput = z
  .object({
    id: z.string(),
    method: z.string(),
    route: z.string().describe('the pattern of the route'),
    path: z.string().describe('as it was called, without its query'),
    status: z.int(),
    durationMs: z.int(),
    errorCode: z.string().nullable(),
    via: z.enum(['jwt', 'api_key', 'cookie', 'signed_link', 'system', 'anonymous']),
    keyId: z.string().nullable(),
    keyName: z.string().nullable().describe('null without a key, and for one that is gone'),
    keyKind: z
      .enum(['personal', 'extra'])
      .nullable()
      .describe('personal: the key that each member has; null as `keyName`'),
    requestId: z.string(),
    sessionId: z.string().nullable(),
    messageId: z.string().nullable().describe('the message that it was about, or made'),
    at: z.iso.datetime(),
  })
  .meta({ id: 'ApiRequest' });
export type ApiRequestOutput = z.infer<typeof ApiRequestOutput>;

const Body = z
  .string()
  .nullable()
  .describe('JSON, at most 8,192 characters; only harmless fields have values, the others are `[redacted]`');

export const ApiRequestDetail = ApiRequestOutput.extend({ request: Body, response: Body }).meta({
  id: 'ApiRequestDetail',
});
export type ApiRequestDetail = z.infer<typeof ApiRequestDetail>;

export const RequestLogSettings = z.object({
  keepBodies: z.boolean().describe('whether requests and answers are kept, without secrets and contents'),
});
export type RequestLogSettings = z.infer<typeof RequestLogSettings>;

export const TimelineEntry = z
  .object({
    at: z.iso.datetime(),
    kind: z.enum(['request', 'step', 'webhook']),
    name: z.string().describe('the call, the step of the message, or the event'),
    id: z.string().nullable().describe('of the call or the delivery'),
    status: z.int().nullable().describe('of the answer'),
    durationMs: z.int().nullable(),
    ok: z.boolean(),
  })
  .meta({ id: 'TimelineEntry' });
export type TimelineEntry = z.infer<typeof TimelineEntry>;
