/** Keys that may be seen before they may be kept: they are written once something else is durable. */
import type { RawKeys } from './transactions.ts';

type KeyData = Parameters<RawKeys['set']>[0];

export interface HeldKeys extends RawKeys {
  /**
   * What is set can be read at once and is written when `done` has resolved, after all that was set before it. Resolves when
   * it is durable. When `done` rejects nothing of it is written, and nothing that is set later either: what was read of it
   * may be in that.
   */
  setAfter(data: KeyData, done: Promise<unknown>): Promise<void>;
}

/** `set` of what it gives waits for what is held: a key must not be kept that was made of one which may be lost. */
export function holdBack(raw: RawKeys): HeldKeys {
  const held = new Map<string, { value: unknown; data: KeyData }>();
  let waiting = 0;
  /** resolves when all that was set so far has been handed to `raw` */
  let turn: Promise<void> = Promise.resolve();

  function setAfter(data: KeyData, done: Promise<unknown>): Promise<void> {
    waiting++;
    for (const [key, value] of entriesOf(data)) held.set(key, { value, data });
    const begun = Promise.all([turn, done]).then(() => {
      waiting--;
      const written = raw.set(data);
      for (const [key] of entriesOf(data)) if (held.get(key)?.data === data) held.delete(key);
      return { written };
    });
    turn = begun.then(() => undefined);
    turn.catch(() => undefined);
    return begun.then(({ written }) => written);
  }

  async function getHeld(...[type, names]: Parameters<RawKeys['get']>): ReturnType<RawKeys['get']> {
    const ours: Record<string, unknown> = {};
    const missing: string[] = [];
    for (const name of names) {
      const one = held.get(keyOf(type, name));
      if (one === undefined) missing.push(name);
      else if (one.value !== null && one.value !== undefined) ours[name] = one.value;
    }
    return missing.length === 0 ? ours : { ...(await raw.get(type, missing)), ...ours };
  }

  return {
    // Each message asks several times: a promise less for each layer.
    get: (type, names) => (held.size === 0 ? raw.get(type, names) : getHeld(type, names)),
    set: (data, commit) => (waiting === 0 ? raw.set(data, commit) : setAfter(data, Promise.resolve())),
    setAfter,
  };
}

const keyOf = (type: string, name: string): string => `${type}\0${name}`;

function entriesOf(data: KeyData): [string, unknown][] {
  return Object.entries(data).flatMap(([type, values]) =>
    Object.entries(values).map(([name, value]): [string, unknown] => [keyOf(type, name), value]),
  );
}
