/** Who goes next at the database: what somebody waits for first, each tenant in turn, and the background now and then. */
import { beforeEach, describe, expect, test } from 'vitest';
import { isUnavailable } from '../../src/db/errors.ts';
import { createPlaces } from '../../src/db/places.ts';
import { asTenant, createWorkQueue, currentWork, inBackground, type Work } from '../../src/db/work.ts';

/** Longer than a test. */
const WAIT_MS = 60_000;

const of = (tenant: number | null, background = false): Work => ({ tenant, background });

function queueOf(...items: [string, Work][]) {
  const queue = createWorkQueue<string>();
  for (const [item, work] of items) queue.add(item, work);
  return queue;
}

function drain(queue: ReturnType<typeof queueOf>): string[] {
  const taken: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
  return taken;
}

describe('work that waits', () => {
  test('goes tenant by tenant, however much one of them asks for', () => {
    const many = Array.from({ length: 50 }, (_, n): [string, Work] => [`1-${n}`, of(1)]);
    const queue = queueOf(...many, ['2-0', of(2)], ['3-0', of(3)], ['2-1', of(2)]);
    expect(drain(queue).slice(0, 5)).toEqual(['1-0', '2-0', '3-0', '1-1', '2-1']);
  });

  test('of the service itself stands behind no backlog of a tenant', () => {
    const many = Array.from({ length: 50 }, (_, n): [string, Work] => [`1-${n}`, of(1)]);
    expect(drain(queueOf(...many, ['ours', of(null)]))[1]).toBe('ours');
  });

  test('of the service itself stops no tenant, however much of it there is', () => {
    const queue = createWorkQueue<string>();
    const order: string[] = [];
    const ours = (count: number) => {
      for (let n = 0; n < count; n++) queue.add('ours', of(null));
    };
    ours(50);
    // One at a time, as a client asks that waits for each answer.
    for (let n = 0; n < 5; n++) {
      queue.add(`${n}`, of(1));
      ours(10);
      for (let taken = queue.take(); taken !== `${n}`; taken = queue.take()) order.push(String(taken));
      order.push(`${n}`);
    }
    expect(order.filter((item) => item !== 'ours')).toEqual(['0', '1', '2', '3', '4']);
    expect(order.indexOf('4')).toBeLessThan(45);
  });

  test('keeps the order of one tenant, and of the service', () => {
    expect(drain(queueOf(['a', of(1)], ['b', of(1)], ['c', of(1)]))).toEqual(['a', 'b', 'c']);
    expect(drain(queueOf(['a', of(null)], ['b', of(null)], ['c', of(null)]))).toEqual(['a', 'b', 'c']);
  });

  test('of the background lets the rest go first, and has one turn of nine while others wait', () => {
    const queue = queueOf(['back-0', of(1, true)], ['back-1', of(null, true)]);
    for (let n = 0; n < 20; n++) queue.add(`${n}`, of(n));
    const order = drain(queue);
    expect(order.indexOf('back-0')).toBe(8);
    expect(order.indexOf('back-1')).toBe(17);
  });

  test('is passed over while it may not go', () => {
    const queue = queueOf(['a', of(1)], ['b', of(2)]);
    const notOne = (work: Work) => work.tenant !== 1;
    expect(queue.peek(notOne)).toBe('b');
    expect(queue.take(notOne)).toBe('b');
    expect(queue.take(notOne)).toBeUndefined();
    expect(drain(queue)).toEqual(['a']);
  });

  test('that is given up counts for nothing', () => {
    const many = Array.from({ length: 50 }, (_, n): [string, Work] => [`1-${n}`, of(1)]);
    const queue = queueOf(...many, ['2-0', of(2)]);
    for (const [item] of many.slice(2)) queue.remove(item);
    expect(queue.size).toBe(3);
    queue.add('1-50', of(1));
    queue.add('2-1', of(2));
    queue.add('2-2', of(2));
    queue.add('2-3', of(2));
    expect(drain(queue)).toEqual(['1-0', '2-0', '1-1', '2-1', '1-50', '2-2', '2-3']);
  });

  test('owes a tenant nothing for what it waited for earlier', () => {
    const queue = queueOf(['1-0', of(1)], ['1-1', of(1)], ['1-2', of(1)]);
    drain(queue);
    queue.add('1-3', of(1));
    queue.add('2-0', of(2));
    expect(drain(queue)).toEqual(['1-3', '2-0']);
  });
});

describe('whose work it is', () => {
  test('is told for all that a tenant or the background starts', async () => {
    expect(currentWork()).toEqual(of(null));
    const later = async () => {
      await Promise.resolve();
      return currentWork();
    };
    expect(await asTenant(7, later)).toEqual(of(7));
    expect(await inBackground(7, later)).toEqual(of(7, true));
    expect(await inBackground(null, later)).toEqual(of(null, true));
  });
});

