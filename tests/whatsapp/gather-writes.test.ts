import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { holdUntilTurn } from '../../src/whatsapp/baileys/gather-writes.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A stream that tells how it was written to. */
function createStream() {
  const writes: string[][] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      writes.push([String(chunk)]);
      done();
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)));
      done();
    },
  });
  holdUntilTurn(stream);
  return { stream, writes };
}

it('what is written in one turn of the loop leaves together, in its order, and is reported then', async () => {
  const { stream, writes } = createStream();
  const reported: string[] = [];
  for (const text of ['a', 'b', 'c']) stream.write(text, () => reported.push(text));
  await Promise.resolve();
  expect([writes, reported]).toEqual([[], []]);
  await turn();
  await turn();
  expect(writes).toEqual([['a', 'b', 'c']]);
  expect(reported).toEqual(['a', 'b', 'c']);
  stream.write('d');
  await turn();
  await turn();
  expect(writes).toEqual([['a', 'b', 'c'], ['d']]);
});

it('what is held back leaves before the end', async () => {
  const { stream, writes } = createStream();
  stream.write('a');
  stream.write('b');
  await new Promise<void>((resolve) => stream.end(resolve));
  expect(writes.flat()).toEqual(['a', 'b']);
});

it('what is held back when the connection is cut is reported as not written', async () => {
  const { stream, writes } = createStream();
  stream.on('error', () => undefined);
  const reported = new Promise<unknown>((resolve) => stream.write('a', resolve));
  stream.destroy();
  expect(await reported).toBeInstanceOf(Error);
  expect(writes).toEqual([]);
});
