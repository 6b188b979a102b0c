/** Inbound contents, kind by kind, as answers, webhooks and live events show them. */
import { z } from 'zod';
import { EVENT_ANSWERS, type InboundContent } from '../../whatsapp/inbound-content.ts';

const text = z.string();
const jid = z.string().describe('a JID: `…@s.whatsapp.net`, `…@lid` or `…@g.us`');

const InboundMedia = z
  .object({
    state: z.enum(['pending', 'stored', 'failed']),
    mimetype: text,
    size: z.int().nullable().describe('bytes; null when the sender does not say'),
    sha256: text.nullable().describe('hex; null when the sender does not say'),
    id: text.optional().describe('once it is stored: good for `GET /media/:id` and for sends'),
    url: text.optional().describe('once it is stored: opens without a credential for a day'),
    error: text.optional().describe('why it failed: `too_large`, `gone`, `corrupt`, `unavailable`'),
  })
  .meta({ id: 'InboundMedia' });

const Quoted = z
  .object({ messageId: text, fromMe: z.boolean(), author: jid.nullable(), preview: text })
  .meta({ id: 'InboundQuoted' });
const Choice = z.object({ id: text, text }).meta({ id: 'InboundChoice' });
const Price = z
  .object({ amount: z.number(), currency: text.describe('ISO 4217; empty when the sender does not say') })
  .meta({ id: 'InboundPrice' });
const SharedContact = z
  .object({ name: text, phone: text.nullable().describe('E.164 digits'), vcard: text })
  .meta({ id: 'InboundSharedContact' });
const Button = z
  .object({
    text,
    id: text.optional(),
    kind: text.optional(),
    url: text.optional(),
    phone: text.optional(),
    code: text.optional(),
  })
  .meta({ id: 'InboundButton' });
const offer = { title: text.optional(), text, footer: text.optional(), buttons: z.array(Button) };

const Referral = z
  .object({
    sourceType: text.optional(),
    sourceId: text.optional(),
    sourceUrl: text.optional(),
    sourceApp: text.optional(),
    title: text.optional(),
    body: text.optional(),
    mediaUrl: text.optional(),
    thumbnailUrl: text.optional(),
    ctwaClid: text.optional().describe("the click's id at Meta, for its Conversions API"),
    ref: text.optional(),
    conversionSource: text.optional(),
    entryPoint: text.optional(),
    entryPointApp: text.optional(),
  })
  .meta({ id: 'InboundReferral' });

/** Fields that every kind may have. */
const extras = {
  quotedId: text.optional().describe('the message it answers'),
  quoted: Quoted.optional(),
  selected: Choice.optional().describe('a button or row that was tapped'),
  reply: z
    .object({ messageId: text, id: text, text })
    .meta({ id: 'InboundReplyChoice' })
    .optional()
    .describe('what it chose of an earlier message of the session'),
  mentions: z.array(jid).optional(),
  mentionAll: z.boolean().optional().describe('it names everyone in its group'),
  forwarded: z.boolean().optional(),
  forwardingScore: z.int().optional().describe('how often; phones mark it from 5 on'),
  referral: Referral.optional(),
  expiration: z.int().optional().describe('seconds after which it disappears from its chat'),
  viewOnce: z.boolean().optional(),
  album: text.optional().describe('it is one of an album: all of its images and videos name the same'),
};

const captioned = { media: InboundMedia, caption: text.optional() };

function kind<K extends InboundContent['type'], S extends z.ZodRawShape>(type: K, shape: S) {
  const name = type.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
  return z.object({ type: z.literal(type), ...shape, ...extras }).meta({ id: `Inbound${name}` });
}

