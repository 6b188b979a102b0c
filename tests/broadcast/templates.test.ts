import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntries } from '../../src/db/schema.ts';
import { compileTemplate, renderTemplate } from '../../src/services/templates/render.ts';
import { dataOf, enterAs, openWorld, rowsOf, type World } from './fixture.ts';

const contact = {
  phone: '628123456789',
  name: 'Budi',
  fields: { email: 'b@example.com', 'No. Invoice': 'INV-1', City: 'Solo', trap: '{name} {{a|b}}' },
};
const nobody = { phone: '628123456789', name: null, fields: {} };
const text = (template: string, who: typeof contact | typeof nobody = contact) =>
  renderTemplate(template, who, 's').text;

describe('a placeholder', () => {
  it.each([
    ['Halo {name}', 'Halo Budi'],
    ['{nama}/{NAME}/{ name }', 'Budi/Budi/Budi'],
    ['{number} {phone} {nomor}', '628123456789 628123456789 628123456789'],
    ['{email} {No. Invoice} {no_invoice} {city}', 'b@example.com INV-1 INV-1 Solo'],
    ['{{name}} and {{ email }}', 'Budi and b@example.com'],
    ['{name|Kak}', 'Budi'],
    ['{trap}', '{name} {{a|b}}'],
  ])('in %j is filled in', (template, expected) => {
    expect(renderTemplate(template, contact, 's')).toEqual({ text: expected, variant: null, missing: [] });
  });

  it('without a value takes its default, which may be empty', () => {
    expect(renderTemplate('Halo {name|Kak}, {voucher|}!', nobody, 's')).toEqual({
      text: 'Halo Kak, !',
      variant: null,
      missing: [],
    });
  });

  it('without a value and a default is left empty and named once', () => {
    expect(renderTemplate('{name}{voucher} {voucher}{{city}}', nobody, 's')).toEqual({
      text: ' ',
      variant: null,
      missing: ['name', 'voucher', 'city'],
    });
  });

  it.each([
    'a { b',
    'a } b',
    '{}',
    '{ }',
    '{{}}',
    'a {{ b',
    '{a\nb}',
    `{${'x'.repeat(61)}}`,
    '100 % {',
    '}{',
    '{{a}',
    '{{|}',
  ])('is not what stands in %j', (template) => {
    const { text: rendered } = renderTemplate(template, { ...nobody, fields: { a: 'A' } }, 's');
    expect(rendered).toBe(template === '{{a}' ? '{A' : template);
  });

  it('never looks into the prototype of the fields', () => {
    expect(renderTemplate('{constructor}{__proto__}{toString}', nobody, 's').text).toBe('');
  });
});

describe('spintax', () => {
  it('takes one alternative, the same for the same seed, and says which', () => {
    const template = '{{Halo|Hai|Hei}} {name}, {{promo|diskon}}';
    for (let i = 0; i < 50; i++) {
      const first = renderTemplate(template, contact, `campaign:${i}`);
      expect(renderTemplate(template, contact, `campaign:${i}`)).toEqual(first);
      const [greeting = 0, offer = 0] = String(first.variant).split('.').map(Number);
      expect(first.text).toBe(
        `${['Halo', 'Hai', 'Hei'][greeting - 1]} Budi, ${['promo', 'diskon'][offer - 1]}`,
      );
    }
  });

  it('spreads the recipients evenly over the alternatives', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const { variant } = renderTemplate('{{a|b|c}}', nobody, `seed:${i}`);
      counts.set(String(variant), (counts.get(String(variant)) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['1', '2', '3']);
    for (const n of counts.values()) expect(Math.abs(n - 1000)).toBeLessThan(150);
  });

  it('may hold placeholders, defaults and further spintax', () => {
    const template = '{{Halo {name|Kak}|{{Pagi|Siang}} {name}|}}!';
    const seen = new Set(
      Array.from({ length: 100 }, (_, i) => renderTemplate(template, contact, String(i)).text),
    );
    expect([...seen].sort()).toEqual(['!', 'Halo Budi!', 'Pagi Budi!', 'Siang Budi!']);
    expect(compileTemplate(template)).toMatchObject({ placeholders: ['name'], choices: 2 });
  });

  it('that is nested without an end holds nobody up', () => {
    for (const piece of ['{{', '{{|', '{', '{{a|{', '}}|{{']) {
      for (const end of ['', '}', '}}']) {
        const before = process.cpuUsage();
        compileTemplate(piece.repeat(10_000 / piece.length) + end);
        const { user, system } = process.cpuUsage(before);
        expect((user + system) / 1000, JSON.stringify(piece + end)).toBeLessThan(150);
      }
    }
  });

  it('may be as long as a message', () => {
    const long = `{{${'x'.repeat(4_000)} {name}|${'x'.repeat(4_000)} {nama}}}`;
    expect(text(long)).toBe(`${'x'.repeat(4_000)} Budi`);
  });
});

