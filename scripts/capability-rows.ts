/** What people do in WhatsApp, row by row: whether an engine can, how it is reached, and the test that shows it. */
import type { EventName } from '../src/events/table.ts';
import { CONTENT_TYPES, type ContentType } from '../src/whatsapp/content.ts';
import type { EngineCapabilities } from '../src/whatsapp/engine.ts';

export interface CapabilityRow {
  /** a few words, as people ask for it */
  name: string;
  can(engine: EngineCapabilities): boolean;
  /** `POST /message/send-text` */
  routes?: readonly string[];
  events?: readonly EventName[];
  /** file and title of a test that plays it against the emulator; needed where an engine can */
  test?: readonly [file: string, title: string];
}

const always = () => true;
const never = () => false;
const session = (path: string) => `/session/:sessionId${path}`;

const group = (path: string) => session(`/groups/:group${path}`);
const manages = ({ groupChanges }: EngineCapabilities) => groupChanges;

const GROUP_TESTS = 'tests/e2e/groups.test.ts';
const KINDS = 'tests/e2e/kinds.test.ts';
const PEOPLE = 'tests/e2e/people.test.ts';
const FIRST = 'tests/e2e/first-message.test.ts';
const SESSION = 'tests/http/session-emulator.test.ts';

const TEXTS = ['text', 'image', 'video', 'document'].map((type) => `POST /message/send-${type}`);

const KIND_TESTS: Readonly<Record<ContentType, string>> = {
  text: 'a text arrives as it was written',
  image: 'arrives as an image with its caption, from a data: URL',
  video: 'arrives as a video, from a URL',
  audio: 'arrives as a voice note and as a sound, from an upload',
  document: 'arrives as a document under its name, from a form',
  location: 'a location arrives at its coordinates',
  buttons: 'go as WhatsApp buttons with their ids when that is asked for, and a tap is matched',
  list: 'read well as a text that every phone shows, and the number of one is matched to its id',
  contact: 'a contact arrives as a card that phones can read',
  poll: 'a poll arrives with its options, for one choice or for several',
  sticker: 'arrives as a sticker',
  event: 'an event arrives with its times and its place',
  reaction: 'a reaction names the message it is about, and can be taken back',
};

const LINKING: readonly CapabilityRow[] = [
  {
    name: 'link by a QR code',
    can: always,
    routes: [
      'POST /session/create',
      'GET /session/qr/:sessionId',
      'GET /session/qr-image/:sessionId',
      'GET /session/qr-page/:sessionId',
      'POST /session/restart',
    ],
    events: ['session.status'],
    test: [
      SESSION,
      'is linked by its QR, loses its connection, comes back and survives a restart of the service',
    ],
  },
  {
    name: 'link by a pairing code',
    can: ({ pairingCode }) => pairingCode,
    routes: ['POST /session/create'],
    test: [SESSION, 'is linked by a pairing code'],
  },
  {
    name: 'link with a passkey',
    can: ({ passkey }) => passkey,
    routes: [
      'GET /session/passkey/:sessionId',
      'POST /session/passkey/:sessionId/response',
      'POST /session/passkey/:sessionId/confirm',
    ],
    test: [SESSION, 'is linked after its owner has signed'],
  },
  {
    name: 'take a link along, give it away',
    can: always,
    routes: ['POST /session/import', `GET ${session('/export')}`],
    test: [
      'tests/transfer/export.test.ts',
      'is what another program goes on with, and comes back by an import',
    ],
  },
  {
    name: 'unlink',
    can: always,
    routes: ['POST /session/logout', `DELETE ${session('')}`],
    events: ['session.status'],
    test: [SESSION, 'logs out, and is linked again by another phone'],
  },
  {
    name: 'a proxy of its own',
    can: always,
    routes: [`PUT ${session('')}`, `POST ${session('/proxy/test')}`],
    test: [
      'tests/e2e/proxy.test.ts',
      'a session that gets a proxy connects again by it, waits for it, and never goes without',
    ],
  },
  {
    name: 'what WhatsApp says of the account',
    can: ({ standing }) => standing,
    routes: ['GET /session/status'],
    events: ['session.restricted', 'session.unrestricted'],
    test: [
      'tests/e2e/standing.test.ts',
      '463 and a time lock of 6 hours: known people are served, strangers wait until its end, told once',
    ],
  },
];

