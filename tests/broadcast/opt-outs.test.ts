import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activityLogs, messages, optOuts, waContacts } from '../../src/db/schema.ts';
import { storeInbound } from '../../src/services/inbound/store.ts';
import { isOptedOut } from '../../src/services/opt-outs/opted-out.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import type { InboundMessage } from '../../src/whatsapp/engine.ts';
import { testConfig } from '../helpers/app.ts';
import { dataOf, enterAs, openWorld, rowsOf, upload, type World } from './fixture.ts';

const PHONE = '6281234567890';

let first: World;
let w: World;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-opt-outs-'));
  first = await openWorld({ config: { files: { ...testConfig().files, uploadPath: folder } } });
});
afterAll(async () => {
  await first.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  w = await enterAs(first.t, await first.t.tenant());
});

const ledger = async () => rowsOf(await w.call('/opt-outs'));

function inbound(changes: Partial<InboundMessage> = {}): InboundMessage {
  return {
    messageId: newMessageId(),
    chat: `${PHONE}@s.whatsapp.net`,
    participant: null,
    author: null,
    phone: PHONE,
    lid: null,
    pushName: 'Budi',
    content: { type: 'text', text: 'STOP' },
    media: null,
    at: Date.now(),
    ...changes,
  };
}

function receive(message: InboundMessage) {
  const account = { id: w.accountId, userId: w.tenant.id, sessionId: 'main', owner: newId(), fence: 0 };
  return storeInbound(w.t.deps, account, message);
}
/** The session learns whose that LID is. */
const know = (lid: string) =>
  w.t.deps.db.insert(waContacts).values({ accountId: w.accountId, lid, phone: PHONE, updatedAt: Date.now() });
const say = (text: string) => receive(inbound({ content: { type: 'text', text } }));

describe('an opt-out under one spelling of a number', () => {
  it.each([
    ['5215512345678', '525512345678'],
    ['554789211984', '5547989211984'],
    ['541123456789', '5491123456789'],
    ['22507123456', '2250707123456'],
    ['22997123456', '2290197123456'],
  ])('holds for both %s and %s, until it is taken back', async (account, dialled) => {
    await receive(inbound({ chat: `${account}@s.whatsapp.net`, phone: account }));
    const both = new Set([account, dialled]);
    expect(await isOptedOut(w.t.deps.db, w.tenant.id, [...both])).toEqual(both);
    const again = await w.post('/opt-outs', { numbers: [`+${dialled}`, `+${account}`] });
    expect(dataOf(again)).toMatchObject({ added: 0, existing: 2 });
    expect(dataOf(await w.call(`/opt-outs/%2B${dialled}`))).toMatchObject({ number: account });
    const removed = await w.call(`/opt-outs/%2B${dialled}`, { method: 'DELETE' });
    expect(removed.status).toBe(200);
    expect(await isOptedOut(w.t.deps.db, w.tenant.id, [...both])).toEqual(new Set());
    const added = await w.post('/opt-outs', { numbers: [`+${dialled}`, `+${account}`] });
    expect(dataOf(added)).toMatchObject({ added: 1, existing: 1 });
    const file = await upload(w, '/opt-outs/import', `number\n+${dialled}\n+${account}\n`);
    expect(dataOf(file)).toMatchObject({ added: 0, duplicates: 2 });
    await w.call(`/opt-outs/%2B${account}`, { method: 'DELETE' });
    const later = await upload(w, '/opt-outs/import', `number\n+${dialled}\n+${account}\n`);
    expect(dataOf(later)).toMatchObject({ added: 1, duplicates: 1 });
  });
});

