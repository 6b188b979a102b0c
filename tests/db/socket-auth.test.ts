/** Signing in over a UNIX socket with MySQL 8's own method, which tells the password in the clear only where nobody can listen. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createConnections } from '../../src/db/mysql-pool.ts';
import { createSignal } from '../helpers/signal.ts';

const METHOD = 'caching_sha2_password';
const SCRAMBLE = Buffer.from('abcdefghijklmnopqrst\0');
/** Protocol 4.1, secure connection, plugins, a database: what every MySQL of today can. */
const CAPABILITIES = 0x00_08_82_08;

const dir = mkdtempSync(join(tmpdir(), 'wahub-auth-'));
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(dir, { recursive: true, force: true });
});

function packet(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

function greeting(): Buffer {
  const numbers = Buffer.alloc(4);
  numbers.writeUInt32LE(CAPABILITIES);
  return Buffer.concat([
    Buffer.from('\n8.0.36\0'),
    Buffer.alloc(4, 1),
    SCRAMBLE.subarray(0, 8),
    Buffer.alloc(1),
    numbers.subarray(0, 2),
    Buffer.from([45, 2, 0]),
    numbers.subarray(2),
    Buffer.from([SCRAMBLE.length]),
    Buffer.alloc(10),
    SCRAMBLE.subarray(8),
    Buffer.from(`${METHOD}\0`),
  ]);
}

/** A server that has the password in no cache: it asks for all of it. `answer`: what the client says to that. */
async function askForAll(place: ListenOptions): Promise<{ port: number; answer: Promise<Buffer> }> {
  let answer = Buffer.alloc(0);
  const answered = createSignal();
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    let packets = 0;
    socket.write(packet(0, greeting()));
    socket.on('data', (data) => {
      packets += 1;
      if (packets === 1) return void socket.write(packet((data[3] ?? 0) + 1, Buffer.from([1, 4])));
      answer = data.subarray(4);
      answered.give();
      socket.destroy();
    });
  });
  servers.push(server);
  server.listen(place);
  await once(server, 'listening');
  const at = server.address();
  return {
    port: typeof at === 'object' && at !== null ? at.port : 0,
    answer: answered.given.then(() => answer),
  };
}

/** Tries to sign in. */
async function connect(to: { port?: number; socketPath: string; others?: { host: string; port: number }[] }) {
  const address = { type: 'mysql', host: '127.0.0.1', port: 1, ...to } as const;
  const account = { user: 'app', password: 'secret', database: 'wahub', connectionLimit: 1 };
  const connections = createConnections({ ...address, ...account });
  await connections.use(async () => undefined).catch(() => undefined);
  await connections.close();
}

it('gives the password there, and asks for a key first over TCP, also where the socket has failed', async () => {
  const path = join(dir, 'mysql.sock');
  const local = await askForAll({ path });
  await connect({ socketPath: path });
  expect((await local.answer).toString()).toBe('secret\0');

  const host = '127.0.0.1';
  const remote = await askForAll({ host, port: 0 });
  await connect({ socketPath: join(dir, 'gone.sock'), others: [{ host, port: remote.port }] });
  expect([...(await remote.answer)]).toEqual([2]);
});