const MESSAGES: readonly CapabilityRow[] = [
  ...CONTENT_TYPES.map(
    (type): CapabilityRow => ({
      name: `send: ${type}`,
      can: ({ contentTypes }) => contentTypes.includes(type),
      routes: [`POST /message/send-${type}`],
      test: [KINDS, KIND_TESTS[type]],
    }),
  ),
  {
    name: 'mention people, or everyone in a group',
    can: always,
    routes: TEXTS,
    test: [KINDS, 'a text and a caption name people, and everyone in a group'],
  },
  {
    name: 'show a preview of a link',
    can: always,
    routes: ['POST /message/send-text'],
    test: [KINDS, 'a text shows the page that it links to, and goes without when that cannot be had'],
  },
  {
    name: 'forward a message',
    can: always,
    routes: ['POST /message/:messageId/forward'],
    test: [KINDS, 'what was sent and what came in is forwarded, with its file and its mark'],
  },
  {
    name: 'several contact cards in one message',
    can: always,
    routes: ['POST /message/send-contact'],
    test: [KINDS, 'several contacts arrive in one message'],
  },
  {
    name: 'send view-once media',
    can: always,
    routes: ['POST /message/send-image', 'POST /message/send-video', 'POST /message/send-audio'],
    test: [KINDS, 'may be looked at once'],
  },
  {
    name: 'GIFs and round video messages',
    can: always,
    routes: ['POST /message/send-video'],
    test: [KINDS, 'plays as a GIF, or is a round video message'],
  },
  {
    name: 'buttons that open a page, call a number or copy a code',
    can: always,
    routes: ['POST /message/send-buttons'],
    test: [KINDS, 'open a page, call a number or copy a code, native and as a text'],
  },
  {
    name: 'messages that disappear as their chat is set',
    can: always,
    test: [
      'tests/whatsapp/disappearing.test.ts',
      'what is sent into a disappearing chat carries its expiration, whichever name the chat has',
    ],
  },
  {
    name: 'several images and videos as one album',
    can: ({ contentTypes }) => contentTypes.includes('image') && contentTypes.includes('video'),
    routes: ['POST /message/send-album'],
    test: [KINDS, 'arrives in its order, each item naming its head'],
  },
  {
    name: 'post to the status (story), delete a post',
    can: ({ status }) => status,
    routes: ['POST /message/send-status', 'POST /message/:messageId/revoke'],
    test: [KINDS, 'reaches those it is for, and nobody else: %s'],
  },
  {
    name: 'keep the status (stories) of others',
    can: ({ status }) => status,
    routes: [`PUT ${session('')}`],
    events: ['message.received'],
    test: [PEOPLE, 'keeps the status posts of others when it is asked to'],
  },
  {
    name: 'list channels (newsletters), post texts, images and videos to own ones',
    can: ({ channels }) => channels,
    routes: [
      `GET ${session('/channels')}`,
      'POST /message/send-text',
      'POST /message/send-image',
      'POST /message/send-video',
    ],
    test: [PEOPLE, 'are listed, and an own one takes a text, an image and a video'],
  },
  {
    name: 'keep the posts of channels that the number follows',
    can: ({ channels }) => channels,
    routes: [`PUT ${session('')}`],
    events: ['message.received'],
    test: [PEOPLE, 'keeps the posts of channels when it is asked to'],
  },
  {
    name: 'what becomes of a message',
    can: always,
    routes: ['GET /message/:messageId', 'GET /message/list'],
    events: [
      'message.sent',
      'message.delivered',
      'message.read',
      'message.failed',
      'message.expired',
      'message.canceled',
    ],
    test: [FIRST, 'delivers a text under the id that was answered, and hears that it was delivered and read'],
  },
  {
    name: 'messages that come in',
    can: always,
    routes: ['GET /message/list'],
    events: ['message.received'],
    test: [FIRST, 'keeps what somebody writes to it, once'],
  },
  {
    name: 'messages that cannot be opened at once',
    can: always,
    routes: ['GET /message/list'],
    events: ['message.undecryptable'],
    test: ['tests/whatsapp/conversation.test.ts', 'in a %s is told, asked for and told again when it comes'],
  },
  {
    name: 'what the owner sends from the phone',
    can: always,
    routes: ['GET /message/list'],
    events: ['message.sent'],
    test: ['tests/whatsapp/conversation.test.ts', 'to a person by %s is told with its receipts'],
  },
  {
    name: 'pin a message for its chat',
    can: ({ marks }) => marks,
    routes: ['POST /message/:messageId/pin', 'POST /message/:messageId/unpin'],
    test: [PEOPLE, 'are pinned for everybody in the chat, and told as such when others do it'],
  },
  {
    name: 'star a message',
    can: ({ marks }) => marks,
    routes: ['POST /message/:messageId/star', 'POST /message/:messageId/unstar'],
    test: [PEOPLE, 'are starred on the phone, and not any more'],
  },
  {
    name: 'live locations that come in',
    can: always,
    events: ['message.received'],
    test: [PEOPLE, 'a live location that comes in is a place, and says that it is live'],
  },
  {
    name: 'edit or delete a message that was sent',
    can: ({ amend }) => amend,
    routes: ['POST /message/:messageId/edit', 'POST /message/:messageId/revoke'],
    events: ['message.edited', 'message.revoked'],
    test: [KINDS, 'is edited, and deleted for everyone: %s'],
  },
  {
    name: 'edits and deletions of others',
    can: always,
    routes: ['GET /message/:messageId'],
    events: ['message.edited', 'message.revoked'],
    test: [KINDS, 'is edited by the owner on the phone, and by the person who wrote it'],
  },
  {
    name: 'votes in polls, summed up',
    can: ({ contentTypes }) => contentTypes.includes('poll'),
    routes: ['GET /message/:messageId/poll'],
    events: ['poll.updated'],
    test: [PEOPLE, 'votes are summed up, the newest of each person counts, and webhooks are told'],
  },
  {
    name: 'answers to events, summed up',
    can: ({ contentTypes }) => contentTypes.includes('event'),
    routes: ['GET /message/:messageId/event'],
    events: ['event.updated'],
    test: [PEOPLE, 'answers are summed up, the newest of each person counts, and webhooks are told'],
  },
  {
    name: 'what others, and the owner on the phone, have pinned and starred',
    can: always,
    routes: ['GET /message/:messageId'],
    events: ['message.pinned', 'message.starred'],
    test: [PEOPLE, 'tell who has pinned or starred them, on the phone or in the chat'],
  },
  {
    name: 'edits and deletions of the owner that come before their message',
    can: always,
    routes: ['GET /message/:messageId'],
    events: ['message.edited', 'message.revoked'],
    test: [PEOPLE, 'of the phone that open late are what the owner has made of them since'],
  },
  {
    name: 'files that come in',
    can: always,
    events: ['message.media'],
    test: ['tests/e2e/inbound.test.ts', 'a file is downloaded, and opens by its signed link'],
  },
  {
    name: 'files that came in, fetched again from the phone',
    can: ({ mediaAgain }) => mediaAgain,
    routes: ['POST /message/:messageId/media'],
    events: ['message.media'],
    test: [
      'tests/e2e/inbound.test.ts',
      'a file that was deleted is fetched again, from the phone where WhatsApp has it no more',
    ],
  },
  {
    name: 'look a number up',
    can: always,
    routes: ['POST /message/check-number'],
    test: ['tests/whatsapp/conformance.test.ts', 'can be addressed only to numbers that are on WhatsApp'],
  },
  {
    name: 'look many numbers up, as a job',
    can: always,
    routes: [
      'POST /contacts/check',
      'GET /contacts/check',
      'GET /contacts/check/:checkId',
      'GET /contacts/check/:checkId/numbers',
      'GET /contacts/check/:checkId/csv',
      'POST /contacts/check/:checkId/cancel',
    ],
    test: ['tests/e2e/people.test.ts', 'many numbers are looked up as a job, which tells who is on WhatsApp'],
  },
  {
    name: 'mark a message read',
    can: ({ markRead }) => markRead,
    routes: ['POST /message/:messageId/read'],
    test: [KINDS, 'an inbound message is marked as read, once, and its sender hears of it'],
  },
];

