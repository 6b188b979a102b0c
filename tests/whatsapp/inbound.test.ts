import { proto, type SignalKeyStoreWithTransaction, writeRandomPadMax16 } from '@whiskeysockets/baileys';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/utils/clock.ts';
import { createArrivals } from '../../src/whatsapp/baileys/arrivals.ts';
import { createContacts } from '../../src/whatsapp/baileys/contacts.ts';
import { createInbound, type InboundOptions, isIgnoredJid } from '../../src/whatsapp/baileys/inbound.ts';
import { createKeeper, MAX_WAITING } from '../../src/whatsapp/baileys/keeper.ts';
import { createAttention, readCall, tellCallInTime } from '../../src/whatsapp/baileys/presence.ts';
import { installTransactions } from '../../src/whatsapp/baileys/transactions.ts';
import type { AccountRef, InboundMessage } from '../../src/whatsapp/engine.ts';
import { sendOptions, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { createSignal } from '../helpers/signal.ts';

const PHONE = '6281100000001';
let test: TestEngine;
let account: AccountRef;
let next = 1;
const freshNumber = () => `62844${String(next++).padStart(7, '0')}`;

beforeAll(async () => {
  test = await startTestEngine({ inboundStoreTimeoutMs: 400 });
  account = await test.connect(PHONE);
});
afterAll(() => test.stop());
afterEach(() => {
  test.callbacks.beforeStore = async () => undefined;
});

const from = (phone: string) => test.callbacks.inbound.filter((message) => message.phone === phone);
const textOf = ({ content }: InboundMessage) => (content.type === 'text' ? content.text : content.type);
const wire = (id: string | undefined) => test.emulator.inbound({ id: id ?? '' })[0];

describe('an inbound message', () => {
  it('is stored with who wrote it, and only then confirmed', async () => {
    const person = freshNumber();
    let confirmedBefore: boolean | undefined;
    let id: string | undefined;
    test.callbacks.beforeStore = async (message) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      confirmedBefore = wire(message.messageId)?.receivedAt !== undefined;
    };
    [id] = (await test.emulator.deliver({ to: PHONE, from: person, text: 'hi', pushName: 'Eve' })).ids;
    await until(() => wire(id)?.receivedAt !== undefined);
    expect(confirmedBefore).toBe(false);
    expect(from(person)).toEqual([
      {
        messageId: id,
        chat: `${person}@s.whatsapp.net`,
        participant: null,
        author: null,
        phone: person,
        lid: expect.stringMatching(/^\d+$/),
        pushName: 'Eve',
        content: { type: 'text', text: 'hi' },
        media: null,
        at: expect.any(Number),
      },
    ]);
    expect(from(person).map(textOf)).toEqual(['hi']);
    expect(Math.abs(Date.now() - (from(person)[0]?.at ?? 0))).toBeLessThan(10_000);
  });

  it('to a list of people on which we are is one of its author', async () => {
    const person = freshNumber();
    const attributes = { from: '1700000000@broadcast', participant: `${person}@s.whatsapp.net` };
    const { ids } = await test.emulator.deliver({ to: PHONE, from: person, text: 'to all', attributes });
    await until(() => wire(ids[0])?.receivedAt !== undefined);
    expect(from(person)).toMatchObject([
      { messageId: ids[0], chat: `${person}@s.whatsapp.net`, participant: null, content: { text: 'to all' } },
    ]);
  });

  it('belongs to the same chat whether it comes by number or by LID', async () => {
    const person = freshNumber();
    for (const via of ['pn', 'lid'] as const) {
      await test.emulator.deliver({ to: PHONE, from: person, text: via, via });
      await until(() => from(person).some((message) => textOf(message) === via));
    }
    expect(new Set(from(person).map((message) => message.chat)).size).toBe(1);
  });

  it('is stored for every message of a batch, in order', async () => {
    const person = freshNumber();
    await test.emulator.deliver({ to: PHONE, from: person, text: 'no {n}', count: 30 });
    await until(() => from(person).length === 30);
    expect(from(person).map(textOf)).toEqual(Array.from({ length: 30 }, (_, i) => `no ${i + 1}`));
  });

  it('is opened while earlier ones are stored, and stored together with others, none confirmed before', async () => {
    const person = freshNumber();
    const batches: string[][] = [];
    const { storeInbound } = test.callbacks;
    const first = createSignal();
    test.callbacks.storeInbound = async (owner, messages) => {
      batches.push(messages.map(textOf));
      if (batches.length === 1) await first.given;
      await storeInbound(owner, messages);
    };
    const { ids } = await test.emulator.deliver({ to: PHONE, from: person, text: 'no {n}', count: 12 });
    await until(() => batches.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ids.map((id) => wire(id)?.receivedAt)).toEqual(ids.map(() => undefined));
    first.give();
    await until(() => ids.every((id) => wire(id)?.receivedAt !== undefined));
    test.callbacks.storeInbound = storeInbound;
    expect(batches.length).toBeLessThan(5);
    expect(batches.flat()).toEqual(ids.map((_, n) => `no ${n + 1}`));
    expect(from(person).map(textOf)).toEqual(batches.flat());
  });

  it('of a group names the group and its author', async () => {
    const person = freshNumber();
    const group = test.emulator.createGroup({ subject: 'g', participants: [PHONE, person] });
    for (const text of ['one', 'two']) {
      await test.emulator.deliver({ to: PHONE, from: person, group: group.id, text });
    }
    const ofGroup = () => test.callbacks.inbound.filter((message) => message.chat === group.id);
    await until(() => ofGroup().length === 2);
    expect(ofGroup().map(textOf)).toEqual(['one', 'two']);
    expect(ofGroup()[0]).toMatchObject({ participant: `${person}@s.whatsapp.net`, phone: null, lid: null });
    // As the server named the member, whatever else is known of them: the same each time.
    expect(ofGroup()[0]?.author).toMatch(/^\d+@(lid|s\.whatsapp\.net)$/);
  });

  it('is tried again while it cannot be stored, and stored once', async () => {
    const person = freshNumber();
    let attempts = 0;
    test.callbacks.beforeStore = async () => {
      attempts += 1;
      if (attempts < 3) throw new Error('database away');
    };
    const [id] = (await test.emulator.deliver({ to: PHONE, from: person, text: 'hi' })).ids;
    await until(() => wire(id)?.receivedAt !== undefined);
    expect(attempts).toBe(3);
    expect(from(person)).toHaveLength(1);
    expect(wire(id)).toMatchObject({ sends: 1, retries: 0 });
  });
});

