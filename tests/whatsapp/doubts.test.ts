import type { WASocket } from '@whiskeysockets/baileys';
import { expect, it, vi } from 'vitest';
import { createDoubts } from '../../src/whatsapp/baileys/doubts.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

/** Doubts over a socket that answers its pings so. */
function doubtsOver(query: () => Promise<unknown>) {
  const asked = vi.fn(query);
  const onSilent = vi.fn();
  const sock = { generateMessageTag: () => '1', query: asked };
  // Safe because a ping calls nothing else.
  const parts = { sock: () => sock as unknown as WASocket, closed: new AbortController().signal };
  return {
    doubts: createDoubts({ ...parts, clock: createManualClock(0) }, onSilent),
    asked,
    onSilent,
    /** until what was asked is answered */
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

it('the server is doubted after three different recipients, never for one, however often', async () => {
  const { doubts, asked, onSilent, settle } = doubtsOver(() => Promise.reject(new Error('Timed Out')));
  for (let n = 0; n < 10; n++) doubts.unanswered('1@s.whatsapp.net');
  doubts.unanswered('2@s.whatsapp.net');
  doubts.answered();
  for (const n of [3, 4]) doubts.unanswered(`${n}@s.whatsapp.net`);
  await settle();
  expect(asked).not.toHaveBeenCalled();
  doubts.unanswered('5@s.whatsapp.net');
  await settle();
  expect(asked).toHaveBeenCalledTimes(1);
  expect(onSilent).toHaveBeenCalledTimes(1);
});

it('a server that answers is doubted no more, and is asked once at a time', async () => {
  const { doubts, asked, onSilent, settle } = doubtsOver(() => Promise.resolve({}));
  for (const n of [1, 2, 3, 4, 5]) doubts.unanswered(`${n}@s.whatsapp.net`);
  await settle();
  expect(asked).toHaveBeenCalledTimes(1);
  expect(onSilent).not.toHaveBeenCalled();
  for (const n of [1, 2]) doubts.unanswered(`${n}@s.whatsapp.net`);
  await settle();
  expect(asked).toHaveBeenCalledTimes(1);
});
