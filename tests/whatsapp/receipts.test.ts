/** Receipts on their way into the history: no flood of one session fills the line that all sessions share. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import { expect, it } from 'vitest';
import { createArrivals } from '../../src/whatsapp/baileys/arrivals.ts';
import { createReceiptKeeper } from '../../src/whatsapp/baileys/receipts.ts';
import type { ReceiptNews } from '../../src/whatsapp/engine.ts';
import { turns } from '../helpers/clock.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

const flood = (stanza: number): BinaryNode => ({
  tag: 'receipt',
  attrs: { id: `${stanza}`, from: '62811@s.whatsapp.net', t: '1767225600' },
  content: [
    {
      tag: 'list',
      attrs: {},
      content: Array.from({ length: 999 }, (_, n) => ({ tag: 'item', attrs: { id: `${stanza}-${n}` } })),
    },
  ],
});

function setUp(store: (receipt: ReceiptNews) => Promise<void>) {
  const clock = createManualClock();
  const closing = new AbortController();
  const keep = createReceiptKeeper({
    acks: { prove: () => undefined },
    arrivals: createArrivals(clock),
    contacts: { canonical: (jid) => jid },
    clock,
    closed: closing.signal,
    store,
    onRefused: () => undefined,
  });
  return { keep, closing };
}

it('of one session are stored a thousand at a time, all of them and in their order', async () => {
  const stored: string[] = [];
  const ends: (() => void)[] = [];
  const { keep } = setUp(({ messageId }) => {
    stored.push(messageId);
    return new Promise((resolve) => void ends.push(resolve));
  });
  const kept = Promise.all([0, 1, 2, 3, 4].map((stanza) => keep(flood(stanza))));
  await turns(2);
  expect(stored).toHaveLength(1_000);
  while (stored.length < 5_000 || ends.length > 0) {
    for (const end of ends.splice(0)) end();
    await turns(2);
    expect(ends.length).toBeLessThanOrEqual(1_000);
  }
  await kept;
  expect(stored.slice(1_000, 1_003)).toEqual(['1', '1-0', '1-1']);
  expect(new Set(stored).size).toBe(5_000);
});

it('that wait when the connection ends are not stored, and not confirmed', async () => {
  const stored: string[] = [];
  const ends: (() => void)[] = [];
  const { keep, closing } = setUp(({ messageId }) => {
    stored.push(messageId);
    return new Promise((resolve) => void ends.push(resolve));
  });
  const kept = [0, 1].map((stanza) => keep(flood(stanza)));
  await turns(2);
  closing.abort();
  for (const end of ends.splice(0)) end();
  const outcomes = await Promise.allSettled(kept);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(stored).toHaveLength(1_000);
});
