import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { ENGINE } from '../helpers/on-engine.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

let emulator: Emulator;
let gateway: TestGateway;

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { engine: ENGINE });
  await linkSession(gateway, emulator, 'main', '628111000010');
});

afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
});

const send = (to: string, text: string, headers?: Record<string, string>, session = 'main') =>
  gateway.call('POST', '/message/send-text', { session, to, text }, headers);

async function statusOf(messageId: string) {
  const { body } = await gateway.call('GET', `/message/${messageId}`);
  return body.data;
}

describe('a linked number', () => {
  test('delivers a text under the id that was answered, and hears that it was delivered and read', async () => {
    const { status, body } = await send('08120000001', 'halo');
    expect(status).toBe(202);
    expect(body.data).toMatchObject({ session: 'main', type: 'text', status: 'queued' });
    const { messageId } = body.data;
    await until(async () => ['delivered', 'read'].includes((await statusOf(messageId)).status));
    const [arrived] = emulator.messages({ to: '628120000001' });
    expect(arrived).toMatchObject({ id: messageId, from: '628111000010', text: 'halo', copies: 1 });
  });

  test('answers a caller that waits with the word of the server', async () => {
    const headers = { 'x-api-key': gateway.config.adminKey ?? '', prefer: 'wait=20' };
    const { status, body } = await send('628120000002', 'with an answer', headers);
    expect(status).toBe(200);
    expect(body.data.status).toMatch(/^(sent|delivered|read)$/);
  });

  test('fails with the code when the server refuses, never says sent, and leaves strangers alone then', async () => {
    await linkSession(gateway, emulator, 'refused', '628111000012');
    emulator.setRule({ number: '628120000003', behaviour: 'ack_error:463' });
    const { body } = await send('628120000003', 'refused', undefined, 'refused');
    await until(async () => (await statusOf(body.data.messageId)).status === 'failed');
    const row = await statusOf(body.data.messageId);
    expect(row).toMatchObject({ status: 'failed', errorCode: '463' });
    expect(row.sentAt ?? null).toBeNull();
    const next = await send('628120000008', 'to somebody new', undefined, 'refused');
    const queue = await gateway.call('GET', '/message/queue-status?session=refused');
    expect(queue.body).toMatchObject({ pending: 1, reason: 'breaker_463' });
    const limits = await gateway.call('GET', '/session/refused/limits');
    expect(limits.body.data.breaker).toMatchObject({
      state: 'open',
      until: queue.body.pausedUntil,
      trips: 1,
    });
    expect((await statusOf(next.body.data.messageId)).status).toBe('queued');
    await emulator.deliver({ to: '628111000012', from: '628120000008', text: 'who are you?' });
    await until(
      async () =>
        (await gateway.call('GET', '/message/list?session=refused&direction=in')).body.data.length === 1,
    );
    const known = await send('628120000008', 'an answer', undefined, 'refused');
    await until(async () =>
      ['delivered', 'read'].includes((await statusOf(known.body.data.messageId)).status),
    );
  });

  test('takes a receipt that overtakes its acknowledgement as proof', async () => {
    emulator.setRule({ number: '628120000004', behaviour: 'receipt_first:15000' });
    const { body } = await send('628120000004', 'receipt first');
    await until(
      async () => ['delivered', 'read'].includes((await statusOf(body.data.messageId)).status),
      12_000,
    );
  });

  test('keeps what somebody writes to it, once', async () => {
    await emulator.deliver({ to: '628111000010', from: '628120000005', text: 'hello there' });
    const inbound = async () =>
      (await gateway.call('GET', '/message/list?session=main&direction=in')).body.data;
    await until(async () => (await inbound()).length === 1);
    expect((await inbound())[0]).toMatchObject({ type: 'text', direction: 'in' });
  });
});

test('a message without an acknowledgement is sent again under the same id and shown once', async () => {
  const base = gateway.config.pacing;
  const impatient = await startTestGateway(emulator, {
    engine: ENGINE,
    pacing: { ...base, ackTimeoutMs: 1000 },
  });
  try {
    await linkSession(impatient, emulator, 'main', '628111000011');
    emulator.setRule({ number: '628120000006', behaviour: 'no_ack_delivered:1' });
    const input = { session: 'main', to: '628120000006', text: 'once' };
    const { body } = await impatient.call('POST', '/message/send-text', input);
    await until(async () => {
      const answer = await impatient.call('GET', `/message/${body.data.messageId}`);
      return ['sent', 'delivered', 'read'].includes(answer.body.data.status);
    });
    const arrived = emulator.messages({ to: '628120000006' });
    expect(arrived).toHaveLength(1);
    expect(arrived[0]?.id).toBe(body.data.messageId);
  } finally {
    await impatient.remove();
  }
});

test('a session comes back after a restart without a new pairing', async () => {
  gateway = await gateway.restart();
  await until(async () => {
    const { body } = await gateway.call('GET', '/session/status?session=main');
    return body.data.status === 'connected';
  });
  const { body } = await send('628120000007', 'after the restart');
  await until(async () => ['delivered', 'read'].includes((await statusOf(body.data.messageId)).status));
});