const KINDS = [
  kind('text', { text }),
  kind('image', captioned),
  kind('video', { ...captioned, note: z.boolean().optional(), gif: z.boolean().optional() }),
  kind('audio', {
    media: InboundMedia,
    ptt: z.boolean().describe('a voice note'),
    seconds: z.number().optional(),
  }),
  kind('document', { ...captioned, filename: text }),
  kind('sticker', { media: InboundMedia, animated: z.boolean() }),
  kind('location', {
    latitude: z.number(),
    longitude: z.number(),
    name: text.optional(),
    address: text.optional(),
    live: z.boolean().optional(),
  }),
  kind('contact', {
    ...SharedContact.shape,
    contacts: z.array(SharedContact).optional().describe('all of them, when there are several'),
    omitted: z.int().optional().describe('how many more there were'),
  }),
  kind('poll', { question: text, options: z.array(text), multiple: z.boolean() }),
  kind('poll_vote', {
    messageId: text,
    options: z.array(text).nullable().describe('null: only the voters can read the vote'),
  }),
  kind('event_response', {
    messageId: text,
    response: z.enum(EVENT_ANSWERS).nullable().describe('null: it cannot be read'),
    guests: z.int().describe('whom they bring along'),
  }),
  kind('pin', { messageId: text, pinned: z.boolean(), seconds: z.int().optional().describe('how long') }),
  kind('reaction', { messageId: text, emoji: text.describe('empty: taken back') }),
  kind('reply', {
    text,
    flow: z
      .object({ name: text, params: z.record(z.string(), z.unknown()) })
      .optional()
      .describe('a form that was filled in'),
  }),
  kind('buttons', offer),
  kind('template', offer),
  kind('interactive', { ...offer, cards: z.array(z.object(offer)).optional() }),
  kind('list', {
    title: text.optional(),
    text,
    footer: text.optional(),
    buttonText: text,
    sections: z.array(
      z.object({
        title: text.optional(),
        rows: z.array(z.object({ id: text, title: text, description: text.optional() })),
      }),
    ),
  }),
  kind('product', {
    productId: text,
    title: text,
    description: text.optional(),
    price: Price.optional(),
    salePrice: Price.optional(),
    retailerId: text.optional(),
    url: text.optional(),
    text: text.optional(),
    footer: text.optional(),
  }),
  kind('order', {
    orderId: text,
    title: text.optional(),
    text: text.optional(),
    items: z.int().describe('how many'),
    total: Price.optional(),
  }),
  kind('event', {
    name: text,
    description: text.optional(),
    startsAt: text.optional().describe('ISO 8601'),
    endsAt: text.optional().describe('ISO 8601'),
    place: text.optional(),
    latitude: z.number().optional().describe('of the place'),
    longitude: z.number().optional(),
    joinLink: text.optional(),
    canceled: z.boolean().optional(),
  }),
  kind('edit', { messageId: text, text: text.describe('as it is now') }),
  kind('delete', { messageId: text }),
  kind('unsupported', { kind: text.describe("WhatsApp's own name of it") }),
  kind('unknown', {
    reason: z.enum(['malformed', 'too_large', 'too_slow', 'unstorable', 'phone_only']),
  }),
  kind('undecryptable', {
    reason: z
      .enum(['keys', 'absent'])
      .describe(
        'it is replaced when it comes again: from its sender (`keys`), or from the own phone (`absent`)',
      ),
  }),
] as const;

/** An inbound content; `type` says which fields it has. */
export const InboundContentOutput = z.discriminatedUnion('type', KINDS).meta({
  id: 'InboundContent',
  discriminator: {
    propertyName: 'type',
    mapping: Object.fromEntries(
      KINDS.map((one) => [one.shape.type.value, `#/components/schemas/${one.meta()?.id}`]),
    ),
  },
});

/** The content of a message in an answer: what came in, or what was sent, of which a secret is never shown. */
export const MessageContentOutput = z.union([
  InboundContentOutput,
  z
    .looseObject({ type: text })
    .meta({ id: 'SentContent' })
    .describe('of an outbound message: the fields that it was sent with'),
  z.null(),
]);

