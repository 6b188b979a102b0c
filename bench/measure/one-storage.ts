/**
 * For `--import` in bare clients, on Node before 24: all AsyncLocalStorages share one. Baileys makes one a socket and each
 * costs something at every promise, so that a comparison of twenty sockets would be one of storages.
 */
import asyncHooks from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';

const { AsyncLocalStorage } = asyncHooks;
const real = new AsyncLocalStorage<ReadonlyMap<object, unknown>>();

/** As much of it as Baileys uses. */
class SharedStorage {
  getStore(): unknown {
    return real.getStore()?.get(this);
  }
  run<R>(store: unknown, fn: () => R): R {
    return real.run(new Map(real.getStore()).set(this, store), fn);
  }
}

if (Number.parseInt(process.versions.node, 10) < 24) {
  Reflect.set(asyncHooks, 'AsyncLocalStorage', SharedStorage);
  syncBuiltinESMExports();
}
