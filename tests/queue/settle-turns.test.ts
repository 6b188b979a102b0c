import { expect, it } from 'vitest';
import { createOutcomeChoice, type Settlement } from '../../src/queue/settle-turns.ts';

const MAX = 10;
const receipt = (accountId: string, n: number): Settlement => ({
  ...{ kind: 'proof', accountId, messageId: `${accountId}${n}` },
  ...{ status: 'delivered', at: 1 },
});
const receipts = (accountId: string, count: number) =>
  Array.from({ length: count }, (_, n) => receipt(accountId, n));
const sent = (id: string): Settlement => ({ kind: 'proof', id, status: 'sent', at: 1 });
const names = (items: readonly Settlement[]) =>
  items.map((item) => ('messageId' in item ? item.messageId : 'id' in item ? item.id : '?'));

/** The batches in which all of these are written. */
function batchesOf(items: readonly Settlement[]): string[][] {
  const choose = createOutcomeChoice(MAX);
  const batches: string[][] = [];
  for (let waiting = items; waiting.length > 0; ) {
    const chosen = new Set(choose(waiting));
    expect(chosen.size).toBe(Math.min(MAX, waiting.length));
    batches.push(names(waiting.filter((item) => chosen.has(item))));
    waiting = waiting.filter((item) => !chosen.has(item));
  }
  return batches;
}

it('what fits into a batch is written as it came', () => {
  const few = [...receipts('a', 3), sent('x'), ...receipts('b', 3)];
  expect(createOutcomeChoice(MAX)(few)).toBe(few);
});

it('a flood of one session delays neither what others have sent nor their receipts', () => {
  const [first = []] = batchesOf([...receipts('a', 1_000), sent('x'), ...receipts('b', 2)]);
  expect(first).toEqual(expect.arrayContaining(['x', 'b0', 'b1']));
});

it('a flood of many sessions is passed in one turn of all, and each keeps its order', () => {
  const flooded = Array.from({ length: 25 }, (_, n) => receipts(`f${n}-`, 100)).flat();
  const batches = batchesOf([...flooded, ...receipts('b', 2)]);
  expect(batches.slice(0, 3).flat()).toContain('b0');
  expect(batches.slice(0, 6).flat()).toContain('b1');
  const ofOne = batches.flat().filter((name) => name.startsWith('f7-'));
  expect(ofOne).toEqual(names(receipts('f7-', 100)));
});

it('acknowledgements without end leave places to the others', () => {
  const acknowledged = Array.from({ length: 500 }, (_, n) => sent(`x${n}`));
  const [first = []] = batchesOf([...acknowledged, ...receipts('b', 1)]);
  expect(first).toContain('b0');
});

it('no backlog of receipts grows under acknowledgements without end', () => {
  const acknowledged = Array.from({ length: 2_000 }, (_, n) => sent(`x${n}`));
  const [first = []] = batchesOf([...acknowledged, ...receipts('b', 100)]);
  expect(first.filter((name) => name.startsWith('b'))).toHaveLength(7);
});
