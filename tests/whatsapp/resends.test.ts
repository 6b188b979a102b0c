/** A resend that has failed is carried out again, although Baileys has confirmed the request by then. */
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

/** Baileys as far as it matters: a request whose resend throws is logged, and nothing else. */
function setUp(fails: () => boolean) {
  const clock = createFakeClock();
  const closed = new AbortController();
  const warned: unknown[] = [];
  const logger = { ...silentLogger, warn: (...line: unknown[]) => void warned.push(line) };
  const resends = createResends({ clock, logger, accountId: 'a', closed: closed.signal });
  const ofBaileys = createQuietLogger(logger, resends.failed);
  const ws = new EventEmitter();
  const tries: string[] = [];
  ws.on('CB:receipt', ({ attrs: { id = '', from } }: BinaryNode) => {
    tries.push(id);
    if (fails()) ofBaileys.error({ key: { participant: from }, ids: [id], trace: '…' }, FAILED_RESEND);
  });
  // Only `ws` is used.
  resends.follow({ ws } as unknown as WASocket);
  return { clock, closed, warned, tries, ask: (id: string) => ws.emit('CB:receipt', request(id)) };
}

it('until it works', async () => {
  let failures = 2;
  const t = setUp(() => failures-- > 0);
  t.ask('A');
  await t.clock.advance(999);
  expect(t.tries).toEqual(['A']);
  await t.clock.advance(10_000);
  expect(t.tries).toEqual(['A', 'A', 'A']);
  await t.clock.advance(600_000);
  expect(t.tries).toHaveLength(3);
  expect(t.warned).toEqual([]);
});

it('four times at most, and then a warning tells it', async () => {
  const t = setUp(() => true);
  t.ask('A');
  await t.clock.advance(600_000);
  expect(t.tries).toHaveLength(4);
  expect(t.warned).toEqual([
    ['a device that could not read a message does not get it again', { accountId: 'a', messageId: 'A' }],
  ]);
  // When it asks again, it starts again.
  t.ask('A');
  await t.clock.advance(600_000);
  expect(t.tries).toHaveLength(8);
});

it('each message by itself, and none after the socket has ended', async () => {
  const t = setUp(() => true);
  t.ask('A');
  t.ask('B');
  t.closed.abort();
  await t.clock.advance(600_000);
  expect(t.tries).toEqual(['A', 'B']);
});

it('the sentence that tells of it is the one of the Baileys that is installed', () => {
  const main = createRequire(import.meta.url).resolve('@whiskeysockets/baileys');
  const source = readFileSync(join(dirname(main), 'Socket/messages-recv.js'), 'utf8');
  expect(source).toContain(`'${FAILED_RESEND}'`);
});