describe('what is told of a group', () => {
  const waiting = () => test.emulator.sessions().find(({ phone }) => phone === PHONE)?.pending;
  const told = (id: string) =>
    test.callbacks.notices.flatMap(({ news }) => news).filter(({ group }) => group === id);
  const changed = async (subjects: string[]) => {
    await until(() => waiting() === 0);
    const person = freshNumber();
    const { id } = test.emulator.createGroup({
      subject: 'g',
      participants: [PHONE, person],
      creator: person,
    });
    for (const text of subjects) test.emulator.actInGroup({ id, from: person, action: 'subject', text });
    return id;
  };
  afterEach(() => {
    test.callbacks.beforeNotice = async () => undefined;
  });

  it('is stored in its order, tried again while it cannot be, and only then confirmed', async () => {
    const unconfirmed: unknown[] = [];
    test.callbacks.beforeNotice = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      unconfirmed.push(waiting());
      if (unconfirmed.length === 1) throw new Error('database away');
    };
    const id = await changed(['a', 'b']);
    await until(() => waiting() === 0);
    expect(unconfirmed.slice(0, 2)).toEqual([2, 2]);
    expect(told(id)).toMatchObject([{ changes: { subject: 'a' } }, { changes: { subject: 'b' } }]);
  });

  it('counts for the next message to the group before it is stored', async () => {
    const id = await changed([]);
    const say = (text: string) =>
      test.engine.send(
        account.id,
        { jid: id, phone: null, lid: null },
        { type: 'text', text },
        sendOptions(),
      );
    await say('before');
    const [storing, asked] = [createSignal(), createSignal()];
    test.callbacks.beforeNotice = () => {
      asked.give();
      return storing.given;
    };
    const friend = freshNumber();
    const admin = test.emulator.groups().find((group) => group.id === id)?.creator ?? '';
    test.emulator.actInGroup({ id, from: admin, action: 'add', participants: [friend] });
    await asked.given;
    await say('after');
    await until(() => test.emulator.messages({ to: friend }).length > 0);
    expect(test.emulator.messages({ to: friend }).map(({ text }) => text)).toEqual(['after']);
    expect(told(id)).toEqual([]);
    storing.give();
    await until(() => waiting() === 0);
    expect(told(id)).toMatchObject([{ action: 'added' }]);
  });

  it('closes the socket unconfirmed when it could not be stored, and comes again', async () => {
    test.callbacks.beforeNotice = async () => Promise.reject(new Error('database away'));
    const id = await changed(['a']);
    expect((await test.callbacks.next(account.id, 'closed')).reason).toBe('connection_lost');
    expect(waiting()).toBe(1);
    test.callbacks.beforeNotice = async () => undefined;
    await test.engine.open(account, { mode: 'qr' });
    await until(() => waiting() === 0);
    expect(told(id)).toMatchObject([{ changes: { subject: 'a' } }]);
  });
});

