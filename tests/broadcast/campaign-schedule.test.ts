import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { campaigns } from '../../src/db/schema.ts';
import { firstRun, nextRun } from '../../src/services/campaigns/schedule.ts';
import { AppError } from '../../src/utils/errors.ts';
import { refuseUpdates } from '../helpers/refuse.ts';
import { type CampaignWorld, contacts, openCampaigns, type View } from './campaign-fixture.ts';

const NOW = Date.UTC(2026, 0, 5, 3);

describe('a time', () => {
  it.each([
    ['2026-01-05T08:00:00Z', 'UTC', Date.UTC(2026, 0, 5, 8)],
    ['2026-01-05T15:00:00+07:00', 'UTC', Date.UTC(2026, 0, 5, 8)],
    ['2026-01-05T15:00:00', 'Asia/Jakarta', Date.UTC(2026, 0, 5, 8)],
    ['2026-01-05 15:00', 'Asia/Jakarta', Date.UTC(2026, 0, 5, 8)],
    ['2026-07-01T09:00', 'Europe/London', Date.UTC(2026, 6, 1, 8)],
    // A moment ago by a clock that is behind: now.
    ['2026-01-05T02:59:30Z', 'UTC', NOW],
  ])('reads %s in %s', (scheduledAt, timeZone, at) => {
    expect(firstRun({ scheduledAt, timeZone }, NOW)).toBe(at);
  });

  it.each([
    [{ scheduledAt: '2026-01-05T02:00:00Z', timeZone: 'UTC' }, 'scheduledAt'],
    [{ scheduledAt: '2027-06-01T02:00:00Z', timeZone: 'UTC' }, 'scheduledAt'],
    [{ scheduledAt: 'tomorrow', timeZone: 'UTC' }, 'scheduledAt'],
    // Days that no calendar has, which would begin two days later.
    [{ scheduledAt: '2026-02-30T08:00:00', timeZone: 'UTC' }, 'scheduledAt'],
    [{ scheduledAt: '2026-02-30T08:00:00Z', timeZone: 'UTC' }, 'scheduledAt'],
    [{ scheduledAt: '2026-04-31T08:00:00+07:00', timeZone: 'UTC' }, 'scheduledAt'],
    [{ scheduledAt: '2026-02-28T24:00', timeZone: 'UTC' }, 'scheduledAt'],
    [{ scheduledAt: '2026-01-06T02:00:00', timeZone: 'Mars/Phobos' }, 'timezone'],
    [{ timeZone: 'UTC' }, 'scheduledAt'],
    [{ cron: 'every day at nine', timeZone: 'UTC' }, 'cron'],
    [{ cron: '0 0 30 2 *', timeZone: 'UTC' }, 'cron'],
  ])('refuses %j', (input, field) => {
    try {
      firstRun(input, NOW);
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      expect(error.code).toBe('VALIDATION_FAILED');
      expect(error.details).toHaveProperty(field);
    }
  });

  it.each([
    ['every monday', 'must have five fields, minute, hour, day, month and weekday, as in 0 9 * * 1'],
    ['* * * * * *', 'must have five fields, minute, hour, day, month and weekday, as in 0 9 * * 1'],
    ['0 25 * * *', 'is not a cron expression of five fields (Invalid value for hour: 25)'],
  ])('says what is wrong with the cron expression %s', (cron, reason) => {
    expect(() => nextRun(cron, 'UTC', NOW)).toThrow(expect.objectContaining({ details: { cron: reason } }));
  });

  it('follows a cron expression in its time zone', () => {
    expect(nextRun('0 9 * * 1', 'Asia/Jakarta', NOW)).toBe(Date.UTC(2026, 0, 12, 2));
    expect(firstRun({ cron: '0 9 * * *', timeZone: 'Asia/Jakarta' }, NOW)).toBe(Date.UTC(2026, 0, 6, 2));
  });
});

