import { readFileSync } from 'node:fs';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { transact } from '../../src/db/ops.ts';
import { messageQueue, webhookLanes, webhookOutbox, workspaces } from '../../src/db/schema.ts';
import { record } from '../../src/events/record.ts';
import { measureProcess, renderMetrics } from '../../src/services/metrics/index.ts';
import { measureEngine, measurePosts } from '../../src/services/metrics/observe.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Engine, SendResult } from '../../src/whatsapp/engine.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { createScriptedEngine } from '../helpers/scripted-engine.ts';
import { addOtp, addSession } from './fixture.ts';

const TOKEN = 'a-token-for-prometheus';

let t: TestApp;
let clock: FakeClock;
beforeEach(async () => {
  clock = createFakeClock();
  t = await openTestApp({ clock, config: { metricsToken: TOKEN } });
});
afterEach(() => t.close());

/** Values by name and labels, as the text has them. */
async function scrape(): Promise<Map<string, number>> {
  const reply = await t.call('/metrics', { token: TOKEN });
  expect(reply.status).toBe(200);
  const lines = reply.text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/ (\S+)$/.exec(line)?.[1])]));
}

describe('/metrics', () => {
  it('is for the token and for admins, for nobody else', async () => {
    const [user, admin] = [await t.tenant(), await t.tenant('admin')];
    expect((await t.call('/metrics')).status).toBe(401);
    expect((await t.call('/metrics', { token: `${TOKEN}x` })).status).toBe(401);
    expect(await t.call('/metrics', { apiKey: user.apiKey })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
    for (const credential of [{ token: TOKEN }, { token: admin.token }, { apiKey: admin.apiKey }]) {
      const reply = await t.call('/metrics', credential);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    }
  });

  it('takes no bearer for a token that is not configured', async () => {
    const other = await openTestApp();
    expect((await other.call('/metrics', { token: 'null' })).status).toBe(401);
    await other.close();
  });

  it('tells sessions, queue, codes and webhooks from the database, read every five seconds at most', async () => {
    const user = await t.tenant();
    const busy = await addSession(t, user.id, 'busy');
    const away = await addSession(t, user.id, 'away', { status: 'disconnected' });
    const now = clock.now();
    const queued = (accountId: string, priority: number, availableAt: number) => ({
      id: newId(now),
      userId: user.id,
      accountId,
      messageId: newId(),
      recipient: '6281200000001@s.whatsapp.net',
      status: 'pending' as const,
      priority,
      availableAt,
    });
    await t.deps.db
      .insert(messageQueue)
      .values([
        queued(busy, 0, now - 4_000),
        queued(busy, 0, now - 2_000),
        queued(busy, 1, now + 60_000),
        queued(away, 1, now - 90_000),
      ]);
    await addOtp(t, user.id, { status: 'sent', endedAt: null });
    const webhookId = newId();
    const lane = `${webhookId}:x`;
    await t.deps.db.insert(webhookLanes).values({ lane, webhookId, dueAt: now });
    await t.deps.db.insert(webhookOutbox).values({
      id: newId(),
      webhookId,
      userId: user.id,
      lane,
      seq: 1,
      activityId: newId(),
      event: 'message.sent',
      state: 'pending',
      giveUpAt: now,
      createdAt: now - 30_000,
    });
    const { id: suspended } = await t.tenant();
    await t.deps.db.update(workspaces).set({ suspendedAt: now }).where(eq(workspaces.id, suspended));
    const first = await scrape();
    const all = await t.deps.db.select().from(workspaces);
    expect(Object.fromEntries(first)).toMatchObject({
      'wahub_workspaces{state="active"}': all.length - 1,
      'wahub_workspaces{state="suspended"}': 1,
      'wahub_sessions{status="connected"}': 1,
      'wahub_sessions{status="disconnected"}': 1,
      'wahub_sessions{status="qr"}': 0,
      wahub_queue_messages: 4,
      'wahub_queue_oldest_due_seconds{priority="high"}': 4,
      'wahub_queue_oldest_due_seconds{priority="normal"}': 0,
      wahub_otp_open: 1,
      wahub_webhook_lanes: 1,
      wahub_webhook_oldest_pending_seconds: 30,
      wahub_database_up: 1,
      wahub_ready: 1,
    });
    await t.deps.db.insert(messageQueue).values(queued(busy, 2, now));
    expect((await scrape()).get('wahub_queue_messages')).toBe(4);
    await clock.advance(5_000);
    expect((await scrape()).get('wahub_queue_messages')).toBe(5);
  });

  it('counts facts after their commit, and nothing of what was rolled back', async () => {
    const { db } = t.deps;
    const fact = (
      event: 'message.sent' | 'message.failed' | 'otp.verified' | 'usage.warning',
      data = {},
    ) => ({
      userId: 1,
      event,
      data,
    });
    await transact(db, (tx) =>
      record(tx, t.deps, [
        fact('message.sent'),
        fact('message.failed', { errorCode: '463' }),
        fact('otp.verified'),
        fact('usage.warning', { quota: 'messagesPerDay', percent: 80, used: 4, limit: 5, until: null }),
      ]),
    );
    const lost = transact(db, async (tx) => {
      await record(tx, t.deps, [fact('message.sent')]);
      throw new Error('rolled back');
    });
    await expect(lost).rejects.toThrow('rolled back');
    expect(Object.fromEntries(await scrape())).toMatchObject({
      'wahub_messages_total{event="sent"}': 1,
      'wahub_messages_total{event="failed"}': 1,
      'wahub_message_failures_total{code="463"}': 1,
      'wahub_otp_total{event="verified"}': 1,
      'wahub_usage_warnings_total{quota="messagesPerDay",percent="80"}': 1,
    });
  });

  it('keeps every label bounded: routes by pattern, odd methods and codes together, no tenant', async () => {
    const user = await t.tenant();
    for (let i = 0; i < 60; i++) {
      await t.call(`/otp/status/62812345678${10 + i}`, { apiKey: user.apiKey });
      await t.call(`/nowhere/${i}`);
      const data = { errorCode: `code-${i}` };
      await transact(t.deps.db, (tx) => record(tx, t.deps, [{ userId: 1, event: 'message.failed', data }]));
    }
    await t.call('/health', { method: 'PROPFIND' });
    const names = [...(await scrape()).keys()];
    const requests = names.filter((name) => name.startsWith('wahub_http_request_duration_seconds_count'));
    expect(requests).toContain(
      'wahub_http_request_duration_seconds_count{method="GET",route="/otp/status/:phone",status="404"}',
    );
    expect(requests).toContain(
      'wahub_http_request_duration_seconds_count{method="GET",route="none",status="404"}',
    );
    expect(requests.some((name) => name.includes('method="other"'))).toBe(true);
    expect(requests.length).toBeLessThan(6);
    expect(names.filter((name) => name.startsWith('wahub_message_failures_total'))).toHaveLength(51);
    expect(names.join('\n')).not.toMatch(/6281234567|@example|userId/);
  });

  it('says that the database is away, and goes on', async () => {
    const gone = Object.create(t.deps.database, {
      ping: { value: () => Promise.reject(new Error('away')) },
    }) as TestApp['deps']['database'];
    const { text } = await renderMetrics({ ...t.deps, database: gone });
    expect(text).toContain('\nwahub_database_up 0\n');
  });
});

describe('what is measured while it happens', () => {
  it('is each attempt by its outcome, and the acknowledgement of those that left', async () => {
    const { metrics } = t.deps;
    const results: SendResult[] = [
      { outcome: 'acknowledged', at: 0 },
      { outcome: 'refused', code: '463', message: 'restricted' },
    ];
    const engine = measureEngine(metrics, clock, {
      ...createScriptedEngine(),
      async send(_account, _to, _content, options) {
        await clock.advance(300);
        await options.mayRelay();
        await clock.advance(150);
        return results.shift() ?? { outcome: 'withheld' };
      },
    } satisfies Engine);
    const options = { messageId: 'm', prepareTimeoutMs: 1, ackTimeoutMs: 1, mayRelay: async () => true };
    const to = { phone: '6281200000001', jid: '6281200000001@s.whatsapp.net', lid: null };
    for (let i = 0; i < 2; i++) await engine.send('account', to, { type: 'text', text: 'x' }, options);
    expect(engine.isConnected('account')).toBe(false);
    expect(Object.fromEntries(await scrape())).toMatchObject({
      wahub_acknowledgement_seconds_count: 1,
      wahub_acknowledgement_seconds_sum: 0.15,
      'wahub_send_duration_seconds_count{outcome="acknowledged"}': 1,
      'wahub_send_duration_seconds_count{outcome="refused"}': 1,
      'wahub_send_duration_seconds_sum{outcome="refused"}': 0.45,
    });
  });

  it('is each webhook attempt by the class of its answer', async () => {
    const statuses = [200, 503];
    const http = {
      ...t.deps.outgoing.hooks,
      async post() {
        const status = statuses.shift();
        if (status === undefined) throw new Error('nobody there');
        return { status, bodyExcerpt: '', retryAfter: null };
      },
    };
    const outgoing = measurePosts(t.deps.metrics, clock, { ...t.deps.outgoing, hooks: http });
    const post = () => outgoing.hooks.post('https://hooks.example', { headers: {}, body: '', timeoutMs: 1 });
    await post();
    await post();
    await expect(post()).rejects.toThrow('nobody there');
    expect(Object.fromEntries(await scrape())).toMatchObject({
      'wahub_webhook_attempt_seconds_count{outcome="2xx"}': 1,
      'wahub_webhook_attempt_seconds_count{outcome="5xx"}': 1,
      'wahub_webhook_attempt_seconds_count{outcome="unreachable"}': 1,
    });
  });
});

describe('the files in docs', () => {
  const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
  let known: Set<string>;
  let app: TestApp;
  beforeAll(async () => {
    app = await openTestApp();
    measureProcess(app.deps.metrics);
    const { text } = await renderMetrics(app.deps);
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    known = new Set(
      types.flatMap(([, name = '', type]) =>
        type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
      ),
    );
  });
  afterAll(() => app.close());

  /** Metric names in a query: what is before a selector, a range or a bracket of labels. */
  const namesIn = (expr: string) => expr.match(/\b(?:wahub|nodejs|process)_[a-z0-9_]+/g) ?? [];

  it('grafana-dashboard.json is a dashboard of metrics that there are', () => {
    const dashboard = JSON.parse(read('grafana-dashboard.json'));
    expect(dashboard).toMatchObject({ uid: 'wahub', title: 'WaHub', schemaVersion: expect.any(Number) });
    const ids = dashboard.panels.map((panel: { id: number }) => panel.id);
    expect(new Set(ids).size).toBe(ids.length);
    const exprs: string[] = dashboard.panels.flatMap((panel: { targets?: { expr: string }[] }) =>
      (panel.targets ?? []).map((target) => target.expr),
    );
    expect(exprs.length).toBeGreaterThan(30);
    for (const expr of exprs) {
      expect(namesIn(expr), expr).not.toEqual([]);
      for (const name of namesIn(expr)) expect(known, expr).toContain(name);
    }
    const used = new Set(exprs.flatMap(namesIn).map((name) => name.replace(/_(bucket|count|sum)$/, '')));
    const ours = [...known].map((name) => name.replace(/_(bucket|count|sum)$/, ''));
    expect(ours.filter((name) => name.startsWith('wahub_') && !used.has(name))).toEqual([]);
  });

  it('alerts.yml has rules over metrics that there are, each explained in operations.md', () => {
    const { groups } = parse(read('alerts.yml'));
    const rules = groups.flatMap((group: { rules: unknown[] }) => group.rules);
    const operations = read('operations.md');
    expect(rules.length).toBeGreaterThan(10);
    for (const { alert, expr, annotations } of rules) {
      expect(namesIn(expr), alert).not.toEqual([]);
      for (const name of namesIn(expr)) expect(known, alert).toContain(name);
      expect(annotations.summary).toEqual(expect.any(String));
      expect(operations, alert).toContain(`\`${alert}\``);
    }
  });

  it('operations.md explains each of our metrics', () => {
    const operations = read('operations.md');
    const ours = [...known].map((name) => name.replace(/_(bucket|count|sum)$/, ''));
    const named = ours.filter((each) => each.startsWith('wahub_'));
    for (const name of named) {
      expect(operations, name).toContain(`\`${name}\``);
    }
  });
});
