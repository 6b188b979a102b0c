/** The inputs and outputs of the session verbs, for every surface. */

import { z } from 'zod';
import { DEVICE_PLATFORMS, SESSION_STATUSES } from '../../db/schema.ts';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { MAX_PROXY_URL } from '../../utils/proxy/address.ts';
import { nameOf, tenantQuery } from '../fields.ts';

/** `.` and `..` would be taken for folders by every client that resolves a URL. */
export const SessionId = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must have 1 to 100 of A-Z a-z 0-9 _ . -')
  .refine((value) => value !== '.' && value !== '..', 'must not be a dot or two');

export const ListSessionsQuery = z.object({
  ...tenantQuery,
  page: z.coerce.number().int().min(1).max(100_000).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});
export type ListSessionsQuery = z.output<typeof ListSessionsQuery>;
export const ProxyUrl = z
  .string()
  .max(MAX_PROXY_URL, `must have at most ${MAX_PROXY_URL} characters`)
  .describe('`http://`, `https://` or `socks5://` with `user:password@`, host and port');

export const BrowserInput = z
  .object({
    name: z
      .string()
      .trim()
      .min(1, 'must not be empty')
      .max(50, 'must have at most 50 characters')
      .refine((value) => !/\p{C}/u.test(value), 'must be visible characters')
      .describe('what the phone shows, such as the name of a shop or `Mac OS`'),
    platform: z.enum(DEVICE_PLATFORMS).default('chrome').describe('as which program it is shown'),
  })
  .meta({ id: 'SessionBrowser' });

const proxy = ProxyUrl.describe(
  'its connections, files included, go through this proxy and never past it: `socks5://user:password@host:1080`',
);
const browser = BrowserInput.describe(
  'as what the phone lists it once it is linked; a pairing code takes Mac OS, Windows, Linux or Ubuntu only, else the service’s own is used',
);

export const ChangeSessionInput = z.object({
  label: nameOf(120).nullable().optional().describe('a name for people; null: none'),
  proxy: proxy.nullable().optional(),
  browser: browser.nullable().optional(),
  rejectCalls: z.boolean().optional().describe('every call is rejected as it rings'),
  callText: z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(1_000, 'must have at most 1,000 characters')
    .nullable()
    .optional()
    .describe('what whoever calls is sent then, once an hour; null: nothing'),
  autoRead: z.boolean().optional().describe('what comes in is marked read, and its senders hear of it'),
  receiveStatus: z
    .boolean()
    .optional()
    .describe(
      'status posts (stories) of others are stored and told, as messages of the chat `status@broadcast`',
    ),
  receiveChannels: z
    .boolean()
    .optional()
    .describe(
      'posts of channels that the number follows are stored and told, as messages of the chat `…@newsletter`',
    ),
});
export type ChangeSessionInput = z.output<typeof ChangeSessionInput>;

export const ProxyTestInput = z.object({
  proxy: ProxyUrl.optional().describe('one that is not saved yet; the session’s own when missing'),
});
export type ProxyTestInput = z.output<typeof ProxyTestInput>;

export const ProxyTestOutput = z.object({
  ok: z.boolean(),
  reason: z
    .enum([
      'proxy_unreachable',
      'proxy_unauthorized',
      'proxy_refused',
      'proxy_not_allowed',
      'whatsapp_unreachable',
    ])
    .nullable(),
  message: z.string(),
  latencyMs: z.number().int().describe('until WhatsApp answered, or until it was given up'),
  proxy: z.string().describe('without user and password'),
});
export type ProxyTestOutput = z.output<typeof ProxyTestOutput>;

export const CreateSessionInput = z.object({
  sessionId: SessionId.optional().describe('made when missing; unique among your own sessions'),
  phoneNumber: z
    .string()
    .max(MAX_WRITTEN)
    .optional()
    .describe('the phone that will be linked, in any usual spelling; another one is refused'),
  pairing: z
    .enum(['qr', 'code'])
    .default('qr')
    .describe('`code`: a pairing code to be typed on the phone `phoneNumber`'),
  proxy: proxy.optional(),
  browser: browser.optional(),
});
export type CreateSessionInput = z.input<typeof CreateSessionInput>;

