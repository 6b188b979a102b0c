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

it('what was read five seconds ago is read again, though nobody has said anything', async () => {
  expect(await pick(high, 1_000)).toBeUndefined();
  waiting.set(high, ['code']);
  expect(await pick(high, 5_999)).toBeUndefined();
  expect(await pick(high, 6_000)).toBe('code');
});
