import { beforeEach, expect, it } from 'vitest';
import type { Candidate } from '../../src/queue/look-ahead.ts';
import { PRIORITIES, type Priority } from '../../src/queue/priority.ts';
import { createLookahead, type Lookahead } from '../../src/workers/dispatcher/lookahead.ts';

const NOBODY: ReadonlySet<string> = new Set();
const { high, normal } = PRIORITIES;
let reads: Priority[];
let waiting: Map<Priority, string[]>;
let lanes: Lookahead;

beforeEach(() => {
  reads = [];
  waiting = new Map();
  lanes = createLookahead(async (priority) => {
    reads.push(priority);
    return (waiting.get(priority) ?? []).map(candidate);
  });
});

/** Safe because lanes look at nothing else of a row. */
function candidate(id: string): Candidate {
  return { id, recipient: id, availableAt: 0 } as Candidate;
}

const pick = async (priority: Priority, now: number) => (await lanes.pick(priority, now, NOBODY)).row?.id;

it('news of one priority has only that lane read again', async () => {
  expect(await pick(high, 0)).toBeUndefined();
  expect(await pick(normal, 0)).toBeUndefined();
  waiting.set(normal, ['a']);
  lanes.invalidate(normal);
  expect(await pick(high, 1)).toBeUndefined();
  expect(await pick(normal, 1)).toBe('a');
  expect(reads).toEqual([high, normal, normal]);
  lanes.invalidate();
  await pick(high, 2);
  await pick(normal, 2);
  expect(reads).toEqual([high, normal, normal, high, normal]);
});

it('what was read thirty seconds ago is read again, though nobody has said anything', async () => {
  expect(await pick(high, 1_000)).toBeUndefined();
  waiting.set(high, ['code']);
  expect(await pick(high, 30_999)).toBeUndefined();
  expect(await pick(high, 31_000)).toBe('code');
});

it('and five seconds ago, where a row waits for its time: a clock ahead may have queued it', async () => {
  lanes = createLookahead(async (priority) => {
    reads.push(priority);
    return [{ ...candidate('ahead'), availableAt: reads.length === 1 ? 60_000 : 1_000 }];
  });
  expect(await pick(high, 1_000)).toBeUndefined();
  expect(await pick(high, 5_999)).toBeUndefined();
  expect(await pick(high, 6_000)).toBe('ahead');
});

it('what is queued takes its place without a reading, where all that waits is known', async () => {
  const row = (id: string, availableAt: number) => ({ ...candidate(id), availableAt });
  waiting.set(normal, ['b']);
  expect(await pick(normal, 0)).toBe('b');
  lanes.offer(normal, [row('d', 5), row('c', 0)]);
  lanes.offer(normal, [row('a', 0), row('b', 0)]);
  const order: (string | undefined)[] = [];
  for (let id = await pick(normal, 9); id !== undefined; id = await pick(normal, 9)) {
    order.push(id);
    lanes.drop(normal, id);
  }
  expect(order).toEqual(['a', 'b', 'c', 'd']);
  expect(reads).toEqual([normal]);
});

it.each([
  ['was never read', async () => undefined],
  [
    'has more behind what is known',
    async () => {
      waiting.set(
        normal,
        Array.from({ length: 32 }, (_, n) => `b${n}`),
      );
      await pick(normal, 0);
    },
  ],
  [
    'may have changed',
    async () => {
      await pick(normal, 0);
      lanes.invalidate(normal);
    },
  ],
])('what is queued has a lane read again that %s', async (_which, before) => {
  await before();
  waiting.set(normal, ['a']);
  const known = reads.length;
  lanes.offer(normal, [candidate('b')]);
  expect(await pick(normal, 1)).toBe('a');
  expect(reads).toHaveLength(known + 1);
});

it('what is queued behind all that is known of a long queue is read when that is used up', async () => {
  const row = (n: number) => ({ ...candidate(`r${String(n).padStart(2, '0')}`), availableAt: n });
  const all = Array.from({ length: 34 }, (_, n) => row(n));
  lanes = createLookahead(async (priority, limit) => {
    reads.push(priority);
    return all.splice(0, limit);
  });
  expect(await pick(normal, 99)).toBe('r00');
  for (let n = 0; n < 28; n++) lanes.drop(normal, row(n).id);
  lanes.offer(normal, [row(34), row(35)]);
  expect(await pick(normal, 99)).toBe('r28');
  expect(reads).toEqual([normal]);
  for (let n = 28; n < 32; n++) lanes.drop(normal, row(n).id);
  expect(await pick(normal, 99)).toBe('r32');
  expect(reads).toEqual([normal, normal]);
});