describe('places', () => {
  let refused = 0;
  beforeEach(() => {
    refused = 0;
  });

  /** Asks for `count` places; how many were given so far, and what gives one back. */
  async function ask(places: ReturnType<typeof createPlaces>, count: number, work: Work) {
    const given: (() => void)[] = [];
    const enter = () =>
      void places.enter(WAIT_MS).then(
        (leave) => given.push(leave),
        () => refused++,
      );
    for (let n = 0; n < count; n++) {
      if (work.background) inBackground(work.tenant, enter);
      else if (work.tenant === null) enter();
      else asTenant(work.tenant, enter);
    }
    await nextTurn();
    return given;
  }
  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

  test('are for one tenant half at most', async () => {
    const places = createPlaces(10, 100);
    const noisy = await ask(places, 50, of(1));
    expect(noisy).toHaveLength(5);
    expect(await ask(places, 1, of(2))).toHaveLength(1);
    expect(places.waiting).toBe(45);
  });

  test('are for one tenant a quarter at most, or two, as long as another one is there', async () => {
    const places = createPlaces(12, 100);
    for (const leave of await ask(places, 1, of(2))) leave();
    const noisy = await ask(places, 50, of(1));
    expect(noisy).toHaveLength(3);
    noisy[0]?.();
    await nextTurn();
    expect(noisy).toHaveLength(4);
    const small = createPlaces(4, 100);
    await ask(small, 1, of(2));
    expect(await ask(small, 10, of(1, true))).toHaveLength(1);
    expect(await ask(small, 10, of(1))).toHaveLength(1);
  });

  test('let the background of a tenant rest after each use, as long as another one is there', async () => {
    const places = createPlaces(12, 100);
    const use = async (work: Work) => {
      const [leave] = await ask(places, 1, work);
      await new Promise((resolve) => setTimeout(resolve, 20));
      leave?.();
    };
    await use(of(1, true));
    const alone = await ask(places, 1, of(1, true));
    expect(alone).toHaveLength(1);
    alone[0]?.();
    await use(of(2));
    await use(of(1, true));
    const rested = await ask(places, 1, of(1, true));
    expect(rested).toHaveLength(0);
    expect(await ask(places, 1, of(1))).toHaveLength(1);
    expect(await ask(places, 1, of(null, true))).toHaveLength(1);
    await expect.poll(() => rested.length).toBe(1);
  });

  test('are for the background half at most, whoever it is for', async () => {
    const places = createPlaces(4, 100);
    expect(await ask(places, 3, of(1, true))).toHaveLength(2);
    expect(await ask(places, 3, of(null, true))).toHaveLength(0);
    expect(await ask(places, 2, of(null))).toHaveLength(2);
  });

  test('go to the tenant whose turn it is when one comes back', async () => {
    const places = createPlaces(2, 100);
    const first = await ask(places, 3, of(1));
    expect(first).toHaveLength(1);
    const second = await ask(places, 2, of(2));
    expect(second).toHaveLength(1);
    first[0]?.();
    await nextTurn();
    expect([first.length, second.length]).toEqual([2, 1]);
    second[0]?.();
    await nextTurn();
    expect([first.length, second.length]).toEqual([2, 2]);
  });

  test('leave room in the line for others, whatever one tenant asks for, and for the service always', async () => {
    const places = createPlaces(2, 10);
    await ask(places, 50, of(1));
    expect([places.waiting, refused]).toEqual([5, 44]);
    await ask(places, 50, of(2));
    expect([places.waiting, refused]).toEqual([10, 88]);
    await ask(places, 50, of(3));
    expect([places.waiting, refused]).toEqual([10, 138]);
    await ask(places, 10, of(null));
    expect([places.waiting, refused]).toEqual([20, 138]);
    await ask(places, 1, of(null));
    expect(refused).toBe(139);
  });

  test('are not waited for by who has given up', async () => {
    const places = createPlaces(1, 10);
    const [leave] = await ask(places, 1, of(2));
    const late = Array.from({ length: 5 }, () =>
      asTenant(1, () => places.enter(1)).catch((error: unknown) => error),
    );
    for (const error of await Promise.all(late)) expect(isUnavailable(error)).toBe(true);
    expect(places.waiting).toBe(0);
    const next = await ask(places, 6, of(1));
    expect([places.waiting, refused]).toEqual([5, 1]);
    leave?.();
    await nextTurn();
    expect(next).toHaveLength(1);
  });

  test('are all for the service itself, and one is there for everybody where there is one', async () => {
    expect(await ask(createPlaces(6, 100), 6, of(null))).toHaveLength(6);
    expect(await ask(createPlaces(1, 100), 1, of(1))).toHaveLength(1);
    expect(await ask(createPlaces(1, 100), 1, of(1, true))).toHaveLength(1);
  });
});
