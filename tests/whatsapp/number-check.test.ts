import type { WASocket } from '@whiskeysockets/baileys';
import { expect, test } from 'vitest';
import { queryNumbers } from '../../src/whatsapp/baileys/number-check.ts';

/** A socket whose directory answers so. */
const answering = (list: readonly unknown[]): WASocket =>
  Object({ executeUSyncQuery: async () => ({ list }) });
const said = (phone: string, type: string | undefined) => ({
  id: `${phone}@s.whatsapp.net`,
  contact: { type, asked: phone },
});

test('a number is absent when the directory says so, and missing when it says nothing or answers with an error', async () => {
  const sock = answering([
    said('6281', 'in'),
    said('6282', 'out'),
    said('6283', 'invalid'),
    said('6284', undefined),
  ]);
  expect(await queryNumbers(sock, ['6281', '6282', '6283', '6284', '6285'])).toEqual([
    { phone: '6281', exists: true, jid: '6281@s.whatsapp.net', lid: null },
    { phone: '6282', exists: false, jid: null, lid: null },
    { phone: '6283', exists: false, jid: null, lid: null },
  ]);
});
