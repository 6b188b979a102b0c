/** What the documents of the three older systems show, asked of the whole service on an emulated WhatsApp. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { testConfig } from '../helpers/app.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/until.ts';
import { type FileServer, startFileServer } from './files.ts';
import * as broadcast from './fixtures/broadcast-api.ts';
import * as canonical from './fixtures/gateway-api.ts';
import * as otp from './fixtures/otp-api.ts';
import { type Golden, type Kept, runGolden } from './golden.ts';

let emulator: Emulator;
let files: FileServer;
beforeAll(async () => {
  [emulator, files] = await Promise.all([startEmulator(), startFileServer()]);
});
afterAll(async () => {
  await files?.stop();
  await emulator?.stop();
});

/** A service and a memory of its own for each document. */
function useService() {
  const kept: Kept = new Map();
  const service: { gateway?: TestGateway } = {};
  beforeAll(async () => {
    const otpConfig = { ...testConfig().otp, returnCode: true };
    service.gateway = await startTestGateway(emulator, { otp: otpConfig, allowPrivateUrls: true });
    kept.set('files', files.url);
    kept.set('tomorrow', new Date(Date.now() + 86_400_000).toISOString());
  });
  afterAll(() => service.gateway?.remove());
  const gateway = (): TestGateway => {
    if (!service.gateway) throw new Error('the service did not start');
    return service.gateway;
  };
  return {
    all: (fixtures: readonly Golden[]) =>
      test.each(fixtures.map((golden) => [golden.says, golden] as const))('%s', (_says, golden) =>
        runGolden(gateway(), golden, kept),
      ),
    call: (method: string, path: string) => gateway().call(method, path),
    async link(sessionId: string, phone: string) {
      const { body } = await gateway().call('GET', `/session/qr/${sessionId}`);
      await emulator.scan({ qr: body.qr, phone });
      await until(async () => {
        const { body: state } = await gateway().call('GET', `/session/status?session=${sessionId}`);
        return state.data.status === 'connected';
      });
    },
  };
}

describe('the gateway', () => {
  const service = useService();
  describe('with accounts', () => service.all(canonical.accounts));
  describe('before pairing', () => service.all(canonical.pairing));
  describe('with a linked phone', () => {
    beforeAll(() => service.link('my-session', '6281234567890'));
    service.all(canonical.linked);
  });
});

describe('the OTP API', () => {
  const service = useService();
  describe('before pairing', () => service.all(otp.pairing));
  describe('with a linked phone', () => {
    beforeAll(() => service.link('my-session', '628111000100'));
    service.all(otp.linked);
    test('one row of success tells of each message that was sent, in the words of the documents', async () => {
      const log = '/api/analytics/logs/activity?sessionId=my-session&limit=200&action=';
      await until(async () => (await service.call('GET', `${log}message_receipt`)).body.data.logs.length > 0);
      const { logs } = (await service.call('GET', `${log}message_send&status=success`)).body.data;
      const types: string[] = logs.map((entry: { messageType: string }) => entry.messageType);
      expect(types).toEqual(expect.arrayContaining(['text', 'image', 'location', 'button', 'list']));
      expect(types).not.toContain('buttons');
      const ids = logs.map((entry: { messageId: string }) => entry.messageId);
      expect(new Set(ids).size).toBe(ids.length);
    });
    service.all(otp.database);
    service.all(otp.ending);
  });
});

describe('the broadcast API', () => {
  const service = useService();
  describe('before pairing', () => service.all(broadcast.pairing));
  describe('with a linked phone', () => {
    beforeAll(() => service.link('user123', '628111000200'));
    service.all(broadcast.linked);
    service.all(broadcast.lists);
    service.all(broadcast.campaigns);
    service.all(broadcast.ending);
  });
});
