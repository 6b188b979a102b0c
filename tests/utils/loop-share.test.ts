/** Tenants share the event loop: little is never held up, much goes on when the loop is idle, each tenant in turn. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/utils/errors.ts';
import { createLoopShare, STRANGERS } from '../../src/utils/loop-share.ts';

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
    askAsStranger(address: string, name: string) {
      return share.strangerTurn(address).then(
        () => done.push(name),
        (error: unknown) => done.push(error instanceof AppError ? `${name} ${error.code}` : String(error)),
      );
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

  it('gives all strangers one place together, each address in turn', async () => {
    const { share, ask, askAsStranger, done, pass, spendFree } = setUp();
    share.noteActive(3);
    spendFree(1);
    spendFree(STRANGERS);
    for (const name of ['x1', 'x2', 'x3']) void askAsStranger('2001:db8:0:1::/64', name);
    void askAsStranger('2001:db8:0:2::/64', 'y1');
    void askAsStranger('2001:db8:0:3::/64', 'z1');
    for (const name of ['a1', 'a2', 'a3']) ask(1, name);
    for (let n = 0; n < 8; n++) await pass(1);
    expect(done).toEqual(['x1', 'a1', 'y1', 'a2', 'z1', 'a3', 'x2', 'x3']);
  });

  it('lets strangers from many addresses do no more than from one', async () => {
    const { share, askAsStranger, done, pass } = setUp();
    share.noteActive(1);
    for (let n = 0; n < 100; n++) void askAsStranger(`198.51.100.${n}`, `${n}`);
    // Ten pieces are free, two hundredths of a second apart; then the loop has to be idle.
    for (let n = 0; n < 20; n++) await pass(0, 20);
    expect(done.length).toBeLessThanOrEqual(10 + 20 * (20 / 100));
  });

  it('makes no tenant wait for strangers', async () => {
    const { share, askAsStranger, pass, spendFree } = setUp();
    share.noteActive(1);
    spendFree(STRANGERS);
    for (let n = 0; n < 50; n++) void askAsStranger(`198.51.100.${n}`, `${n}`);
    await pass(0, 1);
    for (let n = 0; n < 100; n++) expect(share.tryTurn(1)).toBe(true);
  });

  it('refuses strangers when too many wait, from one address sooner', async () => {
    const { share, askAsStranger, done, spendFree } = setUp();
    share.noteActive(1);
    spendFree(STRANGERS);
    for (let n = 0; n < 25; n++) void askAsStranger('198.51.100.1', `own ${n}`);
    await Promise.resolve();
    await Promise.resolve();
    expect(done).toEqual([20, 21, 22, 23, 24].map((n) => `own ${n} UNAVAILABLE`));
    done.length = 0;
    for (let n = 0; n < 200; n++) void askAsStranger(`2001:db8:0:${n}::/64`, 'other');
    await Promise.resolve();
    await Promise.resolve();
    expect(done).toEqual(Array.from({ length: 20 }, () => 'other UNAVAILABLE'));
    // Tenants are not refused.
    expect(share.tryTurn(2)).toBe(true);
  });

  it.each([
    { others: 0, pieceMs: 5, least: 0.45, most: 0.55 },
    { others: 0.1, pieceMs: 5, least: 0.35, most: 0.5 },
    { others: 0.25, pieceMs: 5, least: 0.2, most: 0.4 },
    { others: 0.5, pieceMs: 1, least: 0.02, most: 0.3 },
    { others: 1, pieceMs: 5, least: 0.04, most: 0.1 },
  ])(
    'lets a busy tenant use what is left of the free half, and something where nothing is: $others by others',
    async (given) => {
      const { share, pass, spendFree } = setUp();
      spendFree(1);
      let [allMs, busyMs, owedMs, othersAtMs] = [0, 0, 0, 0];
      let asked = false;
      while (allMs < 5_000) {
        share.noteActive(2);
        if (!asked) {
          asked = true;
          void share.turn(1).then(() => {
            asked = false;
            busyMs += given.pieceMs;
            owedMs += given.pieceMs;
          });
        }
        // Others come every ten milliseconds.
        for (; othersAtMs <= allMs; othersAtMs += 10) owedMs += given.others * 10;
        const ms = owedMs > 0 ? owedMs : 1;
        allMs += ms;
        const idle = owedMs > 0 ? 0 : 1;
        owedMs = 0;
        await pass(idle, ms);
        await Promise.resolve();
      }
      expect(busyMs / allMs).toBeGreaterThan(given.least);
      expect(busyMs / allMs).toBeLessThan(given.most);
    },
  );
});
