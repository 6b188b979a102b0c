/**
 * Must be the first import of the process (or a `node --import`): it has to be there before Baileys and
 * libsignal are loaded. Imports nothing that imports more than Node.
 */
import asyncHooks from 'node:async_hooks';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { ContextResource, PromiseLocalStorage } from '../../utils/async-context.ts';

/** From this version on Node has a cheap AsyncLocalStorage of its own. */
const FIRST_GOOD_NODE = 24;
const INSTALLED = Symbol.for('wahub.preload');
const FROM_LIBSIGNAL = /node_modules[\\/]libsignal[\\/]/;
const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;

/** So many messages are padded until the system's source is asked again. */
const POOL_BYTES = 8_192;

/**
 * Puts a cheaper AsyncLocalStorage in the place of Node's (Node < 24), gives single random bytes from a pool, and silences
 * libsignal, which prints private session keys. May be called again: the second call does nothing.
 */
export function installPreload(): void {
  if (Reflect.has(globalThis, INSTALLED)) return;
  Reflect.set(globalThis, INSTALLED, true);
  if (Number.parseInt(process.versions.node, 10) < FIRST_GOOD_NODE) shareAsyncStorage();
  poolRandomBytes();
  silenceLibsignal();
}

type AnyFunction<A extends unknown[], R> = (...args: A) => R;

function shareAsyncStorage(): void {
  Object.assign(asyncHooks, { AsyncLocalStorage: PromiseLocalStorage, AsyncResource: ContextResource });
  syncBuiltinESMExports();
}

/**
 * Baileys asks for one random byte with each message that it encodes (the length of its padding), and Node asks the system's source
 * each time. Here it is asked for many at once, as Node itself does for `randomUUID`. Each byte is given once, in memory of its own,
 * and is then forgotten. What is longer may be a secret, and never comes from the pool.
 */
function poolRandomBytes(): void {
  const ask = crypto.randomBytes;
  const pool = Buffer.alloc(POOL_BYTES);
  let at = POOL_BYTES;
  const randomBytes = (size: number, callback?: Parameters<typeof ask>[1]): Buffer | undefined => {
    const isPooled = callback === undefined && size === 1;
    if (!isPooled) return Reflect.apply(ask, crypto, callback === undefined ? [size] : [size, callback]);
    if (at === POOL_BYTES) {
      crypto.randomFillSync(pool);
      at = 0;
    }
    const given = Buffer.alloc(1);
    given[0] = pool[at] ?? 0;
    pool[at++] = 0;
    return given;
  };
  Object.assign(crypto, { randomBytes });
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