const storeRetries = {
  clock: systemClock,
  range: { firstMs: 1, maxMs: 1 },
  signal: new AbortController().signal,
};

describe('a call', () => {
  const waiting = () => test.emulator.sessions().find(({ phone }) => phone === PHONE)?.pending;
  afterEach(() => {
    test.callbacks.beforeNotice = async () => undefined;
  });

  it('is confirmed when it is stored, and comes again as missed when it could not be', async () => {
    await until(() => waiting() === 0);
    const caller = freshNumber();
    test.callbacks.beforeNotice = async () => Promise.reject(new Error('database away'));
    const { id } = test.emulator.call({ to: PHONE, from: caller, video: true });
    expect((await test.callbacks.next(account.id, 'closed')).reason).toBe('connection_lost');
    expect(waiting()).toBe(1);
    test.callbacks.beforeNotice = async () => undefined;
    await test.engine.open(account, { mode: 'qr' });
    await until(() => waiting() === 0);
    expect(test.callbacks.calls).toMatchObject([
      { callId: id, by: { phone: caller }, video: true, group: false, missed: true },
    ]);
  });

  it('that cannot be read is confirmed all the same', async () => {
    const failed: unknown[] = [];
    const keep = createKeeper({
      read: (stanza) => readCall({ contacts: createContacts() }, stanza, 0),
      store: async () => undefined,
      onUnreadable: (error) => failed.push(error),
      onFull: () => undefined,
      storeRetries,
    });
    const offer = { tag: 'offer', attrs: {} };
    expect(keep({ tag: 'call', attrs: { id: 'A', from: '1@lid' }, content: [offer] })).toBeNull();
    expect(failed).toHaveLength(1);
  });

  it('is left unconfirmed where too many wait already, until there is room again', async () => {
    const stored: string[] = [];
    let timesFull = 0;
    const room = createSignal();
    const keep = createKeeper<string>({
      read: ({ attrs }) => attrs.id ?? null,
      async store(id) {
        await room.given;
        stored.push(id);
      },
      onUnreadable: () => undefined,
      onFull: () => timesFull++,
      storeRetries,
    });
    const tell = (id: string) => keep({ tag: 'notification', attrs: { id } });
    const kept = Array.from({ length: MAX_WAITING }, (_, n) => tell(`${n}`));
    for (const id of ['full', 'still full']) await expect(tell(id)).rejects.toThrow('waits');
    room.give();
    await Promise.all(kept);
    await tell('next');
    expect([stored.length, stored.at(-1), timesFull]).toEqual([MAX_WAITING + 1, 'next', 1]);
  });
});