describe('an inbound message', () => {
  it.each(['STOP', 'stop', ' Stop. ', '*STOP*', 'Berhenti!', 'unsubscribe', 'ＳＴＯＰ'])(
    '%j opts out',
    async (text) => {
      await say(text);
      expect(await ledger()).toMatchObject([
        { number: PHONE, source: 'message', sessionId: 'main', note: null },
      ]);
    },
  );

  it.each(['jangan stop', 'stopwatch', 'please stop sending', '', 'ok', `STOP ${'x'.repeat(200)}`])(
    '%j does not',
    async (text) => {
      await say(text);
      expect(await ledger()).toEqual([]);
    },
  );

  it('is stored with its opt-out and the fact of it, and both only once', async () => {
    const message = inbound();
    expect(await receive(message)).toBe(true);
    expect(await receive(message)).toBe(false);
    await say('berhenti');
    const { db } = w.t.deps;
    const [row] = await db.select().from(optOuts).where(eq(optOuts.userId, w.tenant.id));
    const stored = await db.select().from(messages).where(eq(messages.userId, w.tenant.id));
    expect(stored).toHaveLength(2);
    expect(row).toMatchObject({ phone: PHONE, word: 'STOP' });
    expect(stored.map(({ id }) => id)).toContain(row?.messageRowId);
    const facts = await db.select().from(activityLogs).where(eq(activityLogs.userId, w.tenant.id));
    expect(facts.filter(({ event }) => event === 'opt_out.added')).toMatchObject([
      { subject: PHONE, sessionId: 'main', data: { source: 'message', word: 'STOP' } },
    ]);
  });

  it('may be a button that was tapped', async () => {
    await receive(
      inbound({ content: { type: 'text', text: 'x', selected: { id: 'b1', text: 'Berhenti' } } }),
    );
    expect(await ledger()).toHaveLength(1);
  });

  it('in a group opts nobody out', async () => {
    const participant = `${PHONE}@s.whatsapp.net`;
    await receive(inbound({ chat: '123456@g.us', phone: null, lid: null, participant }));
    expect(await ledger()).toEqual([]);
  });

  it('from a LID counts for the number it is known to be', async () => {
    await know('99000');
    await receive(inbound({ chat: '99000@lid', phone: null, lid: '99000' }));
    expect(await ledger()).toMatchObject([{ number: PHONE }]);
  });

  it('from a LID that nobody knows is kept under it, and holds once its number is known', async () => {
    const lid = '186470215942314';
    await receive(inbound({ chat: `${lid}@lid`, phone: null, lid }));
    await receive(inbound({ chat: `${lid}@lid`, phone: null, lid }));
    expect(await ledger()).toMatchObject([{ number: `${lid}@lid`, source: 'message', word: 'STOP' }]);
    const out = () => isOptedOut(w.t.deps.db, w.tenant.id, [PHONE]);
    expect(await out()).toEqual(new Set());
    await know(lid);
    expect(await out()).toEqual(new Set([PHONE]));
    expect(dataOf(await w.call(`/opt-outs/%2B${PHONE}`))).toMatchObject({ number: `${lid}@lid` });
    expect(rowsOf(await w.call('/opt-outs?search=0812-3456-7890'))).toMatchObject([{ number: `${lid}@lid` }]);
    await say('STOP');
    expect(await ledger()).toHaveLength(1);
    const stranger = await enterAs(first.t, await first.t.tenant());
    expect(await isOptedOut(w.t.deps.db, stranger.tenant.id, [PHONE])).toEqual(new Set());
    const exported = (await w.call('/opt-outs/export')).text;
    expect((await w.call(`/opt-outs/%2B${PHONE}`, { method: 'DELETE' })).status).toBe(200);
    expect(await ledger()).toEqual([]);
    expect(dataOf(await upload(w, '/opt-outs/import', exported))).toMatchObject({ added: 1, invalid: 0 });
    expect(await ledger()).toMatchObject([{ number: `${lid}@lid` }]);
    expect((await w.call(`/opt-outs/${lid}%40lid`, { method: 'DELETE' })).status).toBe(200);
    expect(dataOf(await w.post('/opt-outs', { numbers: [`${lid}@lid`] }))).toMatchObject({ added: 1 });
  });

  it("may be one of the tenant's own words, and of nobody else's", async () => {
    const words = ['cukup', 'Jangan kirim  lagi!', 'stop', 'CUKUP'];
    const saved = await w.call('/opt-outs/words', { method: 'PUT', body: { words } });
    expect(dataOf(saved)).toEqual({
      builtIn: ['STOP', 'BERHENTI', 'UNSUBSCRIBE'],
      words: ['CUKUP', 'JANGAN KIRIM LAGI'],
    });
    expect(dataOf(await w.call('/opt-outs/words'))).toEqual(dataOf(saved));
    await say('jangan kirim lagi');
    expect(await ledger()).toMatchObject([{ word: 'JANGAN KIRIM LAGI' }]);
    w = await enterAs(first.t, await first.t.tenant());
    await say('cukup');
    expect(await ledger()).toEqual([]);
    const bad = await w.call('/opt-outs/words', { method: 'PUT', body: { words: ['!!!'] } });
    expect(bad.status).toBe(400);
  });
});

