import { expect, it } from 'vitest';
import { lookAtStoredSessions } from '../../src/whatsapp/baileys/session-look.ts';

const entry = (closed: number, registrationId?: number) => ({ registrationId, indexInfo: { closed } });

/** What the look says of a device with this record; `by baileys` where it leaves the answer to Baileys. */
async function lookAt(stored: unknown, jid = '1234:5@lid'): Promise<unknown> {
  const repository = {
    jidToSignalProtocolAddress: () => '1234_1.5',
    validateSession: async (_jid: string): Promise<{ exists: unknown }> => ({ exists: 'by baileys' }),
  };
  const keys = {
    async get(type: string, [name]: string[]) {
      if (stored instanceof Error) throw stored;
      return type === 'session' && name === '1234_1.5' && stored ? { [name]: stored } : {};
    },
  };
  lookAtStoredSessions(repository as never, keys as never);
  return (await repository.validateSession(jid)).exists;
}

it.each<[string, unknown, unknown]>([
  ['an open session', { version: 'v1', _sessions: { a: entry(5, 1), b: entry(-1, 7) } }, true],
  ['only closed sessions', { version: 'v1', _sessions: { a: entry(5, 1) } }, false],
  ['one without a registration', { version: 'v1', _sessions: { a: entry(-1) } }, false],
  ['no session', { version: 'v1', _sessions: {} }, false],
  ['nothing', undefined, false],
  ['a record of an older version', { _sessions: { a: entry(-1, 7) } }, 'by baileys'],
  ['keys that cannot be read', new Error('away'), 'by baileys'],
])('says of %s whether it can be written with', async (_what, stored, exists) => {
  expect(await lookAt(stored)).toBe(exists);
});

it('leaves whoever has no LID to Baileys', async () => {
  const none = { version: 'v1', _sessions: {} };
  expect(await lookAt(none, '628123@s.whatsapp.net')).toBe('by baileys');
});