describe('a call whose storing takes long', () => {
  const offer = { tag: 'offer', attrs: { 'call-id': 'A', 'call-creator': '1@lid' } };
  const stanza = { tag: 'call', attrs: { id: 'B', from: '1@lid' }, content: [offer] };

  function ringing(outcome?: Promise<void>) {
    const clock = createManualClock();
    const told: unknown[] = [];
    const attention = createAttention();
    const line = { open: true };
    const link = { attention, clock, contacts: createContacts(), isOpen: () => line.open };
    const keep = tellCallInTime(
      () => link,
      { tell: (event) => void told.push(event) },
      ({ tag }) => (tag === 'call' ? (outcome ?? stored.given) : null),
    );
    const stored = createSignal();
    return { clock, told, attention, keep, stored, line };
  }

  it('is told of after 2 s, so that it can be rejected, and once', async () => {
    const { clock, told, attention, keep, stored } = ringing();
    const kept = keep(stanza);
    clock.advance(1_999);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toMatchObject([{ type: 'call', callId: 'A', by: { lid: '1' }, missed: false }]);
    expect(attention.calls.ringing('A')).toEqual(['1@lid']);
    expect(attention.calls.begin('A', '1@lid')).toBe(false);
    stored.give();
    await kept;
    expect(told).toHaveLength(1);
  });

  it('is left to what follows when it was stored in time, when nothing was kept, and when it is over', async () => {
    const { clock, told, attention, keep, stored } = ringing();
    expect(keep({ tag: 'other', attrs: {} })).toBeNull();
    void keep(stanza);
    attention.calls.end('A', '1@lid');
    clock.advance(2_000);
    stored.give();
    await keep(stanza);
    clock.advance(2_000);
    expect(told).toEqual([]);
    const failing = ringing(Promise.reject(new Error('Connection Closed')));
    failing.line.open = false;
    await expect(failing.keep(stanza)).rejects.toThrow('Connection Closed');
    failing.clock.advance(2_000);
    expect(failing.told).toEqual([]);
  });

  it('is told of at once and stays unconfirmed where too many wait to be stored', async () => {
    const { clock, told, keep } = ringing(Promise.reject(new Error('too much waits to be stored')));
    await expect(keep(stanza)).rejects.toThrow('waits');
    expect(told).toMatchObject([{ type: 'call', callId: 'A', missed: false }]);
    clock.advance(2_000);
    expect(told).toHaveLength(1);
  });

  it('is told of once, however many others wait with it', () => {
    const { attention } = ringing();
    for (let n = 0; n <= MAX_WAITING; n++) expect(attention.calls.begin(`${n}`, '1@lid')).toBe(true);
    expect(attention.calls.begin('0', '1@lid')).toBe(false);
  });
});

describe('receipts of a message of another device that cannot be opened', () => {
  const clock = createManualClock();
  const own = ['62811:3@s.whatsapp.net', '4711:3@lid'];
  const from = (participant: string) => ({ tag: 'message', attrs: { id: 'A', from: '1@g.us', participant } });

  it('wait until it has come again, for a minute at most', () => {
    const arrivals = createArrivals(clock);
    const told: string[] = [];
    const [first, second] = [from('62811@s.whatsapp.net'), from('4711@lid')];
    arrivals.begin(first, own);
    arrivals.hold(first);
    arrivals.end(first);
    arrivals.after('A', () => told.push('one'));
    expect(told).toEqual([]);
    arrivals.begin(second, own);
    arrivals.end(second);
    expect(told).toEqual(['one']);
    arrivals.begin(first, own);
    arrivals.hold(first);
    arrivals.end(first);
    arrivals.after('A', () => told.push('two'));
    expect(told).toEqual(['one']);
    clock.advance(60_000);
    expect(told).toEqual(['one', 'two']);
  });

  it('do not wait for what a group sends back to this very device', () => {
    const arrivals = createArrivals(clock);
    const told: string[] = [];
    const back = from('4711:3@lid');
    arrivals.begin(back, own);
    arrivals.hold(back);
    arrivals.end(back);
    arrivals.after('A', () => told.push('one'));
    expect(told).toEqual(['one']);
  });
});