const GROUPS: readonly CapabilityRow[] = [
  {
    name: 'list groups, write to them',
    can: ({ groups }) => groups,
    routes: [`GET ${session('/groups')}`],
    test: [KINDS, 'is listed, and its members read every kind that is sent to it'],
  },
  {
    name: 'a group with its members and settings',
    can: manages,
    routes: [`GET ${group('')}`],
    test: [GROUP_TESTS, 'a group is made, with those who could be added, and shown'],
  },
  {
    name: 'make a group',
    can: manages,
    routes: [`POST ${session('/groups')}`],
    events: ['group.members'],
    test: [GROUP_TESTS, 'a group is made, with those who could be added, and shown'],
  },
  {
    name: 'add and remove members, make admins',
    can: manages,
    routes: [
      `POST ${group('/members')}`,
      `POST ${group('/members/remove')}`,
      `POST ${group('/members/promote')}`,
      `POST ${group('/members/demote')}`,
    ],
    events: ['group.members'],
    test: [GROUP_TESTS, 'members are added, made admins and removed, and each is told how it went'],
  },
  {
    name: 'subject, description and settings of a group',
    can: manages,
    routes: [`PUT ${group('')}`],
    events: ['group.updated'],
    test: [GROUP_TESTS, 'subject, description and settings are changed, and told as events'],
  },
  {
    name: 'the picture of a group',
    can: manages,
    routes: [`PUT ${group('/picture')}`, `DELETE ${group('/picture')}`],
    events: ['group.updated'],
    test: [GROUP_TESTS, 'a picture is set and taken away'],
  },
  {
    name: 'the invite link of a group, joining by one',
    can: manages,
    routes: [`GET ${group('/invite')}`, `POST ${group('/invite/revoke')}`, `POST ${session('/groups/join')}`],
    test: [GROUP_TESTS, 'an invite link lets the session in, until it is revoked'],
  },
  {
    name: 'requests to join a group',
    can: manages,
    routes: [
      `GET ${group('/requests')}`,
      `POST ${group('/requests/approve')}`,
      `POST ${group('/requests/reject')}`,
    ],
    events: ['group.requests'],
    test: [GROUP_TESTS, 'who asks to be let in is listed, let in or not'],
  },
  {
    name: 'leave a group',
    can: manages,
    routes: [`POST ${group('/leave')}`],
    events: ['group.members'],
    test: [GROUP_TESTS, 'a group is left'],
  },
];