const TIME = '2026-01-01T08:30:00.125Z';
const MEDIA = { state: 'pending', mimetype: 'image/jpeg', size: 48_213, sha256: 'a3f1…' } as const;

/** One of each kind, as documents and the API's description show them. */
export const INBOUND_EXAMPLES: { [K in InboundContent['type']]: Extract<InboundContent, { type: K }> } = {
  text: { type: 'text', text: 'Is it still available?' },
  image: { type: 'image', media: MEDIA, caption: 'This one', forwarded: true, forwardingScore: 1 },
  video: { type: 'video', media: { ...MEDIA, mimetype: 'video/mp4' }, gif: true },
  audio: { type: 'audio', media: { ...MEDIA, mimetype: 'audio/ogg; codecs=opus' }, ptt: true, seconds: 7 },
  document: {
    type: 'document',
    media: { ...MEDIA, mimetype: 'application/pdf' },
    filename: 'invoice.pdf',
    caption: 'Paid',
  },
  sticker: { type: 'sticker', media: { ...MEDIA, mimetype: 'image/webp' }, animated: false },
  location: { type: 'location', latitude: -6.1754, longitude: 106.8272, name: 'Monas' },
  contact: {
    type: 'contact',
    name: 'Siti',
    phone: '6281311112222',
    vcard: 'BEGIN:VCARD\nFN:Siti\nTEL:+62 813-1111-2222\nEND:VCARD',
  },
  poll: { type: 'poll', question: 'When?', options: ['Monday', 'Tuesday'], multiple: false },
  poll_vote: { type: 'poll_vote', messageId: '3EB0A9C1D2E3F4A5B6C7D8', options: ['Monday'] },
  event_response: {
    type: 'event_response',
    messageId: '3EB0A9C1D2E3F4A5B6C7D8',
    response: 'going',
    guests: 1,
  },
  pin: { type: 'pin', messageId: '3EB0A9C1D2E3F4A5B6C7D8', pinned: true, seconds: 604_800 },
  reaction: { type: 'reaction', messageId: '3EB0A9C1D2E3F4A5B6C7D8', emoji: '👍' },
  reply: {
    type: 'reply',
    text: 'Yes',
    quotedId: '3EB0A9C1D2E3F4A5B6C7D8',
    selected: { id: 'yes', text: 'Yes' },
    reply: { messageId: '3EB0A9C1D2E3F4A5B6C7D8', id: 'yes', text: 'Yes' },
  },
  buttons: { type: 'buttons', text: 'Coming?', buttons: [{ id: 'yes', text: 'Yes' }] },
  template: {
    type: 'template',
    text: 'Your parcel is on its way',
    buttons: [{ text: 'Track it', url: 'https://example.com/p/1' }],
  },
  interactive: {
    type: 'interactive',
    text: 'Your voucher',
    buttons: [{ text: 'Copy', kind: 'cta_copy', code: 'TEA10' }],
  },
  list: {
    type: 'list',
    text: 'Choose a day',
    buttonText: 'Days',
    sections: [{ rows: [{ id: 'mon', title: 'Monday' }] }],
  },
  product: {
    type: 'product',
    productId: '7001',
    title: 'Tea',
    price: { amount: 12_500, currency: 'IDR' },
    url: 'https://example.com/tea',
  },
  order: {
    type: 'order',
    orderId: '9001',
    text: 'Please deliver today',
    items: 2,
    total: { amount: 25_000, currency: 'IDR' },
  },
  event: { type: 'event', name: 'Opening', startsAt: TIME, place: 'Bandung' },
  edit: { type: 'edit', messageId: '3EB0A9C1D2E3F4A5B6C7D8', text: 'Is it still there?' },
  delete: { type: 'delete', messageId: '3EB0A9C1D2E3F4A5B6C7D8' },
  unsupported: { type: 'unsupported', kind: 'paymentInviteMessage' },
  unknown: { type: 'unknown', reason: 'malformed' },
  undecryptable: { type: 'undecryptable', reason: 'keys' },
};