describe('a message that could not be stored', () => {
  it('closes the socket unconfirmed; the next connection gets it again and stores it once', async () => {
    const person = freshNumber();
    test.callbacks.beforeStore = async () => Promise.reject(new Error('database away'));
    const [id] = (await test.emulator.deliver({ to: PHONE, from: person, text: 'hi' })).ids;
    expect((await test.callbacks.next(account.id, 'closed')).reason).toBe('connection_lost');
    expect(wire(id)?.receivedAt).toBeUndefined();
    expect(wire(id)?.nack).toBeUndefined();

    test.callbacks.beforeStore = async () => undefined;
    await test.engine.open(account, { mode: 'qr' });
    await until(() => wire(id)?.receivedAt !== undefined);
    expect(wire(id)).toMatchObject({ sends: 2, retries: 0 });
    expect(from(person).map(textOf)).toEqual(['hi']);
  });

  it('because the socket died in between comes again, and is stored once', async () => {
    const person = freshNumber();
    await test.emulator.deliver({ to: PHONE, from: person, text: 'known' });
    await until(() => from(person).length === 1);
    const dropped = new Promise<void>((resolve) => {
      test.callbacks.beforeStore = async () => {
        test.callbacks.beforeStore = async () => undefined;
        await test.emulator.fault({ kind: 'drop', phone: PHONE });
        await test.callbacks.next(account.id, 'closed');
        resolve();
      };
    });
    const [id] = (await test.emulator.deliver({ to: PHONE, from: person, text: 'cut off' })).ids;
    await dropped;
    await test.engine.open(account, { mode: 'qr' });
    await until(() => wire(id)?.receivedAt !== undefined);
    expect(from(person).map(textOf)).toEqual(['known', 'cut off']);
    expect(wire(id)?.retries).toBe(0);
  });
});

describe('a message that comes twice', () => {
  it.each(['msg', 'group'])(
    'after it was stored (%s) is confirmed without a retry or a second row',
    async (kind) => {
      const person = freshNumber();
      const group =
        kind === 'group'
          ? test.emulator.createGroup({ subject: 'g', participants: [PHONE, person] }).id
          : undefined;
      const mine = () =>
        test.callbacks.inbound.filter((message) => message.chat === group || message.phone === person);
      await test.emulator.deliver({ to: PHONE, from: person, group, text: 'first' });
      await until(() => mine().length === 1);
      // The receipt is lost on the way: the message is stored and its key used, but the server does not know.
      let asked = 0;
      const stored = new Promise<void>((resolve) => {
        test.callbacks.beforeStore = async () => {
          asked += 1;
          setImmediate(() => void test.emulator.fault({ kind: 'drop', phone: PHONE }).then(() => resolve()));
        };
      });
      const [id] = (await test.emulator.deliver({ to: PHONE, from: person, group, text: 'second' })).ids;
      await stored;
      await test.callbacks.next(account.id, 'closed');
      test.callbacks.beforeStore = async () => {
        asked += 1;
      };
      await test.engine.open(account, { mode: 'qr' });
      await until(() => wire(id)?.receivedAt !== undefined);
      expect(wire(id)).toMatchObject({ sends: 2, retries: 0 });
      // That its key was used before is proof enough: the gateway was not asked again.
      expect(asked).toBe(1);
      expect(wire(id)?.nack).toBeUndefined();
      expect(mine().map(textOf)).toEqual(['first', 'second']);
    },
  );
});

describe('what is nobody’s message to us', () => {
  it('is ignored by its address', () => {
    expect(isIgnoredJid('status@broadcast')).toBe(true);
    expect(isIgnoredJid('123@newsletter')).toBe(true);
    expect(isIgnoredJid('6281@s.whatsapp.net')).toBe(false);
    expect(isIgnoredJid('1700000000@broadcast')).toBe(false);
    expect(isIgnoredJid('123@g.us')).toBe(false);
  });

  it('of our own phone at the first login (keys, history) is not stored', () => {
    expect(test.callbacks.inbound.filter((message) => message.phone === PHONE)).toEqual([]);
  });
});

