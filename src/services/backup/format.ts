/** The parts of a backup: a manifest, tables as lines of JSON in compressed pieces, and files as they are. */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import type { Cell } from '../../db/snapshot.ts';
import { StartError } from '../../utils/errors.ts';

/** Grows when an older release could not read it any more. */
export const FORMAT = 1;
export const MANIFEST = 'manifest.json';
/** While it is not whole; a run that was killed leaves it behind, the next one replaces it. */
export const PARTIAL = '.partial';

/** Text of one piece of a table; what is read again is held in memory as a whole. */
export const PIECE_BYTES = 4 * 1024 * 1024;
/** A row holds up to 16 MiB of each of its texts, written as JSON. */
const MAX_PIECE_BYTES = 256 * 1024 * 1024;

/** Tables that only running processes need: nothing in them means anything later. */
export const PASSING_TABLES: ReadonlySet<string> = new Set(['processes', 'session_commands', 'wake_ups']);

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Name = z.string().regex(/^[a-z][a-z0-9_]*$/);
const whole = z.int().min(0);
/** Never a way out of the folder that it is restored into. */
const FileName = z
  .string()
  .max(255)
  .regex(/^(?:media|imports)\/[A-Za-z0-9][A-Za-z0-9._/-]*$/)
  .refine((name) => !name.includes('..'), 'must not lead out of its folder');

const Piece = z.object({ name: z.string(), rows: whole, bytes: whole, sha256: Sha256 });
const Table = z.object({ name: Name, columns: z.array(Name), rows: whole, pieces: z.array(Piece) });
const File = z.object({ name: FileName, bytes: whole, sha256: Sha256 });

export const Manifest = z.object({
  program: z.literal('wahub'),
  format: z.literal(FORMAT),
  /** the release that made it */
  version: z.string(),
  madeAt: z.iso.datetime(),
  dialect: z.enum(['sqlite', 'mysql']),
  /** the newest migration of its tables */
  migration: z.string(),
  /** a process was using the database */
  live: z.boolean(),
  /** ids of the encryption keys that values in it are sealed with, and how many; never a key */
  sealed: z.record(z.string(), whole),
  tables: z.array(Table),
  files: z.array(File),
});
export type Manifest = z.output<typeof Manifest>;
export type ManifestTable = Manifest['tables'][number];

/** Reads a manifest; throws StartError for what is none, or that of a later release. */
export function parseManifest(text: string, where: string): Manifest {
  const value = tryJson(text);
  const head = z.object({ program: z.literal('wahub'), format: z.number() }).safeParse(value);
  if (!head.success) throw new StartError(`${where} is not a backup of WaHub`);
  if (head.data.format > FORMAT) {
    throw new StartError(`${where} was made by a later release of WaHub: restore it with that one`);
  }
  const manifest = Manifest.safeParse(value);
  if (!manifest.success) throw new StartError(`${where} is damaged: its manifest cannot be read`);
  return manifest.data;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `tables/messages.0001.ndjson.gz`: in the order of their key. */
export function pieceName(table: string, n: number): string {
  return `tables/${table}.${String(n).padStart(4, '0')}.ndjson.gz`;
}

export const fileEntry = (name: string): string => `files/${name}`;

/** One row: a line of JSON; bytes are `{"b": base64}`. */
export function encodeRow(row: readonly Cell[]): string {
  const cells = row.map((cell) => (Buffer.isBuffer(cell) ? { b: cell.toString('base64') } : cell));
  return `${JSON.stringify(cells)}\n`;
}

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** Off the event loop. */
export const compress = (text: string): Promise<Buffer> => zip(text);

const EncodedRow = z.array(
  z.union([z.string(), z.number(), z.null(), z.object({ b: z.string() }).transform(({ b }) => toBytes(b))]),
);
const toBytes = (text: string): Buffer => Buffer.from(text, 'base64');

/** The rows of a piece. */
export async function readPiece(bytes: Buffer): Promise<Cell[][]> {
  const text = (await unzip(bytes, { maxOutputLength: MAX_PIECE_BYTES })).toString();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => EncodedRow.parse(JSON.parse(line)));
}
