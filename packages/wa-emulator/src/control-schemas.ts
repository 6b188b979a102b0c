import { z } from 'zod';
import { GROUP_ACTS } from './group-acts.ts';
import { INBOUND_KINDS } from './inbound-content.ts';
import { PHONE_ANSWERS } from './media-retry.ts';
import { PASSKEY_FAULTS } from './passkey.ts';
import { PRESENCES } from './people.ts';
import { EVENT_ANSWERS } from './polls.ts';
import { CAPPING_STATUSES } from './standing.ts';

const MAX_DELAY_MS = 600_000;
const MAX_BATCH = 10_000;

const phone = z.string().regex(/^[1-9]\d{4,14}$/, 'E.164 digits without +');
const text = z.string().min(1);
const milliseconds = z.number().int().min(0).max(MAX_DELAY_MS);
const range = z
  .tuple([milliseconds, milliseconds])
  .refine(([low, high]) => low <= high, 'the first must not exceed the second');
const limit = z.coerce.number().int().min(1).max(1_000_000).optional();

const who = { phone, name: text.optional(), label: text.max(100).optional() };

export const ScanBody = z.strictObject({ qr: text, ...who });

export const PairBody = z.strictObject({ code: text, ...who });

const channel = z.string().regex(/^\d{5,25}@newsletter$/, 'the JID of a channel');

export const MessagesQuery = z.strictObject({
  to: z.union([phone, channel], 'E.164 digits without +, or the JID of a channel').optional(),
  from: phone.optional(),
  id: text.optional(),
  group: text.optional(),
  limit,
});

export const StanzasQuery = z.strictObject({ from: phone.optional(), to: text.optional(), limit });

export const InboundQuery = z.strictObject({
  to: phone.optional(),
  from: phone.optional(),
  id: text.optional(),
});

export const ActivityQuery = z.strictObject({
  phone: phone.optional(),
  kind: z.enum(['presence', 'chatstate', 'receipt', 'call']).optional(),
});

const content = {
  kind: z.enum(INBOUND_KINDS).optional(),
  text: z.string().optional(),
  caption: z.string().optional(),
  data: z.base64().optional(),
  mimetype: text.optional(),
  fileName: text.optional(),
  album: text.max(64).optional(),
  latitude: z.number().min(-90).max(90).optional(),
  longitude: z.number().min(-180).max(180).optional(),
  name: z.string().optional(),
  address: z.string().optional(),
  contactPhone: phone.optional(),
  messageId: text.optional(),
  emoji: z.string().optional(),
  buttonId: text.optional(),
  options: z.array(z.string()).max(12).optional(),
  response: z.enum(EVENT_ANSWERS).optional(),
  guests: z.int().min(0).max(1_000).optional(),
  seconds: z.int().min(0).max(31_536_000).optional(),
  payload: z.base64().optional(),
};
const addressed = {
  group: text.optional(),
  via: z.enum(['pn', 'lid']).optional(),
  id: text.optional(),
  garbled: z.boolean().optional(),
};

export const OwnBody = z.strictObject({ phone, to: phone.optional(), ...addressed, ...content });

const Delivery = z.strictObject({
  to: phone,
  from: phone,
  ...addressed,
  ...content,
  pushName: text.optional(),
  count: z.number().int().min(1).max(MAX_BATCH).optional(),
  placeholder: z.string().max(64).optional(),
  attributes: z.record(text, z.string().nullable()).optional(),
});

export const DeliverBody = z.union([
  Delivery,
  z.strictObject({ messages: z.array(Delivery).min(1).max(MAX_BATCH) }),
]);

export const ReadBody = z.strictObject({ id: text, to: phone.optional() });

export const ExpireBody = z.strictObject({ id: text, phone: z.enum(PHONE_ANSWERS).optional() });

export const RuleBody = z.union([
  z.strictObject({ number: z.union([phone, z.literal('*')]), behaviour: text }),
  z.strictObject({ number: phone, passkey: z.boolean(), fault: z.enum(PASSKEY_FAULTS).optional() }),
]);

const seconds = z.number().min(0).max(31_536_000);

export const StandingBody = z.strictObject({
  phone,
  timeLock: z
    .strictObject({ seconds, kind: text.max(64).optional(), hidesEnd: z.boolean().optional() })
    .nullable()
    .optional(),
  cap: z
    .strictObject({
      total: z.number().int().min(0).max(1_000_000),
      used: z.number().int().min(0).max(1_000_000).optional(),
      seconds: seconds.optional(),
      status: z.enum(CAPPING_STATUSES).optional(),
    })
    .nullable()
    .optional(),
  silent: z.boolean().optional(),
});

export const StandingQuery = z.strictObject({ phone });

