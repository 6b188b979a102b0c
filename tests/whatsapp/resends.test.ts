/** A resend that has failed is carried out again, and its request is confirmed when it has worked, or after the last try. */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { BinaryNode, WASocket } from '@whiskeysockets/baileys';
import { expect, it } from 'vitest';
import { createQuietLogger } from '../../src/whatsapp/baileys/quiet-logger.ts';
import { createResends, FAILED_RESEND } from '../../src/whatsapp/baileys/resends.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { silentLogger } from '../helpers/engine.ts';

const DEVICE = '6281200000001:3@s.whatsapp.net';
const request = (id: string): BinaryNode => ({
  tag: 'receipt',
  attrs: { id, from: DEVICE, type: 'retry' },
});

/** Baileys as far as it matters: a request whose resend throws is logged, and then confirmed, by its tag. */
function setUp(fails: () => boolean) {
  const clock = createFakeClock();
  const closed = new AbortController();
  const warned: unknown[] = [];
  const logger = { ...silentLogger, warn: (...line: unknown[]) => void warned.push(line) };
  const resends = createResends({ clock, logger, accountId: 'a', closed: closed.signal });
  const ofBaileys = createQuietLogger(logger, resends.failed);
  const ws = new EventEmitter();
  const tries: string[] = [];
  const confirmed: string[] = [];
  ws.on('CB:receipt', (node: BinaryNode) => {
    const { id = '', from } = node.attrs;
    tries.push(id);
    if (fails()) ofBaileys.error({ key: { participant: from }, ids: [id], trace: '…' }, FAILED_RESEND);
    try {
      confirmed.push(`${node.tag} ${id}`);
    } catch (ackErr) {
      ofBaileys.error({ ackErr }, 'failed to ack receipt');
    }
  });
  // Only `ws` is used.
  resends.follow({ ws } as unknown as WASocket);
  return { clock, closed, warned, tries, confirmed, ask: (id: string) => ws.emit('CB:receipt', request(id)) };
}

it('until it works', async () => {
  let failures = 2;
  const t = setUp(() => failures-- > 0);
  t.ask('A');
  await t.clock.advance(999);
  expect([t.tries, t.confirmed]).toEqual([['A'], []]);
  await t.clock.advance(10_000);
  expect([t.tries, t.confirmed]).toEqual([['A', 'A', 'A'], ['receipt A']]);
  await t.clock.advance(600_000);
  expect(t.tries).toHaveLength(3);
  expect(t.warned).toEqual([]);
});

it('four times at most, and then a warning tells it', async () => {
  const t = setUp(() => true);
  t.ask('A');
  await t.clock.advance(600_000);
  expect(t.tries).toHaveLength(4);
  expect(t.confirmed).toEqual(['receipt A']);
  expect(t.warned).toEqual([
    ['a device that could not read a message does not get it again', { accountId: 'a', messageId: 'A' }],
  ]);
  // When it asks again, it starts again.
  t.ask('A');
  await t.clock.advance(600_000);
  expect(t.tries).toHaveLength(8);
});

it('each message by itself, and none after the socket has ended: the server brings the requests back', async () => {
  const t = setUp(() => true);
  t.ask('A');
  t.ask('B');
  t.closed.abort();
  await t.clock.advance(600_000);
  expect([t.tries, t.confirmed]).toEqual([['A', 'B'], []]);
});

it('what works at once is confirmed at once', () => {
  const t = setUp(() => false);
  t.ask('A');
  expect([t.tries, t.confirmed]).toEqual([['A'], ['receipt A']]);
});

it('the Baileys that is installed says it so, and confirms by the tag alone', () => {
  const main = createRequire(import.meta.url).resolve('@whiskeysockets/baileys');
  const read = (file: string) => readFileSync(join(dirname(main), file), 'utf8');
  const receiving = read('Socket/messages-recv.js');
  expect(receiving).toContain(`'${FAILED_RESEND}'`);
  const [, handling = ''] = receiving.split('const handleReceipt = ');
  const [receipt = ''] = handling.split('const handleNotification = ');
  expect(receipt).toContain(
    "await sendMessageAck(node).catch(ackErr => logger.error({ ackErr }, 'failed to ack receipt'))",
  );
  expect(receipt).not.toContain('.tag');
  expect(read('Utils/stanza-ack.js')).toContain('const { tag, attrs } = node;');
});
