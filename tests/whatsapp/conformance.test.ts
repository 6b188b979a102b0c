/** What the port promises, held against every engine. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from 'wa-emulator';
import { dbType } from '../../src/db/kit.ts';
import { waCredentials } from '../../src/db/schema.ts';
import { newMessageId } from '../../src/utils/ids.ts';
import { StorageError } from '../../src/utils/storage/storage.ts';
import { createBaileysEngine } from '../../src/whatsapp/baileys/adapter.ts';
import { CAPABILITIES, type EngineName } from '../../src/whatsapp/capabilities.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { createMultiSessionEngine } from '../../src/whatsapp/multi-session/adapter.ts';
import { loadLibrary } from '../../src/whatsapp/multi-session/library.ts';
import { recipientOf, sendOptions, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { BYTES, CONTENTS, FILE } from './fixtures/contents.ts';

const ENGINES = {
  baileys: createBaileysEngine,
  'wa-multi-session': createMultiSessionEngine,
} satisfies Record<EngineName, unknown>;
/** Both on one of the databases; what the other may change is the same for both. */
const NAMES =
  dbType === 'sqlite' ? (['baileys', 'wa-multi-session'] as const) : (['wa-multi-session'] as const);

describe.each(NAMES)('the engine %s', (name) => {
  let test: TestEngine;
  let next = 1;
  const fresh = () => `62${name === 'baileys' ? 855 : 856}${String(next++).padStart(7, '0')}`;
  const closedOf = (account: AccountRef) => test.callbacks.next(account.id, 'closed');

  beforeAll(async () => {
    test = await startTestEngine({ connectTimeoutMs: 3_000, inboundStoreTimeoutMs: 400 }, ENGINES[name]);
    test.callbacks.files.set(FILE.id, BYTES);
  });
  afterAll(() => test.stop());
  afterEach(async () => {
    test.callbacks.beforeStore = async () => undefined;
    await test.emulator.reset();
  });

  async function credentialsOf(account: AccountRef): Promise<string | undefined> {
    const rows = await test.database.db
      .select()
      .from(waCredentials)
      .where(eq(waCredentials.accountId, account.id));
    return rows[0] && createHash('sha256').update(rows[0].sealed).digest('hex');
  }

  it('says who it is and what it can do, as the one table does', () => {
    expect(test.engine.name).toBe(name);
    expect(test.engine.capabilities).toBe(CAPABILITIES[name]);
  });

  describe('a session', () => {
    it('is linked by a QR', async () => {
      const phone = fresh();
      const account = await test.addAccount();
      await test.engine.open(account, { mode: 'qr' });
      const { qr, expiresAt } = await test.callbacks.next(account.id, 'qr');
      expect(expiresAt).toBeGreaterThan(Date.now());
      await test.emulator.scan({ qr, phone });
      expect(await test.callbacks.next(account.id, 'paired')).toMatchObject({ phone });
      expect((await closedOf(account)).reason).toBe('restart_required');
      await test.engine.open(account, { mode: 'qr' });
      expect(await test.callbacks.next(account.id, 'connected')).toMatchObject({ phone });
      expect(test.engine.isConnected(account.id)).toBe(true);
      expect(await credentialsOf(account)).toBeDefined();
    });

    if (CAPABILITIES[name].pairingCode)
      it('is linked by a code', async () => {
        const phone = fresh();
        const account = await test.addAccount();
        await test.engine.open(account, { mode: 'code', phone });
        const { code } = await test.callbacks.next(account.id, 'pairing_code');
        await test.emulator.pair({ code, phone });
        expect((await closedOf(account)).reason).toBe('restart_required');
        await test.engine.open(account, { mode: 'qr' });
        expect(await test.callbacks.next(account.id, 'connected')).toMatchObject({ phone });
      });

    if (CAPABILITIES[name].passkey)
      it('is linked after its owner has signed with a passkey', async () => {
        const phone = fresh();
        test.emulator.setPasskey({ number: phone, passkey: true });
        const account = await test.addAccount();
        await test.engine.open(account, { mode: 'qr' });
        const { qr } = await test.callbacks.next(account.id, 'qr');
        await test.emulator.scan({ qr, phone });
        const step = await test.callbacks.next(account.id, 'passkey');
        if (step.stage !== 'asked') throw new Error(step.stage);
        const assertion = test.emulator.signPasskey({ phone, options: step.options });
        await test.engine.answerPasskey(account.id, assertion);
        expect(await test.callbacks.next(account.id, 'paired')).toMatchObject({ phone });
        expect((await closedOf(account)).reason).toBe('restart_required');
        await test.engine.open(account, { mode: 'qr' });
        expect(await test.callbacks.next(account.id, 'connected')).toMatchObject({ phone });
      });

    it('reconnects from what is stored, also in another process', async () => {
      const phone = fresh();
      const account = await test.connect(phone);
      await test.engine.close(account.id);
      expect((await closedOf(account)).reason).toBe('closed_by_us');
      expect(test.engine.isConnected(account.id)).toBe(false);
      const other = test.another();
      await other.engine.open(account, { mode: 'qr' });
      expect(await other.callbacks.next(account.id, 'connected')).toMatchObject({ phone });
      await other.engine.close(account.id);
      expect((await other.callbacks.next(account.id, 'closed')).reason).toBe('closed_by_us');
    });

    it.each<[Fault, string, number]>([
      [{ kind: 'drop' }, 'connection_lost', 428],
      [{ kind: 'replaced' }, 'replaced', 440],
      [{ kind: 'stream_error', code: 503 }, 'unavailable', 503],
      [{ kind: 'stream_error', code: 401 }, 'logged_out', 401],
      [{ kind: 'logout' }, 'logged_out', 401],
    ])('ends once after %o, and leaves its credentials to the gateway', async (fault, reason, code) => {
      const phone = fresh();
      const account = await test.connect(phone);
      await test.emulator.fault({ ...fault, phone } as Fault);
      expect(await closedOf(account)).toMatchObject({ reason, code });
      expect(await test.store.hasCredentials(account.id)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(test.callbacks.events(account.id).at(-1)?.type).toBe('closed');
      expect(test.engine.isConnected(account.id)).toBe(false);
    });

    it('keeps its pairing through 60 refused attempts, and never tries by itself', async () => {
      const phone = fresh();
      const account = await test.connect(phone);
      await test.emulator.fault({ kind: 'refuse', seconds: 600, mode: 'closed' });
      expect((await closedOf(account)).reason).toBe('connection_lost');
      const before = await credentialsOf(account);
      const seen = test.callbacks.events(account.id).length;
      for (let attempt = 1; attempt <= 60; attempt += 1) {
        await test.engine.open(account, { mode: 'qr' });
        expect((await closedOf(account)).reason).toBe('connection_lost');
      }
      expect(test.callbacks.events(account.id).length - seen).toBe(60);
      expect(before).toBeDefined();
      expect(await credentialsOf(account)).toBe(before);
      await test.emulator.fault({ kind: 'clear' });
      expect(test.emulator.sessions().find((session) => session.phone === phone)?.connected).toBe(false);
      await test.engine.open(account, { mode: 'qr' });
      expect(await test.callbacks.next(account.id, 'connected')).toMatchObject({ phone });
    });

    it('is unlinked by a logout', async () => {
      const phone = fresh();
      const account = await test.connect(phone);
      expect(await test.engine.logout(account.id, 5_000)).toBe(true);
      expect((await closedOf(account)).reason).toBe('logged_out');
      expect(test.emulator.sessions().some((session) => session.phone === phone)).toBe(false);
    });
  });

  describe('a message', () => {
    let account: AccountRef;
    const me = `${fresh()}0`;
    beforeAll(async () => {
      account = await test.connect(me);
    });

    it('is acknowledged, and its receipts are told', async () => {
      const to = fresh();
      const messageId = newMessageId();
      expect(await test.send(account, to, 'halo', { messageId })).toMatchObject({ outcome: 'acknowledged' });
      const told = () =>
        test.callbacks
          .events(account.id)
          .flatMap((event) =>
            event.type === 'receipt' && event.messageId === messageId ? [event.status] : [],
          );
      await until(() => told().includes('read'));
      expect(told()).toEqual(['delivered', 'read']);
      expect(test.emulator.messages({ to })).toMatchObject([{ id: messageId, text: 'halo', copies: 1 }]);
    });

    it.each(['463', '479'])('is refused with the code of the server (%s)', async (code) => {
      const to = fresh();
      test.emulator.setRule({ number: to, behaviour: `ack_error:${code}` });
      expect(await test.send(account, to, 'halo')).toMatchObject({ outcome: 'refused', code });
    });

    it('is unknown without an acknowledgement, and shows once when it is sent again', async () => {
      const to = fresh();
      test.emulator.setRule({ number: to, behaviour: 'no_ack_delivered:1' });
      const messageId = newMessageId();
      const first = await test.send(account, to, 'halo', { messageId, ackTimeoutMs: 300 });
      expect(first.outcome).toBe('unknown');
      expect(await test.send(account, to, 'halo', { messageId })).toMatchObject({ outcome: 'acknowledged' });
      await until(() => test.emulator.messages({ to })[0]?.copies === 2);
      expect(test.emulator.messages({ to })).toHaveLength(1);
    });

    it('is not sent without a connection', async () => {
      const options = sendOptions();
      const result = await test.engine.send('nobody', recipientOf(fresh()), CONTENTS.text.content, options);
      expect(result).toEqual({ outcome: 'not_sent', reason: 'not connected' });
    });

    it('waits, untried, while its file cannot be read; without a file there is no use in trying', async () => {
      const { callbacks } = test;
      const readFile = callbacks.openMedia;
      const away = new StorageError('away', 'as told');
      const media = { ...FILE, id: newMessageId() };
      callbacks.files.set(media.id, BYTES);
      const send = async (openMedia: typeof readFile) => {
        callbacks.openMedia = openMedia;
        const content = { type: 'image', media } as const;
        return test.engine.send(account.id, recipientOf(fresh()), content, sendOptions());
      };
      async function* broken() {
        yield BYTES.subarray(0, 1_000);
        throw away;
      }
      expect(await send(() => Promise.reject(away))).toMatchObject({ outcome: 'postponed' });
      expect(await send(async () => Readable.from(broken()))).toMatchObject({ outcome: 'postponed' });
      expect(await send(async () => null)).toMatchObject({ outcome: 'impossible', code: 'MEDIA_GONE' });
      expect(await send(readFile)).toMatchObject({ outcome: 'acknowledged' });
    });

    it.each(CAPABILITIES[name].contentTypes)('of the kind %s is read as it was sent', async (type) => {
      const to = fresh();
      const { content, read } = CONTENTS[type];
      const options = sendOptions();
      const result = await test.engine.send(account.id, recipientOf(to), content, options);
      expect(result).toMatchObject({ outcome: 'acknowledged' });
      await until(() => test.emulator.messages({ to }).length === 1);
      const [arrived] = test.emulator.messages({ to });
      const text = 'text' in read ? { text: expect.stringContaining(String(read.text)) } : {};
      expect(arrived).toMatchObject({ id: options.messageId, ...read, ...text });
      expect(arrived?.decryptError).toBeUndefined();
    });

    if (CAPABILITIES[name].groups)
      it('reaches every member of a group', async () => {
        const members = [fresh(), fresh()];
        const group = test.emulator.createGroup({ subject: 'g', participants: [me, ...members] });
        const to = { jid: group.id, phone: null, lid: null };
        const result = await test.engine.send(account.id, to, CONTENTS.text.content, sendOptions());
        expect(result).toMatchObject({ outcome: 'acknowledged' });
        await until(() => members.every((to) => test.emulator.messages({ to }).length === 1));
        expect(await test.engine.groups(account.id)).toContainEqual({ id: group.id, subject: 'g', size: 3 });
      });

    it('can be addressed only to numbers that are on WhatsApp', async () => {
      const [known, unknown] = [fresh(), fresh()];
      test.emulator.setRule({ number: unknown, behaviour: 'not_on_whatsapp' });
      expect(await test.engine.checkNumbers(account.id, [unknown, known])).toMatchObject([
        { phone: unknown, exists: false, jid: null },
        { phone: known, exists: true, jid: `${known}@s.whatsapp.net` },
      ]);
      expect(await test.send(account, unknown, 'halo')).toMatchObject({
        outcome: 'impossible',
        code: 'NOT_ON_WHATSAPP',
      });
    });
  });

  describe('an inbound message', () => {
    let account: AccountRef;
    let phone: string;
    beforeAll(async () => {
      phone = fresh();
      account = await test.connect(phone);
    });
    const wire = (id: string | undefined) => test.emulator.inbound({ id: id ?? '' })[0];
    const from = (person: string) => test.callbacks.inbound.filter((message) => message.phone === person);

    it('of a batch is stored as every other one, in order, and confirmed after that', async () => {
      const person = fresh();
      let early = 0;
      test.callbacks.beforeStore = async (message) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (wire(message.messageId)?.receivedAt !== undefined) early += 1;
      };
      const { ids } = await test.emulator.deliver({ to: phone, from: person, text: 'no {n}', count: 30 });
      await until(() => ids.every((id) => wire(id)?.receivedAt !== undefined));
      expect(early).toBe(0);
      expect(from(person).map((message) => message.messageId)).toEqual(ids);
    });

    it('that came while the session was away is stored when it is back', async () => {
      const person = fresh();
      await test.engine.close(account.id);
      await closedOf(account);
      const { ids } = await test.emulator.deliver({ to: phone, from: person, text: 'no {n}', count: 20 });
      await test.engine.open(account, { mode: 'qr' });
      await test.callbacks.next(account.id, 'connected');
      await until(() => ids.every((id) => wire(id)?.receivedAt !== undefined));
      expect(from(person).map((message) => message.messageId)).toEqual(ids);
    });

    it('that cannot be stored closes the socket unconfirmed, and comes again', async () => {
      const person = fresh();
      test.callbacks.beforeStore = async () => Promise.reject(new Error('database away'));
      const { ids } = await test.emulator.deliver({ to: phone, from: person, text: 'hi' });
      expect((await closedOf(account)).reason).toBe('connection_lost');
      expect(wire(ids[0])?.receivedAt).toBeUndefined();
      test.callbacks.beforeStore = async () => undefined;
      await test.engine.open(account, { mode: 'qr' });
      await until(() => wire(ids[0])?.receivedAt !== undefined);
      expect(from(person)).toHaveLength(1);
    });

    it('is marked read', async () => {
      const person = fresh();
      const { ids } = await test.emulator.deliver({ to: phone, from: person, text: 'hi' });
      await until(() => from(person).length === 1);
      const [message] = from(person);
      if (!message) throw new Error('nothing arrived');
      const { messageId, chat, participant } = message;
      await test.engine.markRead(account.id, [{ messageId, chat, participant }]);
      await until(() => wire(ids[0])?.readAt !== undefined);
    });

    const data = BYTES.toString('base64');
    it.each([
      [
        { kind: 'image', data, caption: 'c' },
        { type: 'image', caption: 'c', media: { sha256: FILE.sha256 } },
      ],
      [{ kind: 'video', data }, { type: 'video' }],
      [
        { kind: 'audio', data },
        { type: 'audio', ptt: false },
      ],
      [
        { kind: 'ptt', data },
        { type: 'audio', ptt: true },
      ],
      [
        { kind: 'document', data, fileName: 'a.pdf' },
        { type: 'document', filename: 'a.pdf' },
      ],
      [{ kind: 'sticker', data }, { type: 'sticker' }],
      [
        { kind: 'location', latitude: -6.2, longitude: 106.8 },
        { type: 'location', latitude: -6.2 },
      ],
      [
        { kind: 'contact', contactPhone: '628111', name: 'Eve' },
        { type: 'contact', name: 'Eve', phone: '628111' },
      ],
      [
        { kind: 'reaction', messageId: 'R1', emoji: '👍' },
        { type: 'reaction', messageId: 'R1', emoji: '👍' },
      ],
      [
        { kind: 'button_reply', buttonId: 'y', text: 'Yes' },
        { type: 'reply', selected: { id: 'y', text: 'Yes' } },
      ],
      [
        { kind: 'list_reply', buttonId: 'r', text: 'Row' },
        { type: 'reply', selected: { id: 'r', text: 'Row' } },
      ],
      [
        { kind: 'text', text: 'yes', messageId: 'Q1' },
        { type: 'text', text: 'yes', quotedId: 'Q1' },
      ],
    ] as const)('is read: $0.kind', async (sent, expected) => {
      const person = fresh();
      await test.emulator.deliver({ to: phone, from: person, ...sent });
      await until(() => from(person).length === 1);
      expect(from(person)[0]?.content).toMatchObject(expected);
      expect(from(person)[0]?.media !== null).toBe('data' in sent);
    });
  });
});