const chat = (path: string) => session(`/chats/:chat${path}`);
const contact = (path: string) => session(`/contacts/:contact${path}`);

const PEOPLE_ROWS: readonly CapabilityRow[] = [
  {
    name: 'chats, their messages and unread counts',
    can: always,
    routes: [`GET ${session('/chats')}`, `GET ${chat('/messages')}`],
    test: [PEOPLE, 'are listed by their newest message, each once, with names and unread counts'],
  },
  {
    name: 'mark a chat read',
    can: ({ markRead }) => markRead,
    routes: [`POST ${chat('/read')}`],
    test: [PEOPLE, 'a chat is marked read, and its sender hears of it'],
  },
  {
    name: 'archive, pin, mute a chat, mark it unread',
    can: ({ chats }) => chats,
    routes: [`PUT ${chat('')}`],
    test: [PEOPLE, 'are archived, pinned, muted and marked on the phone'],
  },
  {
    name: 'whether a chat is archived, pinned, muted or marked unread on the phone',
    can: ({ chats }) => chats,
    routes: [`GET ${session('/chats')}`],
    events: ['chat.updated'],
    test: [
      PEOPLE,
      'what the phone changes of them is shown and told once, also what came while nobody kept it',
    ],
  },
  {
    name: 'labels of WhatsApp Business',
    can: ({ chats }) => chats,
    routes: [
      `GET ${session('/labels')}`,
      `POST ${session('/labels')}`,
      `PUT ${session('/labels/:label')}`,
      `DELETE ${session('/labels/:label')}`,
      `GET ${session('/labels/:label/uses')}`,
      `POST ${chat('/label')}`,
      'POST /message/:messageId/label',
    ],
    events: ['label.updated', 'label.assigned'],
    test: [PEOPLE, 'labels are made, put on chats and messages and taken off, here and on the phone'],
  },
  {
    name: 'contacts and their names',
    can: always,
    routes: [`GET ${session('/contacts')}`],
    test: [PEOPLE, 'are listed with the names that they give themselves'],
  },
  {
    name: 'about text and business profile of a person',
    can: ({ people }) => people,
    routes: [`GET ${contact('')}`],
    test: [PEOPLE, 'tell about themselves, a business more'],
  },
  {
    name: 'profile picture of a person or a group',
    can: ({ people }) => people,
    routes: [`GET ${chat('/picture')}`],
    test: [PEOPLE, 'have a picture, which is fetched once an hour'],
  },
  {
    name: 'block and unblock people',
    can: ({ people }) => people,
    routes: [`GET ${session('/blocked')}`, `POST ${contact('/block')}`, `POST ${contact('/unblock')}`],
    test: [PEOPLE, 'are blocked and unblocked'],
  },
  {
    name: 'show “typing…” and “recording…”',
    can: ({ presence }) => presence,
    routes: [`POST ${chat('/typing')}`],
    test: [PEOPLE, 'typing and being online are shown'],
  },
  {
    name: 'be online or not',
    can: ({ presence }) => presence,
    routes: [`PUT ${session('/presence')}`],
    test: [PEOPLE, 'typing and being online are shown'],
  },
  {
    name: 'hear when others are online or write',
    can: ({ presence }) => presence,
    routes: [`POST ${session('/presence/subscribe')}`],
    events: ['presence.updated'],
    test: [PEOPLE, 'others are told of as events, for whom it was asked only'],
  },
  {
    name: 'hear of calls, reject them',
    can: ({ calls }) => calls,
    routes: [`POST ${session('/calls/:callId/reject')}`],
    events: ['call.received'],
    test: [PEOPLE, 'a call is told once, and rejected'],
  },
  {
    name: 'reject every call by itself, mark everything read by itself',
    can: ({ calls, markRead }) => calls && markRead,
    routes: [`PUT ${session('')}`],
    test: [PEOPLE, 'rejects calls and marks what comes in as read by itself'],
  },
  { name: 'make or take calls', can: never },
  { name: 'set the own name, picture and about text', can: never },
];