describe('a campaign for later', () => {
  let w: CampaignWorld;
  beforeEach(async () => {
    w = await openCampaigns();
  });
  afterEach(() => w.close());

  const all = async (): Promise<View[]> => Object((await w.call('/campaigns')).body.data);

  it('ends with that reason when its list is deleted, and so does a paused one that has not begun', async () => {
    const listId = await w.list(contacts(2));
    const later = { listId, message: 'x', scheduledAt: '2026-01-05T03:05:00Z' };
    const { id } = Object((await w.post('/schedule', later)).body.data);
    const clone = Object((await w.post(`/campaigns/${id}/clone`, {})).body.data);
    const { body } = await w.post('/schedule', { ...later, listId: await w.list(contacts(1)) });
    expect((await w.call(`/lists/${listId}`, { method: 'DELETE' })).status).toBe(200);
    for (const ended of [id, clone.id]) {
      expect(await w.campaign(ended)).toMatchObject({ status: 'failed', reason: 'list_deleted' });
    }
    expect(await w.campaign(Object(body.data).id)).toMatchObject({ status: 'scheduled' });
    await w.clock.advance(320_000);
    expect(w.relayed()).toHaveLength(1);
  });

  it('begins at its time, with who is on the list then', async () => {
    const listId = await w.list(contacts(2));
    const reply = await w.post('/schedule', {
      listId,
      message: 'x',
      scheduledAt: '2026-01-05T10:05:00',
      timezone: 'Asia/Jakarta',
    });
    expect(reply).toMatchObject({
      status: 202,
      body: { data: { status: 'scheduled', totalContacts: 2, scheduledAt: '2026-01-05T03:05:00.000Z' } },
    });
    await w.clock.advance(60_000);
    await w.post(`/lists/${listId}/contacts`, { number: '+6281399999999' });
    expect(w.relayed()).toEqual([]);
    await w.clock.advance(250_000);
    expect(w.relayed()).toHaveLength(3);
    expect(await w.campaign(Object(reply.body.data).id)).toMatchObject({ status: 'completed' });
  });

  it('can be moved, changed and stopped before it begins', async () => {
    const body = { numbers: ['0812345678'], message: 'x', scheduledAt: '2026-01-05T03:01:00Z' };
    const { id } = Object((await w.post('/schedule', body)).body.data);
    const put = (change: object) => w.call(`/campaigns/${id}`, { method: 'PUT', body: change });
    expect(
      Object((await put({ scheduledAt: '2026-01-05T03:03:00Z', message: 'y' })).body.data),
    ).toMatchObject({
      nextRunAt: '2026-01-05T03:03:00.000Z',
      content: { type: 'text', text: 'y' },
    });
    await w.clock.advance(100_000);
    expect(w.relayed()).toEqual([]);
    expect((await w.during(w.post(`/campaigns/${id}/stop`))).body.data).toMatchObject({ status: 'stopped' });
    await w.clock.advance(200_000);
    expect(w.relayed()).toEqual([]);
  });

  it('waits for another one to the same list', async () => {
    const listId = await w.list(contacts(3));
    const first = await w.start({ listId, message: 'x', delayBetweenMessages: 60_000 });
    const body = { listId, message: 'y', scheduledAt: '2026-01-05T03:00:30Z' };
    const { id } = Object((await w.post('/schedule', body)).body.data);
    await w.clock.advance(45_000);
    expect((await w.campaign(id)).status).toBe('scheduled');
    await w.during(w.post(`/campaigns/${first}/stop`));
    await w.clock.advance(60_000);
    expect((await w.campaign(id)).status).toBe('completed');
  });

  it('comes again with cron, a campaign each time, until it is stopped', async () => {
    const listId = await w.list(contacts(2));
    const body = { listId, message: 'x', campaignName: 'Weekly', cron: '*/2 * * * *' };
    const { id } = Object((await w.post('/schedule', body)).body.data);
    await w.clock.advance(5 * 60_000);
    expect(w.relayed()).toHaveLength(4);
    const runs = (await all()).filter(({ originId }) => originId === id);
    expect(runs.map(({ status, name }) => [status, name])).toEqual([
      ['completed', 'Weekly 2026-01-05'],
      ['completed', 'Weekly 2026-01-05'],
    ]);
    expect(await w.campaign(id)).toMatchObject({
      status: 'scheduled',
      nextRunAt: '2026-01-05T03:06:00.000Z',
    });
    await w.during(w.post(`/campaigns/${id}/stop`));
    await w.clock.advance(5 * 60_000);
    expect(w.relayed()).toHaveLength(4);
  });

  it('comes every day though WhatsApp says nothing of one number, and is in nobody’s way because of it', async () => {
    const people = contacts(3);
    w.silent.add(people[0]?.phone ?? '');
    const listId = await w.list(people);
    const body = { listId, message: 'x', cron: '0 9 * * *', timezone: 'UTC' };
    const { id } = Object((await w.post('/schedule', body)).body.data);
    const runs = async () => (await all()).filter(({ originId }) => originId === id);
    const nine = Date.UTC(2026, 0, 5, 9);
    w.clock.setNow(nine);
    await w.clock.advance(30_000);
    expect(w.relayed()).toHaveLength(2);
    expect(await runs()).toMatchObject([{ status: 'running', waitingFor: [{ reason: 'number_silent' }] }]);
    // Another campaign to the list begins meanwhile.
    const other = await w.start({ listId, message: 'y' });
    await w.clock.advance(30_000);
    expect(w.relayed()).toHaveLength(4);
    w.clock.setNow(nine + 62 * 60_000);
    await w.clock.advance(90_000);
    expect(await runs()).toMatchObject([{ status: 'completed', statistics: { sent: 2, skipped: 1 } }]);
    expect(await w.campaign(other)).toMatchObject({
      status: 'completed',
      statistics: { sent: 2, skipped: 1 },
    });
    // What was silent yesterday is asked for once, and nobody waits for it.
    const asked = w.lookedUp.length;
    w.clock.setNow(nine + 86_400_000);
    await w.clock.advance(60_000);
    expect((await runs()).map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(w.relayed()).toHaveLength(6);
    expect(w.lookedUp.slice(asked)).toEqual([people[0]?.phone]);
  });

  it('that cannot be started stops no other', async () => {
    const schedule = async () => {
      const body = { listId: await w.list(contacts(2)), message: 'x', cron: '*/2 * * * *' };
      return String(Object((await w.post('/schedule', body)).body.data).id);
    };
    const bad = await schedule();
    const good = await schedule();
    const dueAt = NOW + 119_000;
    await w.t.deps.db.update(campaigns).set({ timeZone: 'Nowhere/Zone', dueAt }).where(eq(campaigns.id, bad));
    await w.clock.advance(180_000);
    expect(w.relayed()).toHaveLength(2);
    expect(await w.campaign(good)).toMatchObject({ nextRunAt: '2026-01-05T03:04:00.000Z' });
  });

  it('that the database refuses stops no other', async () => {
    const schedule = async (number: string) => {
      const body = { numbers: [number], message: 'x', scheduledAt: '2026-01-05T03:00:10Z' };
      return String(Object((await w.post('/schedule', body)).body.data).id);
    };
    const [refused, other] = [await schedule('0812345678'), await schedule('0812345679')];
    const dueAt = NOW + 9_000;
    await w.t.deps.db.update(campaigns).set({ dueAt }).where(eq(campaigns.id, refused));
    const allow = await refuseUpdates(w.t.deps.database, 'campaigns', refused);
    await w.clock.advance(30_000);
    expect(await w.campaign(other)).toMatchObject({ status: 'completed' });
    expect(await w.campaign(refused)).toMatchObject({ status: 'scheduled' });
    await allow();
    await w.clock.advance(60_000);
    expect(await w.campaign(refused)).toMatchObject({ status: 'completed' });
  });

  it('is started once by two feeders', async () => {
    await w.post('/schedule', {
      numbers: ['0812345678'],
      message: 'x',
      scheduledAt: '2026-01-05T03:00:10Z',
    });
    w.clock.setNow(NOW + 20_000);
    await Promise.all([w.feeder.look(), w.feeder.look(), w.feeder.look()]);
    await w.clock.advance(30_000);
    expect(w.relayed()).toHaveLength(1);
  });
});

describe('a clone', () => {
  let w: CampaignWorld;
  beforeEach(async () => {
    w = await openCampaigns();
  });
  afterEach(() => w.close());

  it('is paused until it is resumed, and goes to the same numbers', async () => {
    const id = await w.start({ numbers: ['0812345678', '0812345679', 'x'], message: 'Hi {number}' });
    await w.clock.advance(10_000);
    const made = await w.post(`/campaigns/${id}/clone`, { campaignName: 'Again' });
    expect(made).toMatchObject({ status: 202, body: { data: { status: 'paused', name: 'Again' } } });
    const clone = Object(made.body.data).id;
    await w.clock.advance(10_000);
    expect(w.relayed()).toHaveLength(2);
    await w.call(`/campaigns/${clone}`, { method: 'PUT', body: { message: 'Bye {number}' } });
    expect((await w.post(`/campaigns/${clone}/resume`)).status).toBe(200);
    await w.clock.advance(10_000);
    expect(w.relayed()).toHaveLength(4);
    expect(w.engine.relayed.map(({ content }) => Object(content).text).slice(2)).toEqual([
      'Bye 62812345678',
      'Bye 62812345679',
    ]);
    expect(await w.campaign(clone)).toMatchObject({
      status: 'completed',
      statistics: { sent: 2, skipped: 1 },
    });
  });
});
