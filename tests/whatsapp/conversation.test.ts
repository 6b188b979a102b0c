/** Both sides of a conversation as a session sees them: what cannot be opened at first, and what the owner sends itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountRef, EngineEvent, InboundMessage } from '../../src/whatsapp/engine.ts';
import { startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { createEngine } from '../helpers/on-engine.ts';

const PHONE = '6281100000071';
let test: TestEngine;
let account: AccountRef;
let next = 1;
const freshNumber = () => `62846${String(next++).padStart(7, '0')}`;

beforeAll(async () => {
  test = await startTestEngine({}, createEngine);
  account = await test.connect(PHONE);
});
afterAll(() => test.stop());

const about = (id: string | undefined) => test.callbacks.stored.filter((one) => one.messageId === id);
const wire = (id: string | undefined) => test.emulator.inbound({ id: id ?? '' })[0];
const contents = (told: InboundMessage[]) => told.map(({ content }) => content);
const jidOf = (phone: string) => `${phone}@s.whatsapp.net`;

describe('a message that cannot be opened', () => {
  it.each(['chat', 'group'])('in a %s is told, asked for and told again when it comes', async (where) => {
    const from = freshNumber();
    const group =
      where === 'group'
        ? test.emulator.createGroup({ subject: 'g', participants: [PHONE, from] }).id
        : undefined;
    const { ids } = await test.emulator.deliver({
      to: PHONE,
      from,
      group,
      text: 'sealed badly',
      garbled: true,
    });
    const [id] = ids;
    await until(() => about(id).length === 2);
    expect(contents(about(id))).toEqual([
      { type: 'undecryptable', reason: 'keys' },
      { type: 'text', text: 'sealed badly' },
    ]);
    const [first, second] = about(id);
    for (const field of ['chat', 'author', 'participant'] as const)
      expect(first?.[field]).toBe(second?.[field]);
    await until(() => wire(id)?.receivedAt !== undefined);
    expect(wire(id)?.retries).toBe(1);
    expect(wire(id)?.nack).toBeUndefined();
  });

  it('that the server only tells of is asked for at the phone', async () => {
    const from = freshNumber();
    const { ids } = await test.emulator.deliver({ to: PHONE, from, text: 'from the ad', placeholder: '' });
    const [id] = ids;
    await until(() => about(id).length === 2, 15_000);
    expect(contents(about(id))).toEqual([
      { type: 'undecryptable', reason: 'absent' },
      { type: 'text', text: 'from the ad' },
    ]);
    expect(about(id).map(({ chat }) => chat)).toEqual([jidOf(from), jidOf(from)]);
  });

  describe('and whose socket ends before the phone was asked', () => {
    /** A session whose placeholder is confirmed, and that ends before Baileys asks. */
    async function interrupted(phone: string) {
      const own = await test.connect(phone);
      const { ids } = await test.emulator.deliver({
        to: phone,
        from: freshNumber(),
        text: 'late',
        placeholder: '',
      });
      const id = ids[0] ?? '';
      await until(() => wire(id)?.confirmedAt !== undefined);
      await test.engine.close(own.id);
      return { own, id };
    }
    const reopen = async (own: AccountRef) => {
      await test.engine.open(own, { mode: 'qr' });
      await test.callbacks.next(own.id, 'connected');
    };
    const late = { type: 'text', text: 'late' };

    it('is asked for at the next login', async () => {
      const { own, id } = await interrupted('6281100000072');
      expect(contents(about(id))).toEqual([{ type: 'undecryptable', reason: 'absent' }]);
      await reopen(own);
      await until(() => about(id).length >= 2);
      expect(contents(about(id))[1]).toEqual(late);
      await test.engine.close(own.id);
    });

    it('is handed in again when it could not be stored', async () => {
      const { own, id } = await interrupted('6281100000073');
      const { findAbsent } = test.callbacks;
      let tried = false;
      test.callbacks.beforeStore = async ({ messageId }) => {
        if (messageId !== id) return;
        tried = true;
        throw new Error('the database is away');
      };
      await reopen(own);
      await until(() => tried);
      await test.engine.close(own.id);
      test.callbacks.beforeStore = async () => undefined;
      // Nobody asks once more: the server still has what the phone has answered.
      test.callbacks.findAbsent = async () => [];
      await reopen(own);
      await until(() => about(id).length >= 2);
      if (findAbsent) test.callbacks.findAbsent = findAbsent;
      expect(contents(about(id))[1]).toEqual(late);
      await test.engine.close(own.id);
    });
  });

  it('is never told as the words of another member who has used its id', async () => {
    const [victim, other] = [freshNumber(), freshNumber()];
    const group = test.emulator.createGroup({ subject: 'g', participants: [PHONE, victim, other] }).id;
    const id = '3A000000000000000006';
    const message = { to: PHONE, group, id };
    await test.emulator.deliver({ ...message, from: victim, text: 'my words', placeholder: '' });
    await until(() => about(id).length === 1);
    await test.emulator.deliver({ ...message, from: other, text: 'other words', garbled: true });
    const told = () =>
      about(id).flatMap(({ content, participant }) =>
        content.type === 'text' ? [`${participant} ${content.text}`] : [],
      );
    await until(() => told().length === 2);
    expect(told().toSorted()).toEqual(
      [`${jidOf(victim)} my words`, `${jidOf(other)} other words`].toSorted(),
    );
  });

  it('because only phones show it, is told as that', async () => {
    const from = freshNumber();
    const { ids } = await test.emulator.deliver({ to: PHONE, from, text: 'once', placeholder: 'view_once' });
    const [id] = ids;
    await until(() => about(id).length === 1);
    expect(contents(about(id))).toEqual([{ type: 'unknown', reason: 'phone_only', viewOnce: true }]);
  });
});

