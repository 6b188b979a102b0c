import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { QueryPromise } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { ContextResource, PromiseLocalStorage } from '../../src/utils/async-context.ts';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Built at one place and run when somebody awaits it; no promise itself. */
class Query<T> extends QueryPromise<T> {
  readonly #read: () => T;

  constructor(read: () => T) {
    super();
    this.#read = read;
  }

  override execute(): Promise<T> {
    return tick().then(this.#read);
  }
}

/** Safe because they take the place of Node's own. */
function asNodes(ours: object) {
  return ours as { Storage: typeof AsyncLocalStorage; Resource: typeof AsyncResource };
}

const kinds = [
  { name: "Node's own", Storage: AsyncLocalStorage, Resource: AsyncResource },
  {
    name: 'the one for older versions of Node',
    ...asNodes({ Storage: PromiseLocalStorage, Resource: ContextResource }),
  },
];

describe.each(kinds)('a storage: $name', ({ Storage, Resource }) => {
  it('keeps each instance apart, over awaits and timers', async () => {
    const [a, b] = [new Storage<string>(), new Storage<string>()];
    await a.run('a', () =>
      b.run('b', async () => {
        await tick();
        expect([a.getStore(), b.getStore()]).toEqual(['a', 'b']);
        await a.run('inner', async () => {
          await tick();
          expect([a.getStore(), b.getStore()]).toEqual(['inner', 'b']);
        });
        expect(a.getStore()).toBe('a');
      }),
    );
    expect([a.getStore(), b.getStore()]).toEqual([undefined, undefined]);
  });

  it('keeps what runs at the same time apart', async () => {
    const a = new Storage<number>();
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        a.run(n, async () => {
          for (let turn = 0; turn < n % 4; turn++) await tick();
          await Promise.resolve();
          return a.getStore();
        }),
      ),
    );
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it('lasts in callbacks of promises, whoever settles them, and in what is awaited without being a promise', async () => {
    const a = new Storage<string>();
    let settle: (error: Error) => void = () => undefined;
    const shared = new Promise<void>((_resolve, reject) => {
      settle = reject;
    });
    const seen = a.run('a', () =>
      Promise.all([
        shared.catch(() => a.getStore()),
        shared.then(undefined, () => a.getStore()),
        shared.finally(() => expect(a.getStore()).toBe('a')).catch(() => a.getStore()),
        (async () => {
          const inside = await new Query(() => a.getStore());
          return [inside, a.getStore()].join();
        })(),
      ]),
    );
    await a.run('b', async () => {
      await tick();
      settle(new Error('over'));
    });
    expect(await seen).toEqual(['a', 'a', 'a', 'a,a']);
  });

  it('lasts in generators and loops over them', async () => {
    const a = new Storage<string>();
    async function* values() {
      for (let n = 0; n < 3; n++) {
        await tick();
        yield a.getStore();
      }
    }
    const seen = await a.run('a', async () => {
      const found: unknown[] = [];
      for await (const value of values()) found.push(value, a.getStore());
      return found;
    });
    expect(seen).toEqual(['a', 'a', 'a', 'a', 'a', 'a']);
  });

  it('leaves nothing to what comes after a job of it', async () => {
    const a = new Storage<string>();
    const seen: unknown[] = [];
    const over = new Promise<void>((resolve) => {
      setImmediate(() => {
        a.run('a', () => void Promise.resolve().then(() => seen.push(a.getStore())));
        queueMicrotask(() => seen.push(a.getStore()));
        process.nextTick(() => seen.push(a.getStore()));
        seen.push(a.getStore());
        setImmediate(resolve);
      });
    });
    await over;
    expect(seen.sort()).toEqual(['a', undefined, undefined, undefined]);
  });

  it('passes arguments, results and errors through', () => {
    const a = new Storage<number>();
    expect(a.run(1, (x: number, y: number) => x + y + (a.getStore() ?? 0), 2, 3)).toBe(6);
    const fail = () => {
      throw new Error('through');
    };
    expect(() => a.run(1, fail)).toThrow('through');
    expect(a.getStore()).toBeUndefined();
  });

  it('binds and snapshots every instance', async () => {
    const [a, b] = [new Storage<string>(), new Storage<string>()];
    const see = () => [a.getStore(), b.getStore()];
    const [bound, snapshot] = a.run('a', () => b.run('b', () => [Storage.bind(see), Storage.snapshot()]));
    await tick();
    expect(bound()).toEqual(['a', 'b']);
    a.run('other', () => {
      expect(snapshot(see)).toEqual(['a', 'b']);
      expect(a.getStore()).toBe('other');
    });
  });

  it('is that of where a resource was made, in what runs in its scope', async () => {
    const a = new Storage<string>();
    const see = (word: string) => [word, a.getStore()];
    const [resource, bound] = a.run('a', () => [new Resource('test'), Resource.bind(see)]);
    await a.run('other', async () => {
      expect(resource.runInAsyncScope(see, undefined, 'scope')).toEqual(['scope', 'a']);
      expect(resource.bind(see)('bound')).toEqual(['bound', 'a']);
      expect(bound('static')).toEqual(['static', 'a']);
      expect(await resource.runInAsyncScope(async () => tick().then(() => a.getStore()))).toBe('a');
      expect(a.getStore()).toBe('other');
    });
  });

  it('enters the rest of an execution, and what follows from it', async () => {
    const a = new Storage<string>();
    await new Resource('test').runInAsyncScope(async () => {
      a.enterWith('entered');
      await tick();
      expect(a.getStore()).toBe('entered');
    });
    expect(a.getStore()).toBeUndefined();
  });
});

describe('the storage for older versions of Node', () => {
  it('leaves only itself on exit', async () => {
    const [a, b] = [new PromiseLocalStorage<string>(), new PromiseLocalStorage<string>()];
    await a.run('a', () =>
      b.run('b', async () => {
        const inside = await a.exit(async (word: string) => {
          await tick();
          return [word, a.getStore(), b.getStore()];
        }, 'word');
        expect(inside).toEqual(['word', undefined, 'b']);
        expect(a.getStore()).toBe('a');
      }),
    );
  });

  it('is disabled alone, for what runs already as well, until it is used again', async () => {
    const [a, b] = [new PromiseLocalStorage<string>(), new PromiseLocalStorage<string>()];
    await b.run('b', () =>
      a.run('a', async () => {
        a.disable();
        expect([a.getStore(), b.getStore()]).toEqual([undefined, 'b']);
        await tick();
        expect(a.getStore()).toBeUndefined();
        expect(a.run('again', () => a.getStore())).toBe('again');
      }),
    );
  });

  it('does not disturb that of Node, nor is disturbed by it', async () => {
    const real = new AsyncLocalStorage<string>();
    const a = new PromiseLocalStorage<string>();
    await real.run('real', () =>
      a.run('a', async () => {
        await tick();
        expect([real.getStore(), a.getStore()]).toEqual(['real', 'a']);
        real.disable();
        expect(a.getStore()).toBe('a');
      }),
    );
  });

  it('answers its default where nothing was set', () => {
    const a = new PromiseLocalStorage<string>({ defaultValue: 'none', name: 'a' });
    expect(a.getStore()).toBe('none');
    expect(a.run('a', () => a.getStore())).toBe('a');
    expect(a.name).toBe('a');
  });

  it('gives what an emitter, a timer or a socket calls none of its values, unless that was bound', async () => {
    const a = new PromiseLocalStorage<string>();
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    const see = () => seen.push(a.getStore());
    a.run('a', () => {
      emitter.on('event', see);
      emitter.on('event', PromiseLocalStorage.bind(see));
      setImmediate(see);
    });
    setImmediate(() => emitter.emit('event'));
    await tick();
    await tick();
    expect(seen).toEqual([undefined, undefined, 'a']);
  });

  it('does not mark what is made where no value is set', async () => {
    const a = new PromiseLocalStorage<string>();
    const [plain, marked] = [Promise.resolve(), a.run('a', () => Promise.resolve())];
    expect(Object.getOwnPropertySymbols(plain).map(String)).not.toContain('Symbol(wahub.context)');
    expect(Object.getOwnPropertySymbols(marked).map(String)).toContain('Symbol(wahub.context)');
    await tick();
  });
});
