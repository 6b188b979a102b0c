/**
 * Everything that comes in, as `tests/e2e/inbound-kills.test.ts` plays it while the service is killed. Each row of
 * `scripts/capability-rows.ts` with an event of what comes in must be named by a case here
 * (`tests/whatsapp/capabilities.test.ts`).
 */
import { createHash } from 'node:crypto';
import { proto, writeRandomPadMax16 } from '@whiskeysockets/baileys';
import type { DeliverInput, Emulator } from 'wa-emulator';
import type { EventName } from '../../src/events/table.ts';
import type { ContentType } from '../../src/whatsapp/content.ts';

/** Who plays, and what a case needs of the service. */
export interface Stage {
  emulator: Emulator;
  /** the number of the session `main` */
  own: string;
  /** a number that nobody has used yet */
  person(): string;
  /** The same request until the service answers it, however often it is killed; `data` of the answer. */
  call(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** Sends a message of that kind and resolves with its id when it has arrived. */
  send(kind: ContentType, to: string, fields: object): Promise<string>;
  /** Resolves when the file of a message is there, or will not be. */
  fileOf(id: string): Promise<void>;
  /** Does it between a kill and the next start. */
  whileDown<R>(work: () => Promise<R>): Promise<R>;
}

/** What must be there at the end. */
export interface Played {
  /** messages of the history by id, each in it once, and a part of what it shows */
  rows: readonly { id: string; shows: object }[];
  /**
   * events, each told once, and a part of what they say. `mayMiss`: never twice, and not at all when what it says was over
   * before the service could be told
   */
  told: readonly { type: EventName; says: object; mayMiss?: true }[];
}

export interface InboundCase {
  name: string;
  /** the rows of the capability table that it is about */
  rows: readonly string[];
  play(stage: Stage): Promise<Played>;
}

const MESSAGES = ['messages that come in'];
const OWN = ['what the owner sends from the phone'];
const FILES = ['files that come in'];
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');

type Message = Omit<DeliverInput, 'to' | 'from'>;

/** The bytes of any message, also of one that phones send and the emulator has no words for. */
const raw = (message: proto.IMessage): Message => rawBytes(proto.Message.encode(message).finish());
const rawBytes = (bytes: Uint8Array): Message => ({
  kind: 'raw',
  payload: Buffer.from(writeRandomPadMax16(bytes)).toString('base64'),
});

async function deliver({ emulator, own, person }: Stage, message: Message, from = person()): Promise<string> {
  const { ids } = await emulator.deliver({ to: own, from, ...message });
  return ids[0] ?? '';
}

/** Of a message: it is stored with this content, and told. */
const came = (id: string, content: object, more: object = {}): Played => ({
  rows: [{ id, shows: { direction: 'in', content, ...more } }],
  told: [{ type: 'message.received', says: { messageId: id } }],
});

/** Somebody writes something of that kind. */
const plain = (name: string, message: Message, content: object, rows = MESSAGES): InboundCase => ({
  name,
  rows,
  play: async (stage) => came(await deliver(stage, message), content),
});

const wrapped = (wrapper: keyof proto.IMessage, message: proto.IMessage, content: object): InboundCase =>
  plain(`a message in ${wrapper}`, raw({ [wrapper]: { message } }), content);

const file = (
  kind: 'image' | 'video' | 'audio' | 'ptt' | 'document' | 'sticker',
  content: object,
): InboundCase => ({
  name: `a file: ${kind}`,
  rows: FILES,
  async play(stage) {
    const bytes = Buffer.from(`bytes of ${kind} by ${stage.person()}`);
    const id = await deliver(stage, { kind, data: bytes.toString('base64') });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const { rows, told } = came(id, { ...content, media: { state: 'stored', sha256 } });
    return { rows, told: [...told, { type: 'message.media', says: { messageId: id } }] };
  },
});

/** What somebody says about our message, which goes before it. */
const about = (
  name: string,
  of: { kind: ContentType; fields: object },
  message: (id: string) => Message,
  content: (id: string) => object,
): InboundCase => ({
  name,
  rows: MESSAGES,
  async play(stage) {
    const to = stage.person();
    const ours = await stage.send(of.kind, to, of.fields);
    return came(await deliver(stage, message(ours), to), content(ours));
  },
});

const PLAIN: readonly InboundCase[] = [
  plain('a text', { text: 'halo' }, { type: 'text', text: 'halo' }),
  plain('a text by LID', { text: 'halo', via: 'lid' }, { type: 'text', text: 'halo' }),
  plain(
    'a text that names somebody and was forwarded',
    raw({
      extendedTextMessage: {
        text: '@628111',
        contextInfo: { mentionedJid: ['628111@s.whatsapp.net'], isForwarded: true, forwardingScore: 2 },
      },
    }),
    { type: 'text', mentions: ['628111@s.whatsapp.net'], forwarded: true, forwardingScore: 2 },
  ),
  plain(
    'a place',
    { kind: 'location', latitude: -6.2, longitude: 106.8 },
    { type: 'location', latitude: -6.2 },
  ),
  plain(
    'a live place',
    { kind: 'live_location', latitude: -6.2, longitude: 106.8 },
    { type: 'location', live: true },
    ['live locations that come in'],
  ),
  plain(
    'a contact',
    { kind: 'contact', contactPhone: '6281298765432', name: 'Siti' },
    { type: 'contact', name: 'Siti', phone: '6281298765432' },
  ),
  plain(
    'several contacts',
    raw({
      contactsArrayMessage: {
        displayName: 'two',
        contacts: ['Siti', 'Adi'].map((displayName) => ({
          displayName,
          vcard: `BEGIN:VCARD\nFN:${displayName}\nEND:VCARD`,
        })),
      },
    }),
    { type: 'contact', contacts: [{ name: 'Siti' }, { name: 'Adi' }] },
  ),
  plain(
    'a poll of theirs',
    raw({ pollCreationMessageV3: { name: 'Kapan?', options: [{ optionName: 'Pagi' }] } }),
    { type: 'poll', question: 'Kapan?', options: ['Pagi'] },
  ),
  plain('an event of theirs', raw({ eventMessage: { name: 'Rapat', startTime: 1_767_225_600 } }), {
    type: 'event',
    name: 'Rapat',
    startsAt: '2026-01-01T00:00:00.000Z',
  }),
  plain(
    'the buttons of a business',
    raw({
      buttonsMessage: {
        contentText: 'Pilih',
        buttons: [{ buttonId: 'a', buttonText: { displayText: 'A' } }],
      },
    }),
    { type: 'buttons', text: 'Pilih' },
  ),
  plain(
    'the form that somebody has filled in',
    raw({
      interactiveResponseMessage: {
        body: { text: 'Terkirim' },
        nativeFlowResponseMessage: { name: 'flow', paramsJson: '{"city":"Bandung"}' },
      },
    }),
    { type: 'reply', text: 'Terkirim', flow: { name: 'flow', params: { city: 'Bandung' } } },
  ),
  plain('a kind that is not read', raw({ paymentInviteMessage: {} }), {
    type: 'unsupported',
    kind: 'paymentInviteMessage',
  }),
  plain('bytes that are no message', rawBytes(Buffer.from('ffffffffff', 'hex')), {
    type: 'unknown',
    reason: 'malformed',
  }),
];

const WORDS = { conversation: 'di dalam' };
const INSIDE = { type: 'text', text: 'di dalam' };

const WRAPPED: readonly InboundCase[] = [
  wrapped(
    'ephemeralMessage',
    { extendedTextMessage: { text: 'sebentar', contextInfo: { expiration: 86_400 } } },
    {
      type: 'text',
      text: 'sebentar',
      expiration: 86_400,
    },
  ),
  wrapped('viewOnceMessage', { imageMessage: { caption: 'sekali' } }, { type: 'image', viewOnce: true }),
  wrapped('viewOnceMessageV2', { imageMessage: { caption: 'sekali' } }, { type: 'image', viewOnce: true }),
  wrapped('viewOnceMessageV2Extension', { audioMessage: { ptt: true } }, { type: 'audio', viewOnce: true }),
  wrapped(
    'documentWithCaptionMessage',
    { documentMessage: { caption: 'isi', fileName: 'a.pdf' } },
    {
      type: 'document',
      caption: 'isi',
      filename: 'a.pdf',
    },
  ),
  wrapped(
    'lottieStickerMessage',
    { stickerMessage: { isAnimated: true } },
    { type: 'sticker', animated: true },
  ),
  wrapped('groupMentionedMessage', WORDS, INSIDE),
  wrapped('botInvokeMessage', WORDS, INSIDE),
  wrapped('statusMentionMessage', {}, { type: 'unsupported', kind: 'statusMentionMessage' }),
];

const FILE_CASES: readonly InboundCase[] = [
  file('image', { type: 'image' }),
  file('video', { type: 'video' }),
  file('audio', { type: 'audio', ptt: false }),
  file('ptt', { type: 'audio', ptt: true }),
  file('document', { type: 'document' }),
  file('sticker', { type: 'sticker' }),
  {
    name: 'the images of an album',
    rows: FILES,
    async play(stage) {
      const from = stage.person();
      const album = `3A00${from}`;
      const both: Played[] = [];
      for (const caption of ['satu', 'dua']) {
        const data = Buffer.from(`${caption} ${from}`).toString('base64');
        const id = await deliver(stage, { kind: 'image', data, caption, album }, from);
        const { rows, told } = came(id, { type: 'image', caption, album, media: { state: 'stored' } });
        both.push({ rows, told: [...told, { type: 'message.media', says: { messageId: id } }] });
      }
      return { rows: both.flatMap(({ rows }) => rows), told: both.flatMap(({ told }) => told) };
    },
  },
  {
    name: 'a file that WhatsApp has no more, asked for at the phone',
    rows: ['files that came in, fetched again from the phone'],
    async play(stage) {
      const data = JPEG.toString('base64');
      const id = await stage.whileDown(async () => {
        const sent = await deliver(stage, { kind: 'image', data });
        stage.emulator.expireFile({ id: sent });
        return sent;
      });
      await stage.fileOf(id);
      await stage.call('POST', `/message/${id}/media`);
      const { rows, told } = came(id, { type: 'image', media: { state: 'stored' } });
      const media = (state: string) => ({
        type: 'message.media' as const,
        says: { messageId: id, state },
      });
      return { rows, told: [...told, media('failed'), media('stored')] };
    },
  },
];

const ABOUT_OURS: readonly InboundCase[] = [
  about(
    'an answer that quotes',
    { kind: 'text', fields: { text: 'Kapan?' } },
    (messageId) => ({ text: 'besok', messageId }),
    (quotedId) => ({ type: 'text', text: 'besok', quotedId }),
  ),
  about(
    'a reaction',
    { kind: 'text', fields: { text: 'bagus?' } },
    (messageId) => ({ kind: 'reaction', emoji: '👍', messageId }),
    (messageId) => ({ type: 'reaction', emoji: '👍', messageId }),
  ),
  about(
    'a button that is tapped',
    { kind: 'buttons', fields: { text: 'Pesan?', buttons: [{ id: 'ya', text: 'Ya' }] } },
    (messageId) => ({ kind: 'button_reply', buttonId: 'ya', text: 'Ya', messageId }),
    (messageId) => ({ type: 'reply', reply: { messageId, id: 'ya' } }),
  ),
  about(
    'a row of a list that is chosen',
    {
      kind: 'list',
      fields: {
        text: 'Apa?',
        buttonText: 'Buka',
        sections: [{ title: 'S', rows: [{ id: 'r', title: 'R' }] }],
      },
    },
    (messageId) => ({ kind: 'list_reply', buttonId: 'r', text: 'R', messageId }),
    (messageId) => ({ type: 'reply', reply: { messageId, id: 'r' } }),
  ),
  about(
    'a pin',
    { kind: 'text', fields: { text: 'penting' } },
    (messageId) => ({ kind: 'pin', messageId }),
    (messageId) => ({ type: 'pin', pinned: true, messageId }),
  ),
  {
    name: 'a vote in our poll',
    rows: ['votes in polls, summed up'],
    async play(stage) {
      const to = stage.person();
      const options = ['Pagi', 'Malam'];
      const poll = await stage.send('poll', to, { question: 'Kapan?', options });
      const vote = { kind: 'poll_vote' as const, messageId: poll, options: ['Malam'] };
      const id = await deliver(stage, vote, to);
      const { rows, told } = came(id, { type: 'poll_vote', messageId: poll, options: ['Malam'] });
      return { rows, told: [...told, { type: 'poll.updated', says: { messageId: poll, voters: 1 } }] };
    },
  },
  {
    name: 'an answer to our event',
    rows: ['answers to events, summed up'],
    async play(stage) {
      const to = stage.person();
      const event = await stage.send('event', to, { name: 'Rapat', startsAt: '2035-01-01T09:00:00Z' });
      const said = { response: 'going', guests: 1 } as const;
      const id = await deliver(stage, { kind: 'event_response', messageId: event, ...said }, to);
      const { rows, told } = came(id, { type: 'event_response', messageId: event, ...said });
      return { rows, told: [...told, { type: 'event.updated', says: { messageId: event, ...said } }] };
    },
  },
  {
    name: 'a pin of theirs, and a star of the owner',
    rows: ['what others, and the owner on the phone, have pinned and starred'],
    async play(stage) {
      const from = stage.person();
      const id = await deliver(stage, { text: 'penting' }, from);
      const by = await deliver(stage, { kind: 'pin', messageId: id, seconds: 86_400 }, from);
      // A star of a message that the history does not have yet would say nothing.
      await stage.call('GET', `/message/${id}`);
      await stage.emulator.setStar({ phone: stage.own, chat: from, id });
      const { rows, told } = came(id, { type: 'text', text: 'penting' });
      return {
        rows: [...rows, { id: by, shows: { type: 'pin' } }],
        told: [
          ...told,
          { type: 'message.received', says: { messageId: by } },
          { type: 'message.pinned', says: { messageId: id, pinned: true } },
          { type: 'message.starred', says: { messageId: id, starred: true } },
        ],
      };
    },
  },
];

/** What is told of a message that goes out, and is read at once. */
const receiptsOf = (messageId: string, more: object = {}): Played['told'] => [
  { type: 'message.sent', says: { messageId, ...more } },
  { type: 'message.delivered', says: { messageId }, mayMiss: true },
  { type: 'message.read', says: { messageId } },
];

/** A message, and then what its author makes of it. */
const amended = (
  name: string,
  message: Message,
  type: 'message.edited' | 'message.revoked',
): InboundCase => ({
  name,
  rows: ['edits and deletions of others'],
  async play(stage) {
    const from = stage.person();
    const id = await deliver(stage, { text: 'pertama' }, from);
    const by = await deliver(stage, { ...message, messageId: id }, from);
    const isEdit = type === 'message.edited';
    const content = { type: 'text', text: isEdit ? 'kedua' : 'pertama' };
    const { rows, told } = came(id, content, isEdit ? { original: { text: 'pertama' } } : {});
    return {
      rows: [...rows, { id: by, shows: { type: isEdit ? 'edit' : 'delete' } }],
      told: [...told, { type, says: { messageId: id, by } }],
    };
  },
});

const AMENDED: readonly InboundCase[] = [
  amended('an edit', { kind: 'edit', text: 'kedua' }, 'message.edited'),
  amended('a deletion', { kind: 'revoke' }, 'message.revoked'),
  plain(
    'an edit of what nobody has here',
    { kind: 'edit', messageId: '3A00NOBODY', text: 'kedua' },
    { type: 'edit', messageId: '3A00NOBODY' },
  ),
  {
    name: 'our edit, when WhatsApp has taken it',
    rows: ['edit or delete a message that was sent'],
    async play(stage) {
      const id = await stage.send('text', stage.person(), { text: 'pertama' });
      const { messageId: by } = await stage.call('POST', `/message/${id}/edit`, { text: 'kedua' });
      return {
        rows: [{ id, shows: { content: { text: 'kedua' }, original: { text: 'pertama' } } }],
        told: [...receiptsOf(id), { type: 'message.edited', says: { messageId: id, by } }],
      };
    },
  },
];

const SEALED = ['messages that cannot be opened at once'];

const UNDECRYPTABLE: readonly InboundCase[] = [
  ...(['pn', 'lid'] as const).map(
    (via): InboundCase => ({
      name: `a message that cannot be opened at first, by ${via}`,
      rows: SEALED,
      async play(stage) {
        const id = await deliver(stage, { text: 'terkunci', garbled: true, via });
        const { rows, told } = came(id, { type: 'text', text: 'terkunci' });
        const before = { type: 'message.undecryptable', says: { messageId: id }, mayMiss: true } as const;
        return { rows, told: [...told, before] };
      },
    }),
  ),
  {
    name: 'a message that only the phone has',
    rows: SEALED,
    async play(stage) {
      const id = await deliver(stage, { text: 'dari iklan', placeholder: '' });
      const { rows, told } = came(id, { type: 'text', text: 'dari iklan' });
      const before = { type: 'message.undecryptable', says: { messageId: id }, mayMiss: true } as const;
      return { rows, told: [...told, before] };
    },
  },
  plain(
    'a message that only phones show',
    { text: 'sekali', placeholder: 'view_once' },
    { type: 'unknown', reason: 'phone_only' },
    SEALED,
  ),
];

/** The owner writes on the phone: the receipts of those who get it come as well. */
async function fromPhone(
  { emulator, own }: Stage,
  message: Omit<Parameters<Emulator['sendFromPhone']>[0], 'phone'>,
  shows: object,
): Promise<Played> {
  const { id } = await emulator.sendFromPhone({ phone: own, ...message });
  return {
    rows: [{ id, shows: { direction: 'out', source: 'phone', ...shows } }],
    told: receiptsOf(id, { source: 'phone' }),
  };
}

const FROM_PHONE: readonly InboundCase[] = [
  {
    name: 'a text of the owner to a person',
    rows: OWN,
    play: (stage) =>
      fromPhone(
        stage,
        { to: stage.person(), text: 'dari HP' },
        { content: { text: 'dari HP' }, status: 'read' },
      ),
  },
  {
    name: 'a text of the owner to a group',
    rows: OWN,
    async play(stage) {
      const participants = [stage.own, stage.person()];
      const { id: group } = stage.emulator.createGroup({ subject: 'Keluarga', participants });
      return fromPhone(stage, { group, text: 'ke semua' }, { chat: group, content: { text: 'ke semua' } });
    },
  },
  {
    name: 'a status post of the owner',
    rows: OWN,
    play: (stage) =>
      fromPhone(
        stage,
        { group: 'status@broadcast', to: stage.person(), text: 'buka' },
        { chat: 'status@broadcast', content: { text: 'buka' } },
      ),
  },
  {
    name: 'a post of the owner to a channel',
    rows: OWN,
    async play(stage) {
      const { id: group } = stage.emulator.createChannel({ name: 'Toko', owner: stage.own });
      const shows = { chat: group, content: { text: 'buka' }, status: 'sent' };
      const { rows } = await fromPhone(stage, { group, text: 'buka' }, shows);
      return { rows, told: [{ type: 'message.sent', says: { messageId: rows[0]?.id, source: 'phone' } }] };
    },
  },
  {
    name: 'a file of the owner',
    rows: OWN,
    async play(stage) {
      const data = Buffer.from(`foto ${stage.person()}`).toString('base64');
      const message = { to: stage.person(), kind: 'image', data } as const;
      const { rows, told } = await fromPhone(stage, message, { content: { media: { state: 'stored' } } });
      return { rows, told: [...told, { type: 'message.media', says: { messageId: rows[0]?.id } }] };
    },
  },
  {
    name: 'an edit of the owner',
    rows: OWN,
    async play(stage) {
      const to = stage.person();
      const { rows, told } = await fromPhone(stage, { to, text: 'pertama' }, { content: { text: 'kedua' } });
      const messageId = rows[0]?.id;
      await stage.emulator.sendFromPhone({ phone: stage.own, to, kind: 'edit', text: 'kedua', messageId });
      return { rows, told: [...told, { type: 'message.edited', says: { messageId, source: 'phone' } }] };
    },
  },
  {
    name: 'an edit of the owner of what cannot be opened at first',
    rows: ['edits and deletions of the owner that come before their message'],
    async play(stage) {
      const to = stage.person();
      const message = { to, text: 'pertama', garbled: true };
      const { rows, told } = await fromPhone(stage, message, { content: { text: 'kedua' } });
      const messageId = rows[0]?.id;
      await stage.emulator.sendFromPhone({ phone: stage.own, to, kind: 'edit', text: 'kedua', messageId });
      return { rows, told: [...told, { type: 'message.edited', says: { messageId, source: 'phone' } }] };
    },
  },
  {
    name: 'a text of the owner that cannot be opened at first',
    rows: OWN,
    play: (stage) =>
      fromPhone(
        stage,
        { to: stage.person(), text: 'terkunci', garbled: true },
        { content: { text: 'terkunci' } },
      ),
  },
];

const RECEIPTS: readonly InboundCase[] = [
  {
    name: 'the receipts of what was sent',
    rows: ['what becomes of a message'],
    async play(stage) {
      const to = stage.person();
      stage.emulator.setRule({ number: to, behaviour: 'unread' });
      const id = await stage.send('text', to, { text: 'dibaca?' });
      await stage.whileDown(async () => stage.emulator.read({ id, to }));
      return {
        rows: [{ id, shows: { direction: 'out', source: 'api', status: 'read' } }],
        told: receiptsOf(id),
      };
    },
  },
];

/** Something happens in a group whose admin is somebody else. */
const inGroup = (
  name: string,
  rows: readonly string[],
  act: (
    stage: Stage,
    group: { id: string; admin: string; member: string },
  ) => Played['told'] | Promise<Played['told']>,
): InboundCase => ({
  name,
  rows,
  async play(stage) {
    const [admin, member] = [stage.person(), stage.person()];
    const participants = [stage.own, admin, member];
    const { id } = stage.emulator.createGroup({ subject: 'Warga', participants, creator: admin });
    return { rows: [], told: await act(stage, { id, admin, member }) };
  },
});

const members = (group: string, action: string): Played['told'][number] => ({
  type: 'group.members',
  says: { group, action },
});

/** Makes a group, as a client does whose first request may have been carried out: it looks. Answers its id. */
async function makeGroup(stage: Stage): Promise<string> {
  const member = stage.person();
  const input = { subject: `Baru ${member}`, members: [`+${member}`] };
  for (;;) {
    const made = await stage.call('POST', '/session/main/groups', input).catch((error: Error) => error);
    if (!(made instanceof Error)) return String(Reflect.get(Object(made.group), 'id'));
    if (!made.message.includes('outcome_unknown')) throw made;
    const groups = Object.values(await stage.call('GET', '/session/main/groups'));
    const ours = groups.find((group) => Reflect.get(Object(group), 'subject') === input.subject);
    if (ours !== undefined) return String(Reflect.get(Object(ours), 'id'));
  }
}

const MEMBERS = 'add and remove members, make admins';

const GROUPS: readonly InboundCase[] = [
  {
    name: 'a message in a group',
    rows: MESSAGES,
    async play(stage) {
      const from = stage.person();
      const participants = [stage.own, from];
      const { id: group } = stage.emulator.createGroup({ subject: 'RT', participants, addressing: 'lid' });
      const id = await deliver(stage, { text: 'rapat', group }, from);
      const { rows, told } = came(id, { text: 'rapat' }, { chat: group });
      // A kill between the key of its sender and that of the group: it is asked for again.
      const before = { type: 'message.undecryptable', says: { messageId: id }, mayMiss: true } as const;
      return { rows, told: [...told, before] };
    },
  },
  {
    name: 'a group that was made',
    rows: ['make a group'],
    play: async (stage) => ({ rows: [], told: [members(await makeGroup(stage), 'created')] }),
  },
  ...(['add', 'remove', 'promote', 'demote'] as const).map((action) =>
    inGroup(`members: ${action}`, [MEMBERS], ({ emulator, person }, { id, admin, member }) => {
      if (action === 'demote')
        emulator.actInGroup({ id, from: admin, action: 'promote', participants: [member] });
      const participants = [action === 'add' ? person() : member];
      emulator.actInGroup({ id, from: admin, action, participants });
      const done = { add: 'added', remove: 'removed', promote: 'promoted', demote: 'demoted' }[action];
      return [members(id, done)];
    }),
  ),
  inGroup('members: join and leave', ['leave a group'], ({ emulator, person }, { id, member }) => {
    emulator.actInGroup({ id, from: person(), action: 'join' });
    emulator.actInGroup({ id, from: member, action: 'leave' });
    return [members(id, 'joined'), members(id, 'left')];
  }),
  inGroup(
    'subject and settings of a group',
    ['subject, description and settings of a group'],
    ({ emulator }, { id, admin }) => {
      emulator.actInGroup({ id, from: admin, action: 'subject', text: 'Nama lain' });
      emulator.actInGroup({ id, from: admin, action: 'announcement' });
      return [{ subject: 'Nama lain' }, { announce: true }].map((changes) => ({
        type: 'group.updated',
        says: { group: id, changes },
      }));
    },
  ),
  inGroup('the picture of a group', ['the picture of a group'], ({ emulator }, { id }) => {
    emulator.setPicture({ of: id, data: JPEG.toString('base64') });
    return [{ type: 'group.updated', says: { group: id, changes: { picture: 'set' } } }];
  }),
  {
    name: 'somebody asks to be let in',
    rows: ['requests to join a group'],
    async play({ emulator, own, person }) {
      const group = emulator.createGroup({ subject: 'Tertutup', participants: [own], creator: own });
      group.joinApproval = true;
      emulator.actInGroup({ id: group.id, from: person(), action: 'join' });
      return { rows: [], told: [{ type: 'group.requests', says: { group: group.id, action: 'asked' } }] };
    },
  },
];

const CALLS: readonly InboundCase[] = [
  {
    name: 'a call',
    rows: ['hear of calls, reject them'],
    async play({ emulator, own, person }) {
      const { id } = emulator.call({ to: own, from: person() });
      return { rows: [], told: [{ type: 'call.received', says: { callId: id } }] };
    },
  },
];

/** How the phone keeps its chats, and its labels: each play has a time or a label of its own. */
const CHATS: readonly InboundCase[] = [
  {
    name: 'a chat that the owner mutes',
    rows: ['whether a chat is archived, pinned, muted or marked unread on the phone'],
    async play({ emulator, own, person }) {
      const chat = person();
      const until = (Math.floor(Date.now() / 1_000) + Number(chat.slice(-5))) * 1_000;
      await emulator.setChat({ phone: own, chat, mutedUntil: until });
      const says = { mutedUntil: new Date(until).toISOString(), source: 'phone' };
      return { rows: [], told: [{ type: 'chat.updated', says }] };
    },
  },
  {
    name: 'a label that the owner makes and puts on a chat',
    rows: ['labels of WhatsApp Business'],
    async play({ emulator, own, person }) {
      const chat = person();
      const label = String(Number(chat.slice(-5)) + 100);
      await emulator.setLabel({ phone: own, label, name: `Label ${label}` });
      await emulator.assignLabel({ phone: own, label, chat });
      const updated = { label, name: `Label ${label}`, source: 'phone' };
      return {
        rows: [],
        told: [
          { type: 'label.updated', says: updated },
          { type: 'label.assigned', says: { label, assigned: true } },
        ],
      };
    },
  },
];

const POSTS: readonly InboundCase[] = [
  plain('a status post', { text: 'cerita', group: 'status@broadcast' }, { type: 'text', text: 'cerita' }, [
    'keep the status (stories) of others',
  ]),
  {
    name: 'a file in a post of a channel',
    rows: ['keep the posts of channels that the number follows'],
    async play(stage) {
      const owner = stage.person();
      const followers = [stage.own];
      const { id: group } = stage.emulator.createChannel({ name: 'Kabar', owner, followers });
      const data = Buffer.from(`kabar ${owner}`).toString('base64');
      const id = await deliver(stage, { kind: 'image', data, group }, owner);
      const { rows, told } = came(id, { type: 'image', media: { state: 'stored' } }, { chat: group });
      return { rows, told: [...told, { type: 'message.media', says: { messageId: id } }] };
    },
  },
];

export const INBOUND_CASES: readonly InboundCase[] = [
  ...PLAIN,
  ...WRAPPED,
  ...FILE_CASES,
  ...ABOUT_OURS,
  ...AMENDED,
  ...UNDECRYPTABLE,
  ...FROM_PHONE,
  ...RECEIPTS,
  ...GROUPS,
  ...CALLS,
  ...CHATS,
  ...POSTS,
];
