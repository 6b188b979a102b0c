import asyncHooks, { AsyncResource } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { createSharedStorage } from '../../src/whatsapp/baileys/preload.ts';

const Shared = createSharedStorage(asyncHooks.AsyncLocalStorage);
const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the shared storage', () => {
  it('keeps each instance apart, over awaits and timers', async () => {
    const [a, b] = [new Shared<string>(), new Shared<string>()];
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

  it('passes arguments, results and errors through', () => {
    const a = new Shared<number>();
    expect(a.run(1, (x: number, y: number) => x + y + (a.getStore() ?? 0), 2, 3)).toBe(6);
    expect(() =>
      a.run(1, () => {
        throw new Error('through');
      }),
    ).toThrow('through');
    expect(a.getStore()).toBeUndefined();
  });

  it('leaves only itself on exit', async () => {
    const [a, b] = [new Shared<string>(), new Shared<string>()];
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

  it('enters the rest of an execution, and what follows from it', async () => {
    const a = new Shared<string>();
    await new AsyncResource('test').runInAsyncScope(async () => {
      a.enterWith('entered');
      await tick();
      expect(a.getStore()).toBe('entered');
    });
    expect(a.getStore()).toBeUndefined();
  });

  it('is disabled alone, for what runs already as well, until it is used again', async () => {
    const [a, b] = [new Shared<string>(), new Shared<string>()];
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

  it('binds and snapshots every instance', async () => {
    const [a, b] = [new Shared<string>(), new Shared<string>()];
    const see = () => [a.getStore(), b.getStore()];
    const [bound, snapshot] = a.run('a', () => b.run('b', () => [Shared.bind(see), Shared.snapshot()]));
    await tick();
    expect(bound()).toEqual(['a', 'b']);
    a.run('other', () => {
      expect(snapshot(see)).toEqual(['a', 'b']);
      expect(a.getStore()).toBe('other');
    });
  });

  it('does not disturb a storage that was made before, nor is disturbed by it', async () => {
    const real = new asyncHooks.AsyncLocalStorage<string>();
    const a = new Shared<string>();
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
    const a = new Shared<string>({ defaultValue: 'none', name: 'a' });
    expect(a.getStore()).toBe('none');
    expect(a.run('a', () => a.getStore())).toBe('a');
    expect(a.name).toBe('a');
  });
});

/** Runs the fixture in a process of its own; its whole output. */
function runChatty(...imports: string[]): Promise<{ code: number | null; output: string }> {
  const flags = ['tsx', ...imports].flatMap((module) => ['--import', module]);
  const { pathname } = new URL('./fixtures/chatty.ts', import.meta.url);
  const child = spawn(process.execPath, [...flags, pathname], {
    env: { ...process.env, DB_TYPE: 'sqlite' },
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => chunks.push(String(data)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output: chunks.join('') })));
}

describe('a process that links, sends, receives and renews keys', () => {
  const PRIVATE = /privKey|rootKey|<Buffer|chainKey/;

  it('prints private keys without the preload', async () => {
    expect((await runChatty()).output).toMatch(PRIVATE);
  }, 60_000);

  it('prints nothing but its own lines with it', async () => {
    const { code, output } = await runChatty(
      new URL('../../src/whatsapp/baileys/preload.ts', import.meta.url).pathname,
    );
    expect(output.trim()).toBe('Closing session: a line of our own');
    expect(code).toBe(0);
  }, 60_000);
});
