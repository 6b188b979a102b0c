/** The parts that all broadcast routes share: two names for every path, and the session in it. */

import { z } from 'zod';
import type { RatePolicy } from '../../middlewares/http-env.ts';
import { nameOf } from '../../services/fields.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { SessionId, Timestamp } from '../schemas.ts';

export const TAG = 'Broadcast';
export const EXAMPLE_ID = '01997c2f5b7a7d3e8a4b6c1d2e3f4a5b';
export const EXAMPLE_NUMBER = '6281234567890';

/** `/session/:sessionId/broadcast/…`, and the older system's `/api/whatsapp/:sessionId/broadcast/…`. */
export function broadcastPath(rest: string): { path: string; aliases: readonly string[] } {
  return {
    path: `/session/:sessionId/broadcast${rest}`,
    aliases: [`/api/whatsapp/:sessionId/broadcast${rest}`],
  };
}

export const ListName = nameOf(120);
export const ListDescription = z.string().trim().max(500, 'must have at most 500 characters');
export const TemplateName = nameOf(120);
export const TemplateBody = z.string().min(1).max(10_000).meta({
  description: '{name}, {number} and every column; {name|Kak} with a default; {{Halo|Hai}} one of them.',
});

/** How far back people who have written are looked for. */
export const MAX_DAYS = 365;

/** Own words of a tenant that opt out. */
export const MAX_WORDS = 50;

/** As the documents say: campaigns of one tenant an hour. */
export const CAMPAIGN_LIMIT: RatePolicy = { name: 'campaigns', max: 10, windowMs: HOUR_MS };
/** Each reads the history of up to a year. */
export const FROM_CHATS_LIMIT: RatePolicy = { name: 'from_chats', max: 10, windowMs: MINUTE_MS };
/** Each reads up to 10,000 contacts. */
export const ESTIMATE_LIMIT: RatePolicy = { name: 'estimates', max: 30, windowMs: MINUTE_MS };
/** As the documents of the older system promise. */
export const UPLOAD_LIMIT: RatePolicy = { name: 'uploads', max: 5, windowMs: MINUTE_MS };

export const id = z.string().min(1).max(64);
export const number = z
  .string()
  .trim()
  .min(1)
  .max(MAX_WRITTEN)
  .meta({ description: 'In any usual spelling.' });
export const sessionParams = { sessionId: SessionId };
export const SessionParams = z.object(sessionParams);
export const ListParams = z.object({ ...sessionParams, listId: id });
export const IdParams = z.object({ ...sessionParams, id });
export const NumberParams = z.object({ ...sessionParams, number });
/** An admin reads another tenant's things with `?userId=`. */
export const ownerQuery = { userId: z.coerce.number().int().min(1).max(2_147_483_647).optional() };

export const List = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    contactCount: z.int(),
    columns: z.array(z.string()).describe('custom fields that its contacts have'),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'BroadcastList' });

export const Contact = z
  .object({
    number: z.string().describe('E.164 digits'),
    phone: z.string(),
    name: z.string().nullable(),
    fields: z.record(z.string(), z.string()),
    optedOut: z.boolean().describe('broadcasts leave it out'),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'BroadcastContact' });
