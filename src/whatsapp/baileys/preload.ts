/**
 * Must be the first import of the process (or a `node --import`): it has to be there before Baileys and
 * libsignal are loaded. Imports nothing but Node.
 */
import asyncHooks from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';

/** From this version on Node has a cheap AsyncLocalStorage of its own. */
const FIRST_GOOD_NODE = 24;
const INSTALLED = Symbol.for('wahub.preload');
const FROM_LIBSIGNAL = /node_modules[\\/]libsignal[\\/]/;
const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;

/**
 * Makes every AsyncLocalStorage a view on one real storage (Node < 24) and silences libsignal, which prints
 * private session keys. May be called again: the second call does nothing.
 */
export function installPreload(): void {
  if (Reflect.has(globalThis, INSTALLED)) return;
  Reflect.set(globalThis, INSTALLED, true);
  if (Number.parseInt(process.versions.node, 10) < FIRST_GOOD_NODE) shareAsyncStorage();
  silenceLibsignal();
}

type AnyFunction<A extends unknown[], R> = (...args: A) => R;

/**
 * The class that takes AsyncLocalStorage's place. On Node 20 and 22 each storage in use costs a little at every
 * promise, and Baileys makes one a socket: here all of them share one, which holds a map of their values.
 */
export function createSharedStorage(Real: typeof asyncHooks.AsyncLocalStorage) {
  const real = new Real<ReadonlyMap<object, unknown>>();
  const withValue = (key: object, value: unknown) => new Map(real.getStore()).set(key, value);

  return class SharedAsyncLocalStorage<T> {
    /** a new one by `disable`: what older contexts hold is no longer found */
    #key = {};
    #default: T | undefined;
    readonly name: string;

    constructor(options: { defaultValue?: T; name?: string } = {}) {
      this.#default = options.defaultValue;
      this.name = options.name ?? '';
    }

    static bind<A extends unknown[], R>(fn: AnyFunction<A, R>): AnyFunction<A, R> {
      return Real.bind(fn);
    }

    static snapshot() {
      return Real.snapshot();
    }

    getStore(): T | undefined {
      const values = real.getStore();
      return values?.has(this.#key) ? ownValue<T>(values.get(this.#key)) : this.#default;
    }

    run<A extends unknown[], R>(store: T, fn: AnyFunction<A, R>, ...args: A): R {
      return real.run(withValue(this.#key, store), fn, ...args);
    }

    exit<A extends unknown[], R>(fn: AnyFunction<A, R>, ...args: A): R {
      return real.run(withValue(this.#key, undefined), fn, ...args);
    }

    enterWith(store: T): void {
      real.enterWith(withValue(this.#key, store));
    }

    disable(): void {
      this.#key = {};
    }
  };
}

/** Safe because only the instance itself writes under its private key. */
function ownValue<T>(value: unknown): T | undefined {
  return value as T | undefined;
}

function shareAsyncStorage(): void {
  Reflect.set(asyncHooks, 'AsyncLocalStorage', createSharedStorage(asyncHooks.AsyncLocalStorage));
  syncBuiltinESMExports();
}

function silenceLibsignal(): void {
  const target: Record<(typeof METHODS)[number], (...args: unknown[]) => void> = globalThis.console;
  for (const method of METHODS) {
    const print = target[method];
    target[method] = function quiet(...args: unknown[]): void {
      if (!FROM_LIBSIGNAL.test(callerOf(quiet))) print.apply(globalThis.console, args);
    };
  }
}

/** The one line of the stack above `fn`: a few microseconds, and only for what uses `console` at all. */
function callerOf(fn: AnyFunction<unknown[], void>): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  const holder: { stack?: unknown } = {};
  Error.captureStackTrace(holder, fn);
  const stack = String(holder.stack);
  Error.stackTraceLimit = limit;
  return stack;
}

installPreload();
