/** Tenants share the event loop: little is never held up, much goes on when the loop is idle, each tenant in turn. */
import { describe, expect, it } from 'vitest';
import { createLoopShare } from '../../src/utils/loop-share.ts';

function setUp() {
  let nowMs = 1_000;
  let idleMs = 0;
  let looks: (() => void)[] = [];
  const share = createLoopShare({
    now: () => nowMs,
    idleMs: () => idleMs,
    later: (work) => looks.push(work),
  });
  const done: string[] = [];
  return {
    share,
    done,
    /** A millisecond of the loop, in which it had nothing to do for `idle`. */
    async pass(idle: number, ms = 1): Promise<void> {
      nowMs += ms;
      idleMs += idle;
      const due = looks;
      looks = [];
      for (const look of due) look();
      await Promise.resolve();
    },
    ask(tenant: number, name: string, kind?: 'request' | 'work') {
      void share.turn(tenant, kind).then(() => done.push(name));
    },
    spendFree(tenant: number) {
      for (let n = 0; n < 10; n++) {
        idleMs += 1;
        share.tryTurn(tenant);
      }
    },
  };
}

describe('the shares of the event loop', () => {
  it('holds nobody up who is there alone', async () => {
    const { share, ask, done } = setUp();
    for (let n = 0; n < 100; n++) expect(share.tryTurn(1)).toBe(true);
    ask(1, 'one');
    await Promise.resolve();
    expect(done).toEqual(['one']);
  });

  it('lets a tenant that does much wait until the loop is idle while another one is there', async () => {
    const { share, ask, done, pass, spendFree } = setUp();
    share.noteActive(2);
    spendFree(1);
    expect(share.tryTurn(1)).toBe(false);
    ask(1, 'first');
    ask(1, 'second');
    await pass(0);
    await pass(0.2);
    expect(done).toEqual([]);
    await pass(1);
    await pass(1);
    expect(done).toEqual(['first']);
    await pass(1);
    expect(done).toEqual(['first', 'second']);
  });

  it('never holds up a tenant that does little', async () => {
    const { share, ask, done, pass, spendFree } = setUp();
    spendFree(1);
    share.noteActive(2);
    ask(1, 'much');
    ask(2, 'little');
    await Promise.resolve();
    expect(done).toEqual(['little']);
    await pass(1);
    expect(done).toEqual(['little', 'much']);
    // What was spent comes back with time.
    await pass(0, 200);
    expect(share.tryTurn(1)).toBe(true);
  });

  it('lets little that is asked for in one moment go one after the other while another one is there', async () => {
    const { ask, done, pass, share } = setUp();
    share.noteActive(2);
    for (const name of ['a1', 'a2', 'a3', 'a4']) ask(1, name);
    ask(3, 'b1');
    await Promise.resolve();
    // Nobody waits for what another tenant has asked for.
    expect(done).toEqual(['a1', 'b1']);
    await pass(0, 10);
    expect(done).toEqual(['a1', 'b1']);
    // The loop is idle, or it never is.
    await pass(1);
    expect(done).toEqual(['a1', 'b1', 'a2']);
    await pass(0, 19);
    await pass(0, 1);
    expect(done).toEqual(['a1', 'b1', 'a2', 'a3']);
    await pass(0, 20);
    expect(done).toEqual(['a1', 'b1', 'a2', 'a3', 'a4']);
  });

  it('lets those who ask for little go at once, however much another one waits for', async () => {
    const { ask, done, pass, share, spendFree } = setUp();
    share.noteActive(2);
    spendFree(1);
    for (let n = 0; n < 20; n++) ask(1, 'much');
    for (let n = 0; n < 5; n++) {
      await pass(0, 20);
      ask(3, 'little');
      await Promise.resolve();
    }
    expect(done.filter((name) => name === 'little')).toHaveLength(5);
  });

  it('gives each of those who wait its turn, whatever one of them has waiting', async () => {
    const { share, ask, done, pass, spendFree } = setUp();
    share.noteActive(3);
    spendFree(1);
    spendFree(2);
    for (const name of ['a1', 'a2', 'a3']) ask(1, name);
    ask(2, 'b1');
    for (let n = 0; n < 4; n++) await pass(1);
    expect(done).toEqual(['a1', 'b1', 'a2', 'a3']);
  });

  it('lets what is asked for go before the rest of the same tenant', async () => {
    const { share, ask, done, pass, spendFree } = setUp();
    share.noteActive(2);
    spendFree(1);
    ask(1, 'import', 'work');
    ask(1, 'request', 'request');
    await pass(1);
    await pass(1);
    expect(done).toEqual(['request', 'import']);
  });

  it('leaves half of the loop to whoever comes next, whatever the pieces cost', async () => {
    const { share, ask, done, pass, spendFree } = setUp();
    share.noteActive(2);
    spendFree(1);
    for (const name of ['one', 'two', 'three']) ask(1, name);
    await pass(1);
    expect(done).toEqual(['one']);
    // It cost 12 ms; then the loop is idle.
    await pass(0, 12);
    for (let n = 0; n < 11; n++) await pass(1);
    expect(done).toEqual(['one']);
    await pass(1);
    expect(done).toEqual(['one', 'two']);
    await pass(1);
    expect(done).toEqual(['one', 'two', 'three']);
  });

  it('starves nobody when the loop is never idle', async () => {
    const { share, ask, done, pass, spendFree } = setUp();
    share.noteActive(2);
    spendFree(1);
    ask(1, 'one');
    ask(1, 'two');
    await pass(0, 99);
    expect(done).toEqual([]);
    await pass(0, 1);
    expect(done).toEqual(['one']);
    await pass(0, 100);
    expect(done).toEqual(['one', 'two']);
  });

  it('forgets who was there a second ago', async () => {
    const { share, pass, spendFree } = setUp();
    share.noteActive(2);
    await pass(0, 900);
    spendFree(1);
    expect(share.tryTurn(1)).toBe(false);
    await pass(0, 150);
    spendFree(1);
    expect(share.tryTurn(1)).toBe(true);
  });
});