/** The line of a socket by itself: each message opens once, and then says that its key was used. */
function openLine(store: InboundOptions['store'], more: Partial<InboundOptions> = {}) {
  const closed = new AbortController();
  const contacts = createContacts();
  const keys = Object.assign({}) as SignalKeyStoreWithTransaction;
  installTransactions(keys, { get: async () => ({}), set: async () => undefined });
  const used = new Set<string>();
  const repository = {
    async decryptMessage({ ciphertext }: { ciphertext: Uint8Array }): Promise<Uint8Array> {
      const id = String(ciphertext);
      if (used.has(id)) throw Object.assign(new Error('used'), { name: 'MessageCounterError' });
      used.add(id);
      await keys.set({ session: { [id]: ciphertext } });
      const extendedTextMessage = { text: 'hi', contextInfo: { expiration: 86_400 } };
      return writeRandomPadMax16(proto.Message.encode({ extendedTextMessage }).finish());
    },
    decryptGroupMessage: () => Promise.reject(new Error('no groups here')),
    processSenderKeyDistributionMessage: () => Promise.reject(new Error('no groups here')),
  };
  const inbound = createInbound({
    clock: systemClock,
    contacts,
    chats: { ...Object.assign({}), note: async () => undefined },
    me: () => ({ phone: PHONE, lid: null }),
    store,
    openVote: async () => null,
    storeRetries: { clock: systemClock, range: { firstMs: 1, maxMs: 1 }, signal: closed.signal },
    onRefusedSetting: () => undefined,
    ...more,
  });
  inbound.wrap(repository, keys);
  return {
    closed,
    receive(id: string) {
      const goOn = createSignal();
      const ciphertext = Buffer.from(id);
      const attrs = { id, from: '62899000001@s.whatsapp.net', t: '1700000000' };
      const content = [{ tag: 'enc', attrs: { type: 'msg' }, content: ciphertext }];
      inbound.observe({ tag: 'message', attrs, content }, goOn.give);
      const answer = { given: false };
      const opened = { jid: 'peer', type: 'msg' as const, ciphertext };
      const done = repository.decryptMessage(opened).then(() => {
        answer.given = true;
      });
      done.catch(() => undefined);
      return { done, goOn: goOn.given, answer };
    },
  };
}

const someTurns = async () => {
  for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve));
};

describe('a message that waits to be stored', () => {
  it.each([true, false])(
    'and comes again is answered with it, if at all (it is stored: %s)',
    async (isStored) => {
      const storing = createSignal();
      const asked: string[] = [];
      const line = openLine(async (messages) => {
        asked.push(...messages.map(({ messageId }) => messageId));
        await storing.given;
        if (!isStored) throw new Error('database away');
      });
      const first = line.receive('A');
      await first.goOn;
      const again = line.receive('A');
      await someTurns();
      expect(again.answer.given).toBe(false);
      if (!isStored) line.closed.abort();
      storing.give();
      const ends = await Promise.allSettled([first.done, again.done]);
      expect(ends.map(({ status }) => status)).toEqual(Array(2).fill(isStored ? 'fulfilled' : 'rejected'));
      expect(asked).toEqual(['A']);
    },
  );

  it('is kept although no row holds the setting of its chat, and that is told', async () => {
    // As MariaDB says it of a value that is too long.
    const refused = Object.assign(new Error('Data too long'), { errno: 1406 });
    const [kept, told]: [string[], unknown[]] = [[], []];
    const store = async (messages: readonly { messageId: string }[]) =>
      void kept.push(...messages.map(({ messageId }) => messageId));
    const note = () => Promise.reject(refused);
    const line = openLine(store, {
      chats: Object.assign({ note }),
      onRefusedSetting: (error) => told.push(error),
    });
    await line.receive('A').done;
    expect([kept, told]).toEqual([['A'], [refused]]);
  });

  it('behind one that was given up is not tried', async () => {
    const storing = createSignal();
    const asked: string[] = [];
    const line = openLine(async (messages) => {
      asked.push(...messages.map(({ messageId }) => messageId));
      await storing.given;
      if (asked.length === 1) throw new Error('database away');
    });
    const first = line.receive('A');
    await until(() => asked.length === 1);
    const second = line.receive('B');
    await second.goOn;
    await someTurns();
    expect(asked).toEqual(['A']);
    line.closed.abort();
    storing.give();
    await Promise.allSettled([first.done, second.done]);
    expect(asked).toEqual(['A']);
    await expect(second.done).rejects.toThrow('database away');
  });
});
