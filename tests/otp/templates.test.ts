import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ctx } from '../../src/services/context.ts';
import { checkTemplate, defaultTemplate, fillTemplate } from '../../src/services/otp/template-text.ts';
import {
  createOtpTemplate,
  deleteOtpTemplate,
  getOtpTemplate,
  listOtpTemplates,
  type OtpTemplate,
  updateOtpTemplate,
} from '../../src/services/otp/templates.ts';
import { failure, type OtpFixture, openOtpFixture, outcome, send, textOf } from './fixture.ts';

let fixture: OtpFixture;
beforeAll(async () => {
  fixture = await openOtpFixture();
});
afterAll(() => fixture.close());

const create = (ctx: Ctx, name: string, body: string) =>
  createOtpTemplate(ctx, { name, body }, (data: OtpTemplate) => ({ status: 201, body: { data } }));

describe('the text', () => {
  it.each([
    ['Kode: {code}', 'unknown placeholder {code}'],
    ['Kode: {otp} {otp', 'has a brace'],
    ['Kode: otp', 'lacks the placeholder {otp}'],
    ['{company} {minutes}', 'lacks the placeholder {otp}'],
    [`{otp}${'x'.repeat(1000)}`, 'at most 1000'],
  ])('%j is refused when it is saved', (text, reason) => {
    expect(() => checkTemplate(text, 'body')).toThrow(reason);
  });

  it('is filled in in one pass, in either case, with whole minutes', () => {
    const values = { otp: '012345', company: '{otp} {minutes}', remainingMs: 60_001 };
    expect(fillTemplate('{OTP}/{company}/{minutes}', values)).toBe('012345/{otp} {minutes}/2');
    expect(fillTemplate('{minutes}', { ...values, remainingMs: 1 })).toBe('1');
  });

  it.each(['id', 'en'] as const)('has a default in %s, with and without a company', (language) => {
    for (const company of [null, 'PT. Contoh']) {
      const text = defaultTemplate(language, company);
      checkTemplate(text, 'body');
      expect(fillTemplate(text, { otp: '4711', company, remainingMs: 300_000 })).not.toMatch(/[{}]/);
    }
  });
});

describe('own templates', () => {
  it('are all listed when the quota was lowered below what is there', async () => {
    const ctx = await fixture.otpTenant();
    for (const name of ['one', 'two']) await create(ctx, name, 'Kode: {otp}');
    const quotas = { ...ctx.config.quotas, otpTemplates: 1 };
    const lowered = { ...ctx, config: { ...ctx.config, quotas } };
    expect((await listOtpTemplates(lowered)).map(({ name }) => name)).toEqual(['one', 'two']);
    expect(await outcome(create(lowered, 'three', 'Kode: {otp}'))).toBe('QUOTA_EXCEEDED');
  });

  it('are kept per tenant under a name of their own', async () => {
    const ctx = await fixture.otpTenant();
    const other = await fixture.otpTenant();
    const made = await create(ctx, 'login', 'Masuk: {otp}');
    await create(other, 'login', 'Other: {otp}');
    expect(await outcome(create(ctx, 'login', 'Lagi: {otp}'))).toBe('CONFLICT');
    expect(await listOtpTemplates(ctx)).toEqual([made]);
    expect(await outcome(getOtpTemplate(other, made.id))).toBe('NOT_FOUND');
    expect(await outcome(updateOtpTemplate(other, made.id, { body: 'x {otp}' }))).toBe('NOT_FOUND');
    expect(await outcome(deleteOtpTemplate(other, made.id))).toBe('NOT_FOUND');
    expect(await outcome(updateOtpTemplate(ctx, made.id, { body: 'x' }))).toBe('VALIDATION_FAILED');
    await create(ctx, 'other', '{otp}');
    expect(await outcome(updateOtpTemplate(ctx, made.id, { name: 'other' }))).toBe('CONFLICT');
    const changed = await updateOtpTemplate(ctx, made.id, { name: 'masuk' });
    expect(changed).toMatchObject({ id: made.id, name: 'masuk', body: 'Masuk: {otp}' });
    await deleteOtpTemplate(ctx, made.id);
    expect(await outcome(getOtpTemplate(ctx, made.id))).toBe('NOT_FOUND');
  });

  it('write the message by name, by id and in place; what is on its way keeps its text', async () => {
    const ctx = await fixture.otpTenant();
    const made = await create(ctx, 'login', 'Masuk ke {company}: *{otp}*');
    const company = { companyName: 'PT. Contoh' };
    const byName = await send(ctx, '+6281255555551', { template: 'login', ...company });
    await updateOtpTemplate(ctx, made.id, { body: 'Baru *{otp}*' });
    expect(await textOf(ctx, byName.messageId)).toMatch(/^Masuk ke PT\. Contoh: \*\d{6}\*$/);
    const byId = await send(ctx, '+6281255555552', { template: made.id });
    expect(await textOf(ctx, byId.messageId)).toMatch(/^Baru \*\d{6}\*$/);
    const inPlace = await send(ctx, '+6281255555553', {
      template: 'Halo {otp}, {minutes}',
      expiresInSeconds: 60,
    });
    expect(await textOf(ctx, inPlace.messageId)).toMatch(/^Halo \d{6}, 1$/);
  });

  it('are refused by a send that they cannot serve', async () => {
    const ctx = await fixture.otpTenant();
    await create(ctx, 'brand', '{company}: {otp}');
    const phone = '+6281255555554';
    expect(await outcome(send(ctx, phone, { template: 'none' }))).toBe('NOT_FOUND');
    expect(await failure(send(ctx, phone, { template: 'brand' }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { companyName: expect.any(String) },
    });
    expect(await failure(send(ctx, phone, { template: '{oops}' }))).toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { template: expect.stringContaining('{oops}') },
    });
  });
});
