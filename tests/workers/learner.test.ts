import { expect, it } from 'vitest';
import { createQuietWarnings } from '../../src/utils/quiet-warnings.ts';
import { redact } from '../../src/utils/redact.ts';
import { createLearner } from '../../src/workers/session-supervisor/learner.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

const account = { id: 'a', userId: 1, sessionId: 'main', owner: 'p', fence: 1 };

function startLearner() {
  const clock = createManualClock();
  const said: [what: string, fields: Record<string, unknown>][] = [];
  const logger = Object.assign({
    warn: (what: string, fields: Record<string, unknown>) => void said.push([what, fields]),
  });
  const quietWarnings = createQuietWarnings({ clock, logger });
  return { clock, said, learner: createLearner(Object.assign({ clock, logger, quietWarnings })) };
}

it('lets what is told of groups wait for its turn past the pace, in its order, whatever else is told', async () => {
  const { clock, said, learner } = startLearner();
  const kept: string[] = [];
  const store = (what: string) => async () => void kept.push(what);
  const person = { jid: '1@lid', phone: null, lid: '1' };
  const isOnline = { type: 'presence', person, state: 'online', lastSeenAt: null, at: 0 } as const;
  for (let n = 0; n < 600; n++) learner.presence(account, isOnline);
  const groups = Array.from({ length: 504 }, (_, n) => `${n}`);
  const all = groups.map((n) => learner.durably(account, 'groups', store(n)));
  await Promise.all(all.slice(0, 500));
  await learner.durably(account, 'calls', store('call'));
  await learner.durably({ ...account, id: 'b' }, 'groups', store('other session'));
  expect(kept).toEqual([...groups.slice(0, 500), 'call', 'other session']);
  // Presence hides nothing: what is lost of it says nothing of what waits.
  expect(said.filter(([what]) => what === 'a session is told more than is kept at once')).toMatchObject([
    [expect.any(String), { account: 'a', kind: 'presence' }],
    [expect.any(String), { account: 'a', kind: 'groups' }],
  ]);
  clock.advance(2_000);
  await Promise.all(all);
  expect(kept.slice(-4)).toEqual(groups.slice(500));
  const late = expect(learner.durably(account, 'groups', store('late'))).rejects.toThrow('the process ends');
  learner.stop();
  await late;
  expect(kept).not.toContain('late');
});

it('says why the database refuses what was told, in words that are logged', async () => {
  const { said, learner } = startLearner();
  const cause = Object.assign(new Error('Data too long'), { errno: 1406, code: 'ER_DATA_TOO_LONG' });
  const refused = Object.assign(new Error('Failed query', { cause }), {
    query: 'insert',
    params: ['secret'],
  });
  await learner.durably(account, 'calls', () => Promise.reject(refused));
  expect(said.map(([, fields]) => redact(fields))).toEqual([
    { account: 'a', kind: 'calls', errno: 1406, errorCode: 'ER_DATA_TOO_LONG' },
  ]);
});