describe('the ledger', () => {
  it('is added to, read, changed and removed from by number in any spelling', async () => {
    const added = await w.post('/opt-outs', {
      numbers: ['081234567890', '+62 812-3456-7890', '081234567891'],
    });
    expect(added.status).toBe(201);
    expect(dataOf(added)).toEqual({ added: 2, existing: 0, numbers: [PHONE, '6281234567891'] });
    expect(dataOf(await w.post('/opt-outs', { phone: PHONE, note: 'again' }))).toMatchObject({
      added: 0,
      existing: 1,
    });
    expect(dataOf(await w.call('/opt-outs/081234567890'))).toMatchObject({
      number: PHONE,
      source: 'manual',
      note: null,
    });
    const noted = await w.call('/opt-outs/081234567890', { method: 'PUT', body: { note: 'by phone' } });
    expect(dataOf(noted).note).toBe('by phone');
    expect(rowsOf(await w.call('/opt-outs?search=PHONE'))).toHaveLength(1);
    for (const written of ['+62 812-3456-7890', '0812 3456 7890', `${PHONE}@s.whatsapp.net`, '3456-7890']) {
      const found = rowsOf(await w.call(`/opt-outs?search=${encodeURIComponent(written)}`));
      expect(found, written).toMatchObject([{ number: PHONE }]);
    }
    const { db } = w.t.deps;
    expect(await isOptedOut(db, w.tenant.id, [PHONE, '6281'])).toEqual(new Set([PHONE]));
    expect(await isOptedOut(db, first.tenant.id, [PHONE])).toEqual(new Set());
    expect((await w.call('/opt-outs/+6281234567890', { method: 'DELETE' })).status).toBe(200);
    expect((await w.call(`/opt-outs/${PHONE}`, { method: 'DELETE' })).status).toBe(404);
    const audit = await w.t.call('/workspace/audit?search=0812-3456-7890', { token: w.tenant.token });
    expect(rowsOf(audit)).toMatchObject([{ event: 'opt_out.removed' }, { event: 'opt_out.added' }]);
    expect(await isOptedOut(db, w.tenant.id, [PHONE])).toEqual(new Set());
  });

  it('belongs to its tenant', async () => {
    await w.post('/opt-outs', { number: PHONE });
    const stranger = await enterAs(w.t, await w.t.tenant());
    expect(rowsOf(await stranger.call('/opt-outs'))).toEqual([]);
    expect((await stranger.call(`/opt-outs/${PHONE}`)).status).toBe(404);
    expect((await stranger.call(`/opt-outs/${PHONE}`, { method: 'DELETE' })).status).toBe(404);
    expect((await stranger.call('/opt-outs/export')).text).not.toContain(PHONE);
  });

  it('shows on the contacts of every list', async () => {
    const list = await w.list();
    await w.post(`/lists/${list}/contacts`, { contacts: [{ number: PHONE }, { number: '081234567891' }] });
    await say('STOP');
    expect(rowsOf(await w.call(`/lists/${list}/contacts`))).toMatchObject([
      { number: PHONE, optedOut: true },
      { number: '6281234567891', optedOut: false },
    ]);
  });

  it('keeps no one-time password back', async () => {
    await say('STOP');
    const call = { method: 'POST', token: w.tenant.token, body: { session: 'main', to: PHONE } };
    expect((await w.t.call('/otp/send', call)).status).toBe(202);
  });

  it('is imported and exported as CSV', async () => {
    await w.post('/opt-outs', { number: PHONE, note: '=1+1' });
    const rows = Array.from({ length: 900 }, (_, i) => `${6281300000000 + i},reason ${i}`);
    const text = `nomor,alasan\n${PHONE},kept as it is\n${rows.join('\n')}\nwhat,x\n${6281300000000},again`;
    const reply = await upload(w, '/opt-outs/import', text);
    expect(dataOf(reply)).toMatchObject({
      kind: 'opt_outs',
      added: 900,
      updated: 0,
      duplicates: 2,
      invalid: 1,
    });
    expect((await w.call('/opt-outs')).body.pagination).toMatchObject({ totalItems: 901 });
    expect(dataOf(await w.call('/opt-outs/6281300000007'))).toMatchObject({
      source: 'import',
      note: 'reason 7',
    });
    const file = (await w.call('/opt-outs/export')).text;
    expect(file.trim().split('\r\n')).toHaveLength(902);
    expect(file).toContain(`${PHONE},manual,,'=1+1,`);
    w = await enterAs(first.t, await first.t.tenant());
    expect(dataOf(await upload(w, '/opt-outs/import', file))).toMatchObject({ added: 901, invalid: 0 });
    expect(dataOf(await w.call(`/opt-outs/${PHONE}`)).note).toBe('=1+1');
  });

  it('takes no number that is none', async () => {
    const reply = await w.post('/opt-outs', { numbers: [PHONE, 'abc'] });
    expect(reply).toMatchObject({ status: 400, body: { code: 'INVALID_NUMBER' } });
    expect(await ledger()).toEqual([]);
  });
});
