import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { passOverUnheard } from '../../src/whatsapp/baileys/unheard.ts';

it('what has a listener is told, since when so ever it has one, and all else is not looked for', () => {
  const client = new EventEmitter();
  const heard: unknown[][] = [];
  const hear = (...args: unknown[]) => void heard.push(args);
  client.on('CB:message', hear);
  let looked = 0;
  const { emit } = client;
  client.emit = (...args) => {
    looked++;
    return Reflect.apply(emit, client, args);
  };
  passOverUnheard(client);
  looked = 0;
  expect(client.emit('CB:message', 1, 2)).toBe(true);
  expect(client.emit('CB:ack,id:3EB0')).toBe(false);
  expect(client.emit('CB:massage', 3)).toBe(false);
  expect(looked).toBe(2);
  client.once('CB:ack,id:3EB0', hear);
  client.prependListener('TAG:1.2', hear);
  expect(client.emit('CB:ack,id:3EB0', 4)).toBe(true);
  expect(client.emit('CB:ack,id:3EB0', 5)).toBe(false);
  expect(client.emit('TAG:1.2', 6)).toBe(true);
  expect(heard).toEqual([[1, 2], [4], [6]]);
  expect(() => client.emit('error', new Error('nobody listens'))).toThrow('nobody listens');
});
