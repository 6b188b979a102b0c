/** A client of clamd, ClamAV's scanner: one file, one connection (clamd(8), command INSTREAM). */

import { connect, type Socket } from 'node:net';
import { MINUTE_MS } from './durations.ts';

export interface ClamdAddress {
  /** a host name, or the path of a Unix socket */
  host: string;
  port: number;
}

export type ScanVerdict = { infected: false } | { infected: true; signature: string };

/** The scanner could not say what it thinks of the file: it is away, hangs, or refused. Nothing may pass then. */
export class ScannerError extends Error {
  override name = 'ScannerError';
}

/** clamd reads a file far faster than this; a scan of 10 MB takes about a second. */
const TIMEOUT_MS = MINUTE_MS;
/** Its answers are one short line. */
const MAX_ANSWER_BYTES = 4_096;

/** Asks clamd about a stream. Throws ScannerError, also after a minute without an answer, and what the stream throws. */
export async function scanStream(
  address: ClamdAddress,
  source: AsyncIterable<Uint8Array>,
  { timeoutMs = TIMEOUT_MS }: { timeoutMs?: number } = {},
): Promise<ScanVerdict> {
  const socket = address.host.startsWith('/') ? connect(address.host) : connect(address);
  const late = setTimeout(() => socket.destroy(new ScannerError('no answer in time')), timeoutMs);
  try {
    const answer = readAnswer(socket);
    // It may come before all is sent: a file that is too large for the scanner.
    await Promise.race([send(socket, source), answer]);
    return toVerdict(await answer);
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

/** Each piece with its length in front, an empty one at the end. */
async function send(socket: Socket, source: AsyncIterable<Uint8Array>): Promise<void> {
  await write(socket, Buffer.from('zINSTREAM\0'));
  for await (const piece of source) {
    if (piece.length === 0) continue;
    await write(socket, lengthOf(piece));
    await write(socket, piece);
  }
  await write(socket, lengthOf(new Uint8Array()));
}

function lengthOf(piece: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(piece.length);
  return length;
}

function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(toScannerError(error)) : resolve()));
  });
}

function readAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8');
      const end = text.indexOf('\0');
      if (end >= 0) resolve(text.slice(0, end));
      else if (text.length > MAX_ANSWER_BYTES) reject(new ScannerError('an answer that is too long'));
    });
    socket.on('error', (error) => reject(toScannerError(error)));
    socket.on('close', () => reject(new ScannerError('the connection ended without an answer')));
  });
}

function toScannerError(error: Error): ScannerError {
  return error instanceof ScannerError ? error : new ScannerError(error.message, { cause: error });
}

function toVerdict(answer: string): ScanVerdict {
  if (answer === 'stream: OK') return { infected: false };
  const found = /^stream: (.+) FOUND$/.exec(answer)?.[1];
  if (found !== undefined) return { infected: true, signature: found };
  throw new ScannerError(answer);
}
