import type { SignalKeyStoreWithTransaction } from '@whiskeysockets/baileys';
import { describe, expect, it } from 'vitest';
import {
  holdsKeys,
  installTransactions,
  persistKeys,
  type RawKeys,
  releaseKeysAfter,
} from '../../src/whatsapp/baileys/transactions.ts';
import { createSignal } from '../helpers/signal.ts';
import { until } from '../helpers/until.ts';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));
const asVersion = (version: number) => ({ version, hash: Buffer.alloc(0), indexValueMap: {} });

function setUp() {
  const stored = new Map<string, unknown>();
  const writes: string[][] = [];
  let durable: () => Promise<void> = async () => undefined;
  const raw: RawKeys = {
    async get(type, names) {
      await tick();
      const found: Record<string, unknown> = {};
      for (const name of names)
        if (stored.get(`${type}:${name}`)) found[name] = stored.get(`${type}:${name}`);
      return found;
    },
    set(data) {
      const changes = Object.entries(data).flatMap(([type, values]) =>
        Object.entries(values).map(([name, value]) => [`${type}:${name}`, value] as const),
      );
      for (const [name, value] of changes) stored.set(name, value);
      writes.push(changes.map(([name]) => name));
      return durable();
    },
  };
  const keys = Object.assign({}) as SignalKeyStoreWithTransaction;
  installTransactions(keys, raw);
  const increase = async () => {
    const { n } = await keys.get('lid-mapping', ['n']);
    await tick();
    await keys.set({ 'lid-mapping': { n: String(Number(n ?? 0) + 1) } });
  };
  return {
    keys,
    stored,
    writes,
    increase,
    setDurable(fn: () => Promise<void>) {
      durable = fn;
    },
  };
}

