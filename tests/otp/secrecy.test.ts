import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dbType } from '../../src/db/kit.ts';
import { rawRows } from '../../src/db/ops.ts';
import { expireOtp } from '../../src/services/otp/expire.ts';
import { resendOtp } from '../../src/services/otp/resend.ts';
import { getOtpStatus } from '../../src/services/otp/status.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { watchOtps } from '../../src/services/otp/watch.ts';
import type { TestDatabase } from '../helpers/database.ts';
import {
  acknowledge,
  codeOf,
  type OtpFixture,
  openOtpFixture,
  outcome,
  send,
  testDatabaseOf,
  textOf,
  wrongFor,
} from './fixture.ts';

/** Where the codes are written is the same on both databases; how the files of one keep them is not. */
const COUNT = dbType === 'sqlite' ? 1_000 : 250;
let fixture: OtpFixture;
beforeAll(async () => {
  fixture = await openOtpFixture();
});
afterAll(() => fixture.close());

/** Ids, proofs and instants are random enough to hold any 8 digits: they are no hiding place for a code. */
const NOISE = /[0-9A-Fa-f]{18,}|\d{13}/g;

/** Every byte that the database keeps: its files, or all of its rows. */
async function everythingKept(database: TestDatabase): Promise<string> {
  const { options } = database;
  if (options.type === 'sqlite') {
    const files = [options.path, `${options.path}-wal`];
    return files.map((path) => readFileSync(path, 'latin1')).join('\n');
  }
  const tables = await rawRows<Record<string, string>>(database.db, sql`show tables`);
  const rows = [];
  for (const table of tables.map((row) => String(Object.values(row)[0]))) {
    rows.push(await rawRows(database.db, sql`select * from ${sql.identifier(table)}`));
  }
  return JSON.stringify(rows);
}

const numberOf = (i: number) => `+62812500${String(i).padStart(5, '0')}`;

/** 50 at a time, as busy clients would: the commits are shared. */
async function inGroups(all: readonly number[], work: (i: number) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += 50) await Promise.all(all.slice(at, at + 50).map(work));
}

describe(`after ${COUNT} codes of 8 marked digits`, () => {
  it('none is in the database, its log, the logs, the answers or the events', async () => {
    const ctx = await fixture.otpTenant();
    const answers: unknown[] = [];
    ctx.stream.subscribe({ userId: ctx.actor.userId }, (event) => answers.push(event));
    const codes: string[] = [];
    const live = async (i: number): Promise<void> => {
      const code = `9731${String(i).padStart(4, '0')}`;
      const to = numberOf(i);
      codes.push(code);
      const sent = await send(ctx, to, { code, companyName: 'PT. Contoh' });
      answers.push(sent);
      // Read as the dispatcher reads it: the search below would prove nothing if the codes were not ours.
      expect(await codeOf(ctx, sent.messageId)).toBe(code);
      if (i % 2 === 0) await acknowledge(ctx, sent.messageId);
      if (i % 5 === 1)
        answers.push(await outcome(verifyOtp(ctx, { otpId: sent.otpId, otp: wrongFor(code) })));
      if (i % 5 === 2) answers.push(await verifyOtp(ctx, { phoneNumber: to, otp: code }));
      if (i % 5 === 3) answers.push(await expireOtp(ctx, { otpId: sent.otpId }));
      answers.push(await getOtpStatus(ctx, { otpId: sent.otpId }));
    };
    const all = Array.from({ length: COUNT }, (_, i) => i);
    await inGroups(all, live);
    await fixture.clock.advance(30_000);
    const pending = all.filter((i) => i % 5 === 0);
    await inGroups(pending, async (i) => {
      answers.push(await resendOtp(ctx, { phoneNumber: numberOf(i) }));
    });
    await watchOtps(ctx);
    const kept = await everythingKept(testDatabaseOf(fixture));
    expect(kept).toContain('62812500');
    const haystack = [kept, JSON.stringify(answers), JSON.stringify(fixture.lines)]
      .join('\n')
      .replace(NOISE, '');
    expect(codes).toHaveLength(COUNT);
    expect(haystack.match(/9731\d{4}/g)).toBeNull();
  }, 120_000);
});

describe('what a thief of the database has', () => {
  it('cannot open a code moved to another row, nor with another key', async () => {
    const ctx = await fixture.otpTenant();
    const { openCode, sealCode, macOf } = await import('../../src/services/otp/codes.ts');
    const { createSecretBox } = await import('../../src/utils/crypto.ts');
    const one = { id: 'a'.repeat(32), userId: 1 };
    const sealed = sealCode(ctx.secrets, one, { code: '123456', template: '{otp}' });
    expect(openCode(ctx.secrets, one, sealed).code).toBe('123456');
    expect(() => openCode(ctx.secrets, { ...one, id: 'b'.repeat(32) }, sealed)).toThrow();
    expect(() => openCode(ctx.secrets, { ...one, userId: 2 }, sealed)).toThrow();
    const other = createSecretBox([Buffer.alloc(32, 7)]);
    expect(() => openCode(other, one, sealed)).toThrow();
    const macs = [one, { ...one, id: 'b'.repeat(32) }, { ...one, userId: 2 }].map((otp) =>
      macOf(ctx.secrets, otp, '123456'),
    );
    expect(new Set([...macs, macOf(other, one, '123456')]).size).toBe(4);
  });

  it('finds a message that names its OTP and nothing else', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, '+6281299999999');
    expect(await textOf(ctx, sent.messageId)).toContain('*');
    const rows = await rawRows<{ content: string }>(
      ctx.db,
      sql`select content from messages where message_id = ${sent.messageId}`,
    );
    expect(rows.map((row) => JSON.parse(row.content))).toEqual([{ type: 'otp', otpId: sent.otpId }]);
  });
});
