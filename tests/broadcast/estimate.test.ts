import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { learnAlias } from '../../src/services/messages/aliases.ts';
import { type CampaignWorld, contacts, openCampaigns } from './campaign-fixture.ts';

let w: CampaignWorld;
beforeAll(async () => {
  w = await openCampaigns({ delayMinMs: 1_000, delayMaxMs: 3_000, perMinute: 100, perHour: 200 });
});
afterAll(() => w.close());

async function estimate(body: Record<string, unknown>): Promise<Record<string, unknown>> {
  const reply = await w.post('/estimate', body);
  expect(reply.status, reply.text).toBe(200);
  return Object(reply.body.data);
}
const numbers = (n: number) => contacts(n).map(({ phone }) => phone);

describe('an estimate', () => {
  it('goes by the gap of the session where that is slower than the delay', async () => {
    expect(await estimate({ numbers: numbers(60), delayBetweenMessages: 1_000 })).toMatchObject({
      recipients: 60,
      ratePerMinute: 30,
      durationSeconds: 120,
      limitedBy: 'pace',
      perDay: null,
    });
  });

  it('goes by the share of an hour past its first ones', async () => {
    const { perHour, durationSeconds } = await estimate({
      numbers: numbers(400),
      delayBetweenMessages: 1_000,
    });
    const hours = Math.ceil(400 / Number(perHour)) - 1;
    expect(hours).toBeGreaterThan(0);
    expect(durationSeconds).toBe(hours * 3_600 + (400 - hours * Number(perHour)) * 2);
  });

  it('spreads over days what a daily cap holds back, and says so', async () => {
    const told = await estimate({ numbers: numbers(95), delayBetweenMessages: 2_000, dailyCap: 10 });
    expect(told).toMatchObject({ perDay: 10, limitedBy: 'daily_cap' });
    expect(Math.floor(Number(told.durationSeconds) / 86_400)).toBe(9);
  });

  it('counts the days that the limit of first contacts takes, and only for those who do not know the session', async () => {
    await w.setSession('main', { limits: { newContactsPerDay: 20 } });
    const told = await estimate({ numbers: numbers(60) });
    expect(told).toMatchObject({
      strangers: 60,
      newContactsPerDay: 20,
      limitedBy: 'new_contacts',
      perDay: null,
    });
    expect(Math.floor(Number(told.durationSeconds) / 86_400)).toBe(2);
    const warm = await estimate({ numbers: numbers(60), warmUp: true });
    expect(warm).toMatchObject({ newContactsPerDay: 5 });
    expect(Number(warm.durationSeconds)).toBeGreaterThan(Number(told.durationSeconds));
    await w.setSession('main', { limits: null });
    expect(await estimate({ numbers: numbers(60) })).toMatchObject({
      strangers: null,
      newContactsPerDay: null,
      limitedBy: 'pace',
    });
  });

  it('leaves out who has opted out, what is no number and what stands there twice', async () => {
    const listId = await w.list(contacts(20));
    const [first = '', second = ''] = numbers(2);
    await w.post('/opt-outs', { numbers: [first, second, '628999999999'] });
    expect(await estimate({ listId })).toMatchObject({ recipients: 18, optedOut: 2 });
    expect(await estimate({ numbers: [first, '0812345678', '0812345678', 'nobody'] })).toMatchObject({
      recipients: 1,
      optedOut: 1,
      invalid: 1,
      duplicates: 1,
    });
    expect(await estimate({ numbers: ['81234567890', 'nobody', '0812345678'] })).toMatchObject({
      invalid: 2,
      unclear: [{ number: '81234567890', readings: ['+6281234567890', '+81234567890'] }],
    });
  });

  it('knows people who opted out, and those who stand there twice, under each of their numbers', async () => {
    const [before, today] = ['5215512345678', '525512345678'];
    const [alias, account] = ['628111111116', '628222222226'];
    const told = { alias, phone: account, lid: null };
    await learnAlias(w.t.deps.db, w.tenant.id, told, w.clock.now());
    await w.post('/opt-outs', { numbers: [`+${today}`, `+${account}`] });
    const listId = await w.list([{ phone: before }, { phone: alias }, ...contacts(3, 500)]);
    expect(await estimate({ listId })).toMatchObject({ recipients: 3, optedOut: 2 });
    const twice = [before, today, alias, account, '628123456780'].map((phone) => `+${phone}`);
    expect(await estimate({ numbers: twice })).toMatchObject({ recipients: 1, optedOut: 2, duplicates: 2 });
  });

  it('begins when the campaign would', async () => {
    const told = await estimate({
      numbers: numbers(1),
      cron: '0 9 * * *',
      timezone: 'Asia/Jakarta',
      quietHours: { from: '21:00', to: '08:00' },
    });
    expect(told).toMatchObject({ startsAt: '2026-01-06T02:00:00.000Z', quietMinutes: 660 });
  });

  it('makes nothing, and refuses what the campaign would refuse', async () => {
    for (const body of [
      {},
      { numbers: ['nobody'] },
      { listId: 'nothing' },
      { numbers: numbers(1), cron: 'x' },
    ]) {
      expect((await w.post('/estimate', body)).status).toBeGreaterThanOrEqual(400);
    }
    expect(Object((await w.call('/campaigns')).body.pagination).totalItems).toBe(0);
    const stranger = await w.t.tenant();
    const call = { method: 'POST', token: stranger.token, body: { numbers: numbers(1) } };
    expect((await w.t.call('/session/main/broadcast/estimate', call)).status).toBe(404);
  });

  it('has a limit of its own', async () => {
    const statuses: number[] = [];
    while (statuses.length < 31 && statuses.at(-1) !== 429) {
      statuses.push((await w.post('/estimate', { numbers: numbers(1) })).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect((await w.call('/campaigns')).status).toBe(200);
  });
});