describe('templates', () => {
  let w: World;
  beforeAll(async () => {
    w = await openWorld();
  });
  afterAll(() => w.close());

  it('are made, listed, changed and deleted', async () => {
    const made = await w.post('/templates', { name: 'promo', body: '{{Halo|Hai}} {name|Kak}, {voucher}' });
    expect(made.status).toBe(201);
    const { id } = dataOf(made);
    expect(dataOf(made)).toMatchObject({ name: 'promo', placeholders: ['name', 'voucher'] });
    expect(await w.post('/templates', { name: 'promo', body: 'x' })).toMatchObject({ status: 409 });
    await w.post('/templates', { name: 'another', body: 'y' });
    expect(rowsOf(await w.call('/templates')).map((row) => row.name)).toEqual(['another', 'promo']);
    expect(rowsOf(await w.call('/templates?search=VOUCHER'))).toHaveLength(1);
    const taken = await w.call(`/templates/${id}`, { method: 'PUT', body: { name: 'another' } });
    expect(taken).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const changed = await w.call(`/templates/${id}`, { method: 'PUT', body: { body: '{city}' } });
    expect(dataOf(changed)).toMatchObject({ name: 'promo', placeholders: ['city'] });
    expect((await w.call(`/templates/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await w.call(`/templates/${id}`)).status).toBe(404);
  });

  it('are deleted once, by whoever comes first', async () => {
    const { t, tenant } = w;
    const make = (path: string, body: unknown) => t.call(path, { method: 'POST', token: tenant.token, body });
    for (const [path, body] of [
      ['/session/main/broadcast/templates', 'x'],
      ['/otp/templates', 'Kode {otp}'],
    ] as const) {
      const { id } = dataOf(await make(path, { name: 'once', body }));
      const replies = await Promise.all(
        Array.from({ length: 4 }, () => t.call(`${path}/${id}`, { method: 'DELETE', token: tenant.token })),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404]);
      const gone = and(eq(auditEntries.event, 'template.deleted'), eq(auditEntries.subject, String(id)));
      expect(await t.deps.db.select().from(auditEntries).where(gone)).toHaveLength(1);
    }
  });

  it('belong to their tenant', async () => {
    const { id } = dataOf(await w.post('/templates', { name: 'mine', body: 'x' }));
    const stranger = await enterAs(w.t, await w.t.tenant());
    expect((await stranger.call(`/templates/${id}`)).status).toBe(404);
    expect((await stranger.call(`/templates/${id}`, { method: 'PUT', body: { body: 'y' } })).status).toBe(
      404,
    );
    expect((await stranger.call(`/templates/${id}`, { method: 'DELETE' })).status).toBe(404);
    expect((await stranger.post('/templates/preview', { templateId: id })).status).toBe(404);
    expect((await stranger.post('/templates', { name: 'mine', body: 'x' })).status).toBe(201);
  });

  it('with more spintax than can be recorded are refused', async () => {
    const reply = await w.post('/templates', { name: 'long', body: '{{a|b}}'.repeat(51) });
    expect(reply).toMatchObject({ status: 400, body: { details: { body: expect.stringContaining('50') } } });
  });

  it('are previewed with real contacts', async () => {
    const listId = await w.list();
    await w.post(`/lists/${listId}/contacts`, {
      contacts: [
        { number: '081234567890', name: 'Budi', voucher: 'V-1' },
        { number: '081234567891', name: 'Ani' },
      ],
    });
    const message = 'Halo {name}, voucher {voucher}';
    const all = dataOf(await w.post('/templates/preview', { message, listId }));
    expect(all).toMatchObject({
      placeholders: ['name', 'voucher'],
      previews: [
        { number: '6281234567890', text: 'Halo Budi, voucher V-1', missing: [] },
        { number: '6281234567891', text: 'Halo Ani, voucher ', missing: ['voucher'] },
      ],
    });
    const { id } = dataOf(await w.post('/templates', { name: 'preview', body: '{name}' }));
    const one = await w.post('/templates/preview', { templateId: id, listId, numbers: ['0812-3456-7891'] });
    expect(dataOf(one).previews).toMatchObject([{ number: '6281234567891', text: 'Ani' }]);
    expect(dataOf(await w.post('/templates/preview', { templateId: id })).previews).toMatchObject([
      { text: 'Budi' },
    ]);
    expect(await w.post('/templates/preview', { templateId: id, text: 'both' })).toMatchObject({
      status: 400,
    });
  });
});