/** What people ask for and no engine does. */
const NOT: readonly CapabilityRow[] = [
  'edit and delete posts of own channels; follow and make channels; communities',
  'catalogue, carts and payments of WhatsApp Business',
  'message templates that Meta approves (that is the official API)',
  'buttons and lists drawn as such on every phone',
  'buttons that write an e-mail',
  'send to a WhatsApp username',
].map((name) => ({ name, can: never }));

export const CAPABILITY_ROWS: readonly CapabilityRow[] = [
  ...LINKING,
  ...MESSAGES,
  ...GROUPS,
  ...PEOPLE_ROWS,
  ...NOT,
];

/** Routes about sessions and messages for which no engine is asked. */
export const LOCAL_ROUTES: readonly string[] = [
  'GET /assets/qr-page.js',
  'GET /assets/qr-page.css',
  'GET /session/list',
  'GET /session/events',
  'POST /session/check-phone',
  'POST /session/cleanup',
  `GET ${session('/limits')}`,
  `PUT ${session('/limits')}`,
  'GET /message/:messageId/timeline',
  'GET /message/queue-status',
  'POST /message/clear-queue',
  'POST /message/pause-queue',
  'POST /message/resume-queue',
  'POST /message/:messageId/cancel',
  'POST /message/:messageId/retry',
];