export const CheckPhoneInput = z.object({ phoneNumber: z.string().max(MAX_WRITTEN) });
export const CleanupInput = z.object({
  hours: z.number().min(0).max(87_600).describe('only sessions that ended at least so long ago'),
});

const time = z.iso.datetime().nullable();

/** WhatsApp's restriction of an account that may not start new chats. */
export const RestrictionOutput = z
  .object({
    until: z.iso.datetime().describe('until then only people who know the session are written to'),
    since: z.iso.datetime(),
    kind: z.string().describe("WhatsApp's own name of the kind"),
  })
  .nullable()
  .describe('WhatsApp does not let the account start new chats; null: it does');

export const SessionOutput = z.object({
  sessionId: z.string(),
  phoneNumber: z.string().nullable().describe('the phone that is linked; null before one was'),
  expectedPhone: z.string().nullable().describe('the only phone that may link; null: any'),
  name: z.string().nullable(),
  label: z.string().nullable().describe('what its owner calls it'),
  status: z.enum(SESSION_STATUSES),
  reason: z.string().nullable().describe('why it is not connected, e.g. client_outdated'),
  restriction: RestrictionOutput,
  userId: z.number(),
  lastSeen: time,
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type SessionOutput = z.infer<typeof SessionOutput>;

export const SessionStatusOutput = SessionOutput.extend({
  isConnected: z.boolean(),
  user: z
    .object({ id: z.string(), name: z.string().nullable(), phone: z.string() })
    .nullable()
    .describe('the linked WhatsApp account'),
  connectedAt: time,
  disconnectedAt: time,
  qrGenerated: time.describe('when the latest QR code of a running pairing was made'),
  deviceInfo: z.record(z.string(), z.unknown()).nullable(),
  errorMessage: z.string().nullable(),
  proxy: z
    .object({
      url: z.string().nullable().describe('null: no key opens it, and nothing goes out'),
      hasCredentials: z.boolean(),
    })
    .nullable()
    .describe('the proxy that it goes through, without user and password'),
  browser: BrowserInput.required().nullable().describe('null: as the service’s own'),
  rejectCalls: z.boolean().describe('every call is rejected as it rings'),
  callText: z.string().nullable().describe('what whoever calls is sent then'),
  autoRead: z.boolean().describe('what comes in is marked read by itself'),
  receiveStatus: z.boolean().describe('status posts (stories) of others are stored and told'),
  receiveChannels: z.boolean().describe('posts of channels that the number follows are stored and told'),
  pausedUntil: time.describe(
    'until when a limit, a person, or to new recipients the breaker, holds the queue; null also until it is resumed',
  ),
  pauseReason: z
    .string()
    .nullable()
    .describe('e.g. paused, hour_limit, quiet_hours, breaker_463; null: nothing holds it'),
});
export type SessionStatusOutput = z.infer<typeof SessionStatusOutput>;

export const QrOutput = z.object({
  sessionId: z.string(),
  status: z.enum(SESSION_STATUSES),
  qr: z.string().nullable().describe('what the QR code says'),
  qrCode: z.string().nullable().describe('a data: URL of the PNG'),
  pairingCode: z.string().nullable(),
  expiresAt: time,
});
export type QrOutput = z.infer<typeof QrOutput>;

export const CreatedSessionOutput = z.object({
  sessionId: z.string(),
  status: z.enum(SESSION_STATUSES),
  phoneNumber: z.string().nullable().describe('the phone that is linked, or the one that was asked for'),
  qr: z.string().optional(),
  qrCode: z.string().optional(),
  pairingCode: z.string().optional(),
  qrPageUrl: z.string(),
  qrImageUrl: z.string(),
  eventsUrl: z.string(),
  expiresAt: time,
});
export type CreatedSessionOutput = z.infer<typeof CreatedSessionOutput>;