describe('what the owner sends from the phone', () => {
  it.each(['pn', 'lid'] as const)('to a person by %s is told with its receipts', async (via) => {
    const to = freshNumber();
    const { id } = await test.emulator.sendFromPhone({ phone: PHONE, to, via, text: `by ${via}` });
    await until(() => about(id).length === 1);
    expect(about(id)).toEqual([
      {
        messageId: id,
        chat: jidOf(to),
        participant: null,
        author: null,
        phone: to,
        lid: expect.stringMatching(/^\d+$/),
        pushName: null,
        content: { type: 'text', text: `by ${via}` },
        media: null,
        at: expect.any(Number),
        own: true,
      },
    ]);
    const statuses = () =>
      test.callbacks
        .events(account.id)
        .flatMap((event) => (event.type === 'receipt' && event.messageId === id ? [event.status] : []));
    await until(() => statuses().includes('read'));
    expect(statuses()).toContain('delivered');
    expect(test.emulator.messages({ id })).toMatchObject([{ to, text: `by ${via}`, byPhone: true }]);
  });

  it('to a group names the group and nobody', async () => {
    const group = test.emulator.createGroup({
      subject: 'g',
      participants: [PHONE, freshNumber(), freshNumber()],
    });
    const { id } = await test.emulator.sendFromPhone({ phone: PHONE, group: group.id, text: 'to all' });
    await until(() => about(id).length === 1);
    expect(about(id)[0]).toMatchObject({ chat: group.id, phone: null, lid: null, own: true });
    expect(test.emulator.messages({ id })).toHaveLength(2);
  });

  it('to a list of people is in the chat of the list, and who is on it counts as known', async () => {
    const [to, list] = [freshNumber(), '1700000001@broadcast'];
    const { id } = await test.emulator.sendFromPhone({ phone: PHONE, to, group: list, text: 'to my list' });
    await until(() => about(id).length === 1);
    const message = { chat: list, participant: null, phone: null, lid: null, own: true };
    expect(about(id)).toMatchObject([{ ...message, content: { text: 'to my list' } }]);
    const people = test.callbacks
      .events(account.id)
      .flatMap((event) => (event.type === 'people' ? event.people : []));
    expect(people).toContainEqual({ jid: jidOf(to), name: null, pushName: null, hasChat: true });
    const isRead = (event: EngineEvent) =>
      event.type === 'receipt' && event.messageId === id && event.status === 'read';
    await until(() => test.callbacks.events(account.id).some(isRead));
  });

  it('with a file says where that is', async () => {
    const data = Buffer.from('a photo').toString('base64');
    const { id } = await test.emulator.sendFromPhone({
      phone: PHONE,
      to: freshNumber(),
      kind: 'image',
      data,
      caption: 'look',
    });
    await until(() => about(id).length === 1);
    expect(about(id)[0]?.content).toMatchObject({
      type: 'image',
      caption: 'look',
      media: { state: 'pending' },
    });
    expect(about(id)[0]?.media?.kind).toBe('image');
  });

  it('and cannot be opened, is asked for and then told', async () => {
    const to = freshNumber();
    const { id } = await test.emulator.sendFromPhone({
      phone: PHONE,
      to,
      text: 'sealed badly',
      garbled: true,
    });
    await until(() => about(id).length === 1);
    expect(about(id)[0]).toMatchObject({ content: { text: 'sealed badly' }, own: true });
    // They may have come before it could be opened.
    const isRead = (event: EngineEvent) =>
      event.type === 'receipt' && event.messageId === id && event.status === 'read';
    await until(() => test.callbacks.events(account.id).some(isRead));
  });

  it('is stored before its receipts are told', async () => {
    const order: string[] = [];
    const to = freshNumber();
    test.callbacks.beforeStore = async ({ messageId }) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      order.push(`stored ${messageId}`);
    };
    const { id } = await test.emulator.sendFromPhone({ phone: PHONE, to, text: 'slow' });
    const receipt = () =>
      test.callbacks.events(account.id).find((event) => event.type === 'receipt' && event.messageId === id);
    await until(() => receipt() !== undefined);
    test.callbacks.beforeStore = async () => undefined;
    expect(order).toEqual([`stored ${id}`]);
  });

  it('by another of our sessions on the same phone is told to this one, and not to that', async () => {
    const other = await test.connect(PHONE);
    const to = freshNumber();
    const result = await test.send(other, to, 'by the other session');
    expect(result.outcome).toBe('acknowledged');
    const [sent] = test.emulator.messages({ to });
    await until(() => about(sent?.id).length === 1);
    expect(about(sent?.id)).toMatchObject([
      { chat: jidOf(to), own: true, content: { text: 'by the other session' } },
    ]);
    expect(test.callbacks.storedBy.get(sent?.id ?? '')).toEqual([account.id]);
    await test.engine.close(other.id);
  });
});