export const PasskeyKeyQuery = z.strictObject({ phone });
export const PasskeyQuery = z.union([PasskeyKeyQuery, z.strictObject({ label: text })]);

export const SignBody = z.strictObject({
  phone: phone.optional(),
  options: z.looseObject({
    challenge: text,
    rpId: text.optional(),
    allowCredentials: z.array(z.looseObject({ id: text, type: text })).optional(),
  }),
  origin: z.url().optional(),
});

export const HistoryBody = z.strictObject({
  phone,
  chats: z.array(
    z.strictObject({
      phone,
      name: text.optional(),
      token: z.hex().optional(),
      byLid: z.boolean().optional(),
      messages: z.int().min(0).max(10_000).optional(),
    }),
  ),
  inline: z.int().min(0).max(100).optional(),
  files: z.int().min(0).max(100).optional(),
  pushNames: z.record(phone, text).optional(),
});

export const AliasBody = z.strictObject({ alias: phone, phone });

export const IdentityBody = z.strictObject({ to: phone, from: phone });

export const RemoveGroupBody = z.strictObject({ id: text });

const optionalPhone = { phone: phone.optional() };
const code = z.number().int().min(100).max(999);

export const FaultBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('drop'), ...optionalPhone }),
  z.strictObject({ kind: z.literal('close'), ...optionalPhone }),
  z.strictObject({ kind: z.literal('replaced'), ...optionalPhone }),
  z.strictObject({ kind: z.literal('logout'), ...optionalPhone }),
  z.strictObject({ kind: z.literal('stream_error'), code, ...optionalPhone }),
  z.strictObject({
    kind: z.literal('refuse'),
    seconds: z.number().min(0).max(86_400),
    mode: z.enum(['reset', 'silent', 'http503', 'closed']).optional(),
    keepOpen: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('login_failure'),
    code,
    times: z.number().int().min(1).optional(),
    ...optionalPhone,
  }),
  z.strictObject({ kind: z.literal('slow_ack'), ms: milliseconds, ...optionalPhone }),
  z.strictObject({ kind: z.literal('slow_iq'), ms: milliseconds, ...optionalPhone }),
  z.strictObject({ kind: z.literal('media_fail'), times: z.number().int().min(0) }),
  z.strictObject({ kind: z.literal('garbage'), ...optionalPhone }),
  z.strictObject({ kind: z.literal('clear') }),
]);

export const GroupBody = z.strictObject({
  subject: text,
  participants: z.array(phone).min(1).max(1024),
  creator: phone.optional(),
  addressing: z.enum(['pn', 'lid']).optional(),
});

export const GroupActBody = z.strictObject({
  id: text,
  from: phone,
  action: z.enum(GROUP_ACTS),
  participants: z.array(phone).max(1024).optional(),
  text: z.string().optional(),
});

const phones = z.array(phone).max(1024).optional();

export const ChannelBody = z.strictObject({
  name: text,
  owner: phone,
  description: z.string().optional(),
  admins: phones,
  followers: phones,
  verified: z.boolean().optional(),
});

export const RemoveChannelBody = z.strictObject({ id: text });

const business = z.strictObject({
  description: z.string().optional(),
  category: z.string().optional(),
  email: z.string().optional(),
  website: z.string().optional(),
  address: z.string().optional(),
});

export const PersonBody = z.strictObject({
  phone,
  about: z.string().optional(),
  business: business.optional(),
});

export const PresenceBody = z.strictObject({
  from: phone,
  presence: z.enum(PRESENCES),
  lastSeen: z.int().min(0).optional(),
});

export const CallBody = z.strictObject({ to: phone, from: phone, video: z.boolean().optional() });

export const ChatsQuery = z.strictObject({ phone });

export const ChatBody = z.strictObject({
  phone,
  chat: text,
  archived: z.boolean().optional(),
  pinned: z.boolean().optional(),
  mutedUntil: z.int().min(0).optional(),
  read: z.boolean().optional(),
});

export const LabelBody = z.strictObject({
  phone,
  label: text,
  name: text,
  color: z.int().min(0).optional(),
  deleted: z.boolean().optional(),
});

export const AssignLabelBody = z.strictObject({
  phone,
  label: text,
  chat: text,
  messageId: text.optional(),
  labeled: z.boolean().optional(),
});

export const StarBody = z.strictObject({
  phone,
  chat: text,
  id: text,
  fromMe: z.boolean().optional(),
  starred: z.boolean().optional(),
});

export const PictureBody = z.strictObject({ of: text, data: z.base64().nullable() });

export const SettingsBody = z.strictObject({
  receiptDelayMs: range.optional(),
  readDelayMs: range.optional(),
  autoRead: z.boolean().optional(),
});

export const ResetBody = z.strictObject({ devices: z.boolean().optional() });
