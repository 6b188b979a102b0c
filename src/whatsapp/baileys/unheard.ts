/** Baileys tells of each stanza under up to twenty names, with its id in some of them, and few have a listener. */
import type { EventEmitter } from 'node:events';

/** An emitter has rules of its own for an `error` without a listener. */
const ERROR_LENGTH = 'error'.length;

/**
 * Passes over an event that has no listener where the length of its name tells so: to look for it, Node would have to put the name
 * together and to hash it. Listeners may come and go later.
 */
export function passOverUnheard(client: EventEmitter): void {
  const { emit } = client;
  const lengths = new Set<number>([ERROR_LENGTH]);
  const note = (name: string | symbol) => void lengths.add(String(name).length);
  client.on('newListener', note);
  for (const name of client.eventNames()) note(name);
  client.emit = (event, ...args) => {
    if (typeof event === 'string' && !lengths.has(event.length)) return false;
    return Reflect.apply(emit, client, [event, ...args]);
  };
}
