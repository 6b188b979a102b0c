import { expect, it } from 'vitest';
import { createRightOfWay } from '../../src/whatsapp/baileys/right-of-way.ts';
import { turns } from '../helpers/clock.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

function setUp() {
  const clock = createManualClock();
  const way = createRightOfWay(clock);
  /** Whether somebody who gives way now has gone on, when asked. */
  const asksWay = () => {
    let hasPassed = false;
    void way.give().then(() => {
      hasPassed = true;
    });
    return async () => {
      await turns(1);
      return hasPassed;
    };
  };
  return { clock, way, asksWay };
}

it('holds nobody while nothing urgent is under way', async () => {
  const { asksWay } = setUp();
  expect(await asksWay()()).toBe(true);
});

it('holds what is not urgent until the last of several urgent ones is over', async () => {
  const { way, asksWay } = setUp();
  const [first, second] = [way.take(), way.take()];
  const hasPassed = asksWay();
  first();
  first();
  expect(await hasPassed()).toBe(false);
  second();
  expect(await hasPassed()).toBe(true);
  expect(await asksWay()()).toBe(true);
});

it('holds it from the moment an urgent one is expected, and no longer than that one is under way', async () => {
  const { way, asksWay } = setUp();
  way.expect();
  const hasPassed = asksWay();
  const end = way.take();
  expect(await hasPassed()).toBe(false);
  end();
  expect(await hasPassed()).toBe(true);
});

it('forgets one that is expected and never comes, and waits for none longer than a quarter of a second', async () => {
  const { clock, way, asksWay } = setUp();
  way.expect();
  way.expect();
  const hasPassed = asksWay();
  clock.advance(249);
  expect(await hasPassed()).toBe(false);
  clock.advance(1);
  expect(await hasPassed()).toBe(true);
  expect(await asksWay()()).toBe(true);
});

it('is not held by one that takes long, however often it is asked', async () => {
  const { clock, way, asksWay } = setUp();
  const end = way.take();
  const hasPassed = asksWay();
  clock.advance(250);
  expect(await hasPassed()).toBe(true);
  expect(await asksWay()()).toBe(true);
  way.take();
  end();
  expect(await asksWay()()).toBe(false);
});
