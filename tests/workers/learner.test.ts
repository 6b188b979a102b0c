import { expect, it } from 'vitest';
import { createLearner } from '../../src/workers/session-supervisor/learner.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

const account = { id: 'a', userId: 1, sessionId: 'main', owner: 'p', fence: 1 };

it('lets what is told of groups wait for its turn past the pace, in its order, whatever else is told', async () => {
  const clock = createManualClock();
  const said: string[] = [];
  const logger = Object.assign({ warn: (what: string) => said.push(what) });
  const learner = createLearner(Object.assign({ clock, logger }));
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
  expect(said.filter((what) => what === 'a session is told more than is kept at once')).toHaveLength(1);
  clock.advance(2_000);
  await Promise.all(all);
  expect(kept.slice(-4)).toEqual(groups.slice(500));
  const late = expect(learner.durably(account, 'groups', store('late'))).rejects.toThrow('the process ends');
  learner.stop();
  await late;
  expect(kept).not.toContain('late');
});