it('what others queue behind that is due is read when that is used up', async () => {
  const row = (id: string, availableAt: number) => ({ ...candidate(id), availableAt });
  const all = [row('a', 1), row('b', 2)];
  lanes = createLookahead(async (priority) => {
    reads.push(priority);
    return [...all];
  });
  expect(await pick(normal, 5)).toBe('a');
  all.splice(0, 2, row('b', 2), row('c', 6));
  lanes.expect(normal, 5);
  expect(lanes.isCurrent(normal)).toBe(false);
  lanes.drop(normal, 'a');
  expect(await pick(normal, 7)).toBe('b');
  expect(reads).toEqual([normal]);
  lanes.drop(normal, 'b');
  all.shift();
  expect(await pick(normal, 8)).toBe('c');
  expect(reads).toEqual([normal, normal]);
  expect(lanes.isCurrent(normal)).toBe(true);
});

it.each([
  ['nothing is known', [], 5],
  ['what is known waits for its time', [{ ...candidate('later'), availableAt: 99 }], 5],
])('what others queue is read at once where %s', async (_where, known, now) => {
  const all: Candidate[] = [...known];
  lanes = createLookahead(async () => [...all]);
  expect(await pick(normal, now)).toBeUndefined();
  all.unshift({ ...candidate('new'), availableAt: now });
  lanes.expect(normal, now);
  expect(await pick(normal, now)).toBe('new');
});

it('and where all that is known is for busy recipients, with one reading', async () => {
  const busy = new Set(['a']);
  const all = [candidate('a')];
  lanes = createLookahead(async (priority, _limit, except) => {
    reads.push(priority);
    return all.filter(({ recipient }) => !except.includes(recipient));
  });
  expect((await lanes.pick(normal, 1, busy)).row).toBeNull();
  all.push(candidate('b'));
  lanes.expect(normal, 1);
  expect((await lanes.pick(normal, 1, busy)).row?.id).toBe('b');
  expect((await lanes.pick(normal, 1, NOBODY)).row?.id).toBe('a');
  expect(reads).toEqual([normal, normal]);
});

it('what others queue while a lane is read has it read once more', async () => {
  waiting.set(normal, ['a']);
  const reading = pick(normal, 1);
  lanes.expect(normal, 1);
  expect(await reading).toBe('a');
  waiting.set(normal, ['b']);
  expect(await pick(normal, 1)).toBe('b');
});

it('what is queued while a lane is read has it read once more', async () => {
  waiting.set(normal, []);
  const reading = pick(normal, 0);
  lanes.offer(normal, [candidate('a')]);
  expect(await reading).toBeUndefined();
  waiting.set(normal, ['a']);
  expect(await pick(normal, 1)).toBe('a');
  expect(reads).toEqual([normal, normal]);
});

it('keeps no more than some rows, however many are offered while nothing is sent', async () => {
  await pick(normal, 0);
  waiting.set(normal, ['from the database']);
  for (let n = 10; n < 42; n++) lanes.offer(normal, [candidate(`a${n}`)]);
  expect(await pick(normal, 1)).toBe('a10');
  lanes.offer(normal, [candidate('a42'), candidate('a43')]);
  for (let n = 0; n < 32; n++) lanes.drop(normal, (await pick(normal, 1)) ?? '');
  expect(await pick(normal, 1)).toBe('from the database');
});

it('two that look at one lane share a reading, so that none hides what is queued after it', async () => {
  const ends: ((rows: Candidate[]) => void)[] = [];
  lanes = createLookahead(() => new Promise((resolve) => ends.push(resolve)));
  const picks = [pick(high, 0), pick(high, 0)];
  ends[0]?.([]);
  await picks[0];
  lanes.offer(high, [candidate('code')]);
  // A second reading, if there is one, has begun before that.
  ends[1]?.([]);
  await picks[1];
  expect(await pick(high, 1)).toBe('code');
  expect(ends).toHaveLength(1);
});

it('what is taken while a lane is read is not found in it', async () => {
  const ends: ((rows: Candidate[]) => void)[] = [];
  lanes = createLookahead(() => new Promise((resolve) => ends.push(resolve)));
  const first = pick(normal, 0);
  lanes.drop(normal, 'a');
  ends[0]?.([candidate('a')]);
  await first;
  const second = pick(normal, 1);
  ends[1]?.([]);
  expect(await second).toBeUndefined();
});