describe('a key transaction', () => {
  it('loses no update to another one, whatever they are keyed by', async () => {
    const { keys, stored, increase } = setUp();
    await Promise.all(Array.from({ length: 20 }, (_, i) => keys.transaction(increase, `peer ${i % 3}`)));
    expect(stored.get('lid-mapping:n')).toBe('20');
  });

  it('is written once, with everything of its nested ones, and not at all when it fails', async () => {
    const { keys, writes, increase } = setUp();
    await keys.transaction(async () => {
      await increase();
      await keys.transaction(increase, 'nested');
      await keys.set({ 'device-list': { a: ['0'] } });
      expect(keys.isInTransaction()).toBe(true);
    }, 'a');
    expect(writes).toEqual([['lid-mapping:n', 'device-list:a']]);
    const failing = keys.transaction(async () => {
      await increase();
      throw new Error('rolled back');
    }, 'a');
    await expect(failing).rejects.toThrow('rolled back');
    expect(writes).toHaveLength(1);
    expect(keys.isInTransaction()).toBe(false);
  });

  it('about settings holds no key of a message while it asks the server, and takes turns with its like', async () => {
    const { keys, stored, increase } = setUp();
    const answer = createSignal();
    const order: string[] = [];
    const patch = (name: string, wait: Promise<void>) =>
      keys.transaction(async () => {
        await keys.transaction(async () => {
          const { regular } = await keys.get('app-state-sync-version', ['regular']);
          order.push(`${name} ${regular?.version ?? 0} ${holdsKeys()}`);
          await wait;
          const state = { version: (regular?.version ?? 0) + 1, hash: Buffer.alloc(0), indexValueMap: {} };
          await keys.set({ 'app-state-sync-version': { regular: state } });
        }, 'a');
      }, 'a');
    const first = patch('first', answer.given);
    const second = patch('second', Promise.resolve());
    await keys.transaction(increase, 'a');
    expect(stored.get('lid-mapping:n')).toBe('1');
    expect(order).toEqual(['first 0 false']);
    answer.give();
    await Promise.all([first, second]);
    expect(order).toEqual(['first 0 false', 'second 1 false']);
    expect(stored.get('app-state-sync-version:regular')).toMatchObject({ version: 2 });
    const failing = keys.transaction(async () => {
      await keys.set({ 'app-state-sync-version': { regular: null } });
      throw new Error('no answer');
    }, 'a');
    await expect(failing).rejects.toThrow('no answer');
    expect(stored.get('app-state-sync-version:regular')).toMatchObject({ version: 2 });
  });

  it('about settings begins when the one before is durable and told, and no message waits for that', async () => {
    const { keys, stored, increase, setDurable } = setUp();
    const disk = createSignal();
    const told: string[] = [];
    const read = () =>
      keys.transaction(async () => {
        const { regular } = await keys.get('app-state-sync-version', ['regular']);
        await keys.set({ 'app-state-sync-version': { regular: asVersion((regular?.version ?? 0) + 1) } });
      }, 'a');
    setDurable(() => disk.given);
    const first = read().then(() => told.push('first'));
    await until(() => stored.has('app-state-sync-version:regular'));
    setDurable(async () => undefined);
    const second = keys.transaction(async () => {
      // A nested one does not wait for the disk.
      await read();
      told.push('second');
    }, 'a');
    await keys.transaction(increase, 'a');
    for (let n = 0; n < 10; n++) await tick();
    expect(told).toEqual([]);
    disk.give();
    await Promise.all([first, second]);
    expect(told).toEqual(['first', 'second']);
    expect(stored.get('app-state-sync-version:regular')).toMatchObject({ version: 2 });
  });

  it('about settings ends where a server has more of them without end', async () => {
    const { keys } = setUp();
    const endless = keys.transaction(async () => {
      for (;;) await keys.get('app-state-sync-version', ['regular']);
    }, 'a');
    await expect(endless).rejects.toThrow('without end');
    const goingBack = keys.transaction(async () => {
      for (let n = 0; ; n++) {
        await keys.set({ 'app-state-sync-version': { regular: n % 2 === 0 ? null : asVersion(7) } });
      }
    }, 'a');
    await expect(goingBack).rejects.toThrow('without end');
  });

  it('about settings goes on for as long as their versions rise', async () => {
    const { keys, stored } = setUp();
    await keys.transaction(async () => {
      for (let version = 1; version <= 2_000; version++) {
        await keys.get('app-state-sync-version', ['regular']);
        await keys.set({ 'app-state-sync-version': { regular: asVersion(version) } });
      }
    }, 'a');
    expect(stored.get('app-state-sync-version:regular')).toMatchObject({ version: 2_000 });
  });

  it('resolves when it is durable, but the next one need not wait for that', async () => {
    const { keys, stored, increase, setDurable } = setUp();
    let release = () => {};
    const disk = new Promise<void>((resolve) => {
      release = resolve;
    });
    setDurable(() => disk);
    let done = 0;
    const both = [1, 2].map(() =>
      keys.transaction(increase, 'a').then(() => {
        done += 1;
      }),
    );
    await until(() => stored.get('lid-mapping:n') === '2');
    await tick();
    expect(done).toBe(0);
    release();
    await Promise.all(both);
    expect(done).toBe(2);
  });

  it.each([
    ['to a person', async (keys: SignalKeyStoreWithTransaction) => void (await keys.get('tctoken', ['a']))],
    [
      'to a group',
      async (keys: SignalKeyStoreWithTransaction) => keys.set({ 'sender-key-memory': { a: {} } }),
    ],
    ['by Baileys itself', persistKeys],
  ])('is durable before a stanza %s leaves, and stays so when that fails', async (_which, lastStep) => {
    const { keys, writes, setDurable } = setUp();
    const disk = createSignal();
    const asked = createSignal();
    setDurable(() => {
      asked.give();
      return disk.given;
    });
    let left = false;
    const relay = keys.transaction(async () => {
      await keys.set({ session: { peer: Buffer.from('sealed with the first key') } });
      await lastStep(keys);
      left = true;
      throw new Error('Connection Closed');
    }, 'a');
    await asked.given;
    await tick();
    expect(left).toBe(false);
    disk.give();
    await expect(relay).rejects.toThrow('Connection Closed');
    expect(left).toBe(true);
    expect(writes).toHaveLength(1);
    expect(writes[0]).toContain('session:peer');
  });

  it('that is released lets the next one see its keys, and nothing is kept before what it waits for', async () => {
    const { keys, stored, writes, increase } = setUp();
    const messages = [createSignal(), createSignal()];
    const ends: number[] = [];
    const open = messages.map(({ given }, n) =>
      keys
        .transaction(async () => {
          await increase();
          releaseKeysAfter(given);
          await given;
        }, 'a')
        .then(() => ends.push(n)),
    );
    const read = await keys.transaction(async () => keys.get('lid-mapping', ['n', 'missing']), 'a');
    expect(read).toEqual({ n: '2' });
    // A send that comes behind them uses their keys: it waits, too.
    const send = keys
      .transaction(async () => {
        await increase();
        await keys.get('tctoken', ['a']);
      }, 'a')
      .then(() => ends.push(2));
    messages[1]?.give();
    for (let n = 0; n < 5; n++) await tick();
    expect(writes).toEqual([]);
    expect(ends).toEqual([]);
    messages[0]?.give();
    await Promise.all([...open, send]);
    expect(ends).toEqual([0, 1, 2]);
    expect(writes).toHaveLength(3);
    expect(stored.get('lid-mapping:n')).toBe('3');
    // With nothing left to wait for, all is as before.
    await keys.transaction(increase, 'a');
    expect(stored.get('lid-mapping:n')).toBe('4');
  });

  it('that was released in vain is never kept, nor anything that came behind it', async () => {
    const { keys, writes, increase } = setUp();
    const stored = createSignal();
    const one = keys.transaction(async () => {
      await increase();
      const failed = stored.given.then(() => Promise.reject(new Error('not stored')));
      releaseKeysAfter(failed);
      await failed;
    }, 'a');
    const outcomes = Promise.allSettled([one, keys.transaction(increase, 'a')]);
    stored.give();
    const reasons = (await outcomes).map(
      (outcome) => outcome.status === 'rejected' && String(outcome.reason),
    );
    expect(reasons).toEqual(['Error: not stored', 'Error: not stored']);
    await expect(keys.transaction(increase, 'a')).rejects.toThrow('not stored');
    expect(writes).toEqual([]);
  });

  it('of the next message does not wait for the disk of the one before, and each leaves when its own keys are kept', async () => {
    const { keys, stored, writes, increase, setDurable } = setUp();
    const disks = [createSignal(), createSignal()];
    setDurable(() => disks[writes.length - 1]?.given ?? Promise.resolve());
    const left: number[] = [];
    const relay = (n: number) =>
      keys.transaction(async () => {
        await increase();
        await keys.get('tctoken', ['a']);
        left.push(n);
        // What goes on in a stanza that has left finds what others have set since, and spoils none of it.
        expect(keys.isInTransaction()).toBe(false);
        expect((await keys.get('lid-mapping', ['n'])).n).toBe('2');
      }, 'a');
    const both = Promise.all([relay(1), relay(2)]);
    await until(() => stored.get('lid-mapping:n') === '2');
    await tick();
    expect(left).toEqual([]);
    disks[0]?.give();
    await until(() => left.length > 0);
    await tick();
    expect(left).toEqual([1]);
    disks[1]?.give();
    await both;
    expect(left).toEqual([1, 2]);
    expect(writes).toEqual([['lid-mapping:n'], ['lid-mapping:n']]);
  });

  it('that cannot be kept lets no stanza leave, nor holds up the next', async () => {
    const { keys, stored, increase, setDurable } = setUp();
    setDurable(() => Promise.reject(new Error('lost')));
    let left = false;
    const relay = keys.transaction(async () => {
      await increase();
      await keys.get('tctoken', ['a']);
      left = true;
    }, 'a');
    await expect(relay).rejects.toThrow('lost');
    expect(left).toBe(false);
    setDurable(async () => undefined);
    await keys.transaction(increase, 'a');
    expect(stored.get('lid-mapping:n')).toBe('2');
  });

  it('does not swallow what is written after its end by work it started', async () => {
    const { keys, stored } = setUp();
    let late: Promise<void> | undefined;
    await keys.transaction(async () => {
      late = tick()
        .then(tick)
        .then(() => keys.set({ 'lid-mapping': { late: 'kept' } }));
    }, 'a');
    await late;
    expect(stored.get('lid-mapping:late')).toBe('kept');
  });

  it('of one socket is not seen by another', async () => {
    const [a, b] = [setUp(), setUp()];
    await a.keys.transaction(async () => {
      await a.keys.set({ 'lid-mapping': { n: '5' } });
      expect((await a.keys.get('lid-mapping', ['n'])).n).toBe('5');
      await b.keys.transaction(b.increase, 'b');
    }, 'a');
    expect(b.stored.get('lid-mapping:n')).toBe('1');
    expect(a.stored.get('lid-mapping:n')).toBe('5');
  });
});