describe('changing the engine', () => {
  it('keeps what was linked with the other one', async () => {
    const order = [ENGINES.baileys, ENGINES['wa-multi-session'], ENGINES.baileys];
    const test = await startTestEngine({}, (options) => (order.shift() ?? ENGINES.baileys)(options));
    const phone = '628570000002';
    const account = await test.connect(phone);
    await test.engine.close(account.id);
    for (const name of ['wa-multi-session', 'baileys']) {
      const other = test.another();
      expect(other.engine.name).toBe(name);
      await other.engine.open(account, { mode: 'qr' });
      expect(await other.callbacks.next(account.id, 'connected')).toMatchObject({ phone });
      await other.engine.close(account.id);
    }
    await test.stop();
  });
});

describe('wa-multi-session', () => {
  it('holds the sessions that are open and no others, and never has credentials in files', async () => {
    const library = loadLibrary();
    const test = await startTestEngine({}, createMultiSessionEngine);
    const account = await test.connect('628570000001');
    expect(library.holds(account.id)).toBe(true);
    await test.engine.close(account.id);
    await until(() => !library.holds(account.id));
    for (const folder of ['wa_credentials', 'wahub-keeps-credentials-in-its-database']) {
      expect(existsSync(folder)).toBe(false);
    }
    await test.stop();
  });
});
