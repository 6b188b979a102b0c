import { afterAll, beforeAll, expect, it } from 'vitest';
import { actionOf, statusOf } from '../../src/events/actions.ts';
import { until } from '../helpers/until.ts';
import { openSessionApp, type SessionApp } from '../http/session-app.ts';
import { dataOf, type LogData } from './fixture.ts';

let app: SessionApp;
beforeAll(async () => {
  app = await openSessionApp();
});
afterAll(() => app.close());

it.each([
  ['message.queued', { type: 'text' }, 'message_attempt', 'pending'],
  ['message.queued', { type: 'otp' }, 'message_attempt', 'pending'],
  ['message.delivered', { type: 'text' }, 'message_receipt', 'success'],
  ['message.read', { type: 'otp' }, 'message_receipt', 'success'],
  ['message.sent', { type: 'text' }, 'message_send', 'success'],
  ['message.sent', { type: 'otp' }, 'otp_send', 'success'],
  ['message.expired', { type: 'text' }, 'message_send', 'failure'],
  ['message.received', { type: 'otp' }, 'message_receive', 'success'],
  ['otp.sent', {}, 'otp_status', 'success'],
  ['otp.failed', {}, 'otp_status', 'success'],
  ['otp.verified', {}, 'api_call', 'success'],
  ['session.status', { status: 'connecting' }, 'connection_open', 'pending'],
  ['session.status', { status: 'replaced' }, 'connection_close', 'success'],
  ['webhook.created', {}, 'api_call', 'success'],
  ['group.members', {}, 'session_event', 'success'],
  ['presence.updated', {}, 'session_event', 'success'],
])('%s with %j is %s, %s', (event, data, action, status) => {
  expect(actionOf({ event, data })).toBe(action);
  expect(statusOf({ event, data })).toBe(status);
});

it('the life of a session is told in the words of the older API', async () => {
  const tenant = await app.tenant();
  const as = app.as(tenant);
  await as.post('/session/create', { sessionId: 'life' });
  const account = app.newest();
  const identity = { phone: '6281234567890', lid: null, name: 'Life', platform: 'android' };
  app.engine.emit(account, { type: 'paired', ...identity });
  app.engine.emit(account, { type: 'connected', ...identity });
  await until(async () => (await as.get('/session/status?session=life')).text.includes('"isConnected":true'));
  await as.post('/session/restart', { sessionId: 'life' });
  await as.del('/session/life');
  const { logs }: LogData = dataOf(await as.get('/analytics/logs/activity?sessionId=life&limit=200'));
  const told = logs.filter((log) => log.event !== 'api.request').map((log) => log.action);
  expect(told).toEqual(
    expect.arrayContaining(['session_create', 'qr_generate', 'qr_scan', 'connection_open', 'session_delete']),
  );
  expect(logs.filter((log) => log.action === 'session_restart')).toHaveLength(1);
  expect(JSON.stringify(logs)).not.toContain('qr-secret');
});
