/**
 * AsyncLocalStorage for Node before 24, where Node's own gives every promise two numbers and runs four functions for it. This
 * one follows promises by V8's hooks alone, and marks those only that are made where a value is set. Imports nothing but Node.
 */
import { AsyncResource } from 'node:async_hooks';
import { promiseHooks } from 'node:v8';

type Values = ReadonlyMap<object, unknown>;
type AnyFunction<A extends unknown[], R> = (...args: A) => R;

/** Where a promise keeps the values under which it was made. */
const MADE_UNDER = Symbol('wahub.context');

interface Marked {
  [MADE_UNDER]?: Values | undefined;
}

/** The values of what runs now; undefined: none. */
let current: Values | undefined;
/** Those of what the promise job that runs has interrupted. Jobs do not interrupt each other. */
let interrupted: Values | undefined;
let following = false;

/** Promises are followed from the first value on. */
function followPromises(): void {
  if (following) return;
  following = true;
  promiseHooks.createHook({
    init(promise: Promise<unknown> & Marked) {
      if (current !== undefined) promise[MADE_UNDER] = current;
    },
    before(promise: Promise<unknown> & Marked) {
      interrupted = current;
      current = promise[MADE_UNDER];
    },
    after() {
      current = interrupted;
    },
  });
}

function runUnder<R>(values: Values | undefined, fn: () => R): R {
  const before = current;
  current = values;
  try {
    return fn();
  } finally {
    current = before;
  }
}

function withValue(key: object, value: unknown): Values {
  return new Map(current).set(key, value);
}

/**
 * A storage whose values last over `await` and all else that promises do. A function that is called by a timer, a stream or a
 * socket has none of the values of whoever handed it over, unless it was bound.
 */
export class PromiseLocalStorage<T> {
  /** a new one by `disable`: what older contexts hold is no longer found */
  #key = {};
  #default: T | undefined;
  readonly name: string;

  constructor(options: { defaultValue?: T; name?: string } = {}) {
    this.#default = options.defaultValue;
    this.name = options.name ?? '';
  }

  static bind<A extends unknown[], R>(fn: AnyFunction<A, R>): AnyFunction<A, R> {
    const values = current;
    return function bound(this: unknown, ...args: A): R {
      return runUnder(values, () => fn.apply(this, args));
    };
  }

  static snapshot(): <A extends unknown[], R>(fn: AnyFunction<A, R>, ...args: A) => R {
    const values = current;
    return (fn, ...args) => runUnder(values, () => fn(...args));
  }

  getStore(): T | undefined {
    return current?.has(this.#key) ? ownValue<T>(current.get(this.#key)) : this.#default;
  }

  run<A extends unknown[], R>(store: T, fn: AnyFunction<A, R>, ...args: A): R {
    followPromises();
    return runUnder(withValue(this.#key, store), () => fn(...args));
  }

  exit<A extends unknown[], R>(fn: AnyFunction<A, R>, ...args: A): R {
    return runUnder(withValue(this.#key, undefined), () => fn(...args));
  }

  /** For the rest of the job that runs, and what follows from it. */
  enterWith(store: T): void {
    followPromises();
    const entered = withValue(this.#key, store);
    const before = current;
    current = entered;
    // The end of a promise job takes it back; that of another one nobody tells.
    queueMicrotask(() => {
      if (current === entered) current = before;
    });
  }

  disable(): void {
    this.#key = {};
  }
}

/** Node's own, which also runs its functions under the values it was made under. */
export class ContextResource extends AsyncResource {
  #values = current;

  static override bind<F extends (this: never, ...args: never[]) => unknown>(
    fn: F,
    type?: string,
    thisArg?: ThisParameterType<F>,
  ): F {
    const resource = new ContextResource(type ?? (fn.name || 'bound'));
    return asBound<F>(resource.bind(thisArg === undefined ? fn : fn.bind(thisArg)));
  }

  override runInAsyncScope<This, Result>(
    fn: (this: This, ...args: never[]) => Result,
    thisArg?: This,
    ...args: unknown[]
  ): Result {
    return runUnder(this.#values, () => super.runInAsyncScope(fn as never, thisArg, ...(args as never[])));
  }
}

/** Safe because what is bound is called, and answers, as the function that was bound. */
function asBound<F>(fn: unknown): F {
  return fn as F;
}

/** Safe because only the instance itself writes under its private key. */
function ownValue<T>(value: unknown): T | undefined {
  return value as T | undefined;
}
