/** A real clamd with one signature of our own, on private sockets; and one that says what a test wants. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from './sandbox-process.ts';
import { until } from './until.ts';

export const TEST_SIGNATURE = 'WAHUB-TEST-SIGNATURE';

export interface Scanner {
  address: { host: string; port: number };
  stop(): Promise<void>;
}

export interface Clamd extends Scanner {
  /** the same scanner over TCP */
  tcp: { host: string; port: number };
}

export async function startClamd(program: string): Promise<Clamd> {
  const dir = mkdtempSync(join(tmpdir(), 'wahub-clamd-'));
  mkdirSync(join(dir, 'db'));
  // An extended signature (.ndb): name, any file type, any offset, hex of the bytes.
  const hex = Buffer.from(TEST_SIGNATURE).toString('hex');
  writeFileSync(join(dir, 'db', 'test.ndb'), `WaHub.Test:0:*:${hex}\n`);
  const socket = join(dir, 'clamd.sock');
  const tcp = { host: '127.0.0.1', port: await findFreePort() };
  const lines = [
    `DatabaseDirectory ${join(dir, 'db')}`,
    `LocalSocket ${socket}`,
    `TCPSocket ${tcp.port}`,
    `TCPAddr ${tcp.host}`,
    'Foreground yes',
    'StreamMaxLength 12M',
  ];
  writeFileSync(join(dir, 'clamd.conf'), `${lines.join('\n')}\n`);
  const child = spawn(program, [`--config-file=${join(dir, 'clamd.conf')}`], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await until(() => answers(socket), 30_000, 'an answer of clamd');
  return {
    address: { host: socket, port: 0 },
    tcp,
    async stop() {
      child.kill();
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.write('zPING\0'));
    socket.once('data', (bytes) => {
      resolve(bytes.toString().startsWith('PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}

/** A scanner on a TCP port that answers each file as `answer` says; null: it hangs up; undefined: it says nothing. */
export async function startFakeClamd(
  answer: (received: Buffer) => string | null | undefined,
): Promise<Scanner & { received: Buffer[] }> {
  const received: Buffer[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    let bytes = Buffer.alloc(0);
    socket.on('data', (piece) => {
      bytes = Buffer.concat([bytes, piece]);
      const file = readInstream(bytes);
      if (file === null) return;
      received.push(file);
      const said = answer(file);
      if (said === null) socket.destroy();
      else if (said !== undefined) socket.end(`${said}\0`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    received,
    address: { host: '127.0.0.1', port: address.port },
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The file of a whole INSTREAM command; null while it is not whole. Throws when it is none. */
function readInstream(bytes: Buffer): Buffer | null {
  const command = 'zINSTREAM\0';
  if (bytes.length < command.length) return null;
  if (bytes.subarray(0, command.length).toString() !== command) throw new Error('not INSTREAM');
  const pieces: Buffer[] = [];
  let at = command.length;
  while (at + 4 <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    if (length === 0) return Buffer.concat(pieces);
    if (at + 4 + length > bytes.length) return null;
    pieces.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return null;
}
