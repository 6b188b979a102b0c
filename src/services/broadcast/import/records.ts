/** A CSV file as records with their line numbers. Nothing of the file is in memory but the record being read. */
import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { AppError } from '../../../utils/errors.ts';
import { type Encoding, readUtf8 } from './encoding.ts';

export interface CsvShape {
  encoding: Encoding;
  delimiter: string;
  /** Excel's `sep=;` in the first line */
  hasSeparatorLine: boolean;
}

const DELIMITERS = [',', ';', '\t', '|'];
/** Far more than 200 columns need; a quote that is never closed stops here. */
const MAX_RECORD_BYTES = 262_144;
const LINE_BREAKS = /\r\n|\n|\r/g;

/** The delimiter that stands most often in the first line, outside of quotes; a comma when none does. */
export function detectShape(encoding: Encoding, sample: string): CsvShape {
  const text = sample.replace(/^\ufeff/, '');
  const separator = /^"?sep=(.)"?(?:\r\n|\n|\r)/i.exec(text)?.[1];
  if (separator !== undefined) return { encoding, delimiter: separator, hasSeparatorLine: true };
  const firstLine = text.replace(/"(?:[^"]|"")*"/g, '').split(LINE_BREAKS, 1)[0] ?? '';
  let best = { delimiter: ',', count: 0 };
  for (const delimiter of DELIMITERS) {
    const count = firstLine.split(delimiter).length - 1;
    if (count > best.count) best = { delimiter, count };
  }
  return { encoding, delimiter: best.delimiter, hasSeparatorLine: false };
}

/**
 * Calls `onRecord` for each record that is not empty, the header first, with the line it ends in (1 is the first); a
 * promise is waited for. Throws VALIDATION_FAILED with the line where the file is no CSV.
 */
export async function forEachRecord(
  path: string,
  shape: CsvShape,
  onRecord: (cells: string[], line: number) => Promise<void> | undefined,
): Promise<void> {
  const parser = openParser(path, shape);
  let line = 0;
  try {
    for await (const record of parser) {
      const cells: string[] = record;
      line += linesOf(cells);
      const empty = cells.every((cell) => cell === '');
      if (empty || (line === 1 && shape.hasSeparatorLine)) continue;
      const pending = onRecord(cells, line);
      if (pending !== undefined) await pending;
    }
  } catch (error) {
    throw error instanceof CsvError ? toAppError(error, await findErrorLine(path, shape)) : error;
  } finally {
    parser.destroy();
  }
}

type OnRecord = (cells: string[]) => string[] | null;

/** A parser that is being fed with the file; destroying it closes the file. */
function openParser(path: string, shape: CsvShape, onRecord?: OnRecord) {
  const parser = parse({
    bom: true,
    delimiter: shape.delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    trim: true,
    max_record_size: MAX_RECORD_BYTES,
    ...(onRecord ? { on_record: onRecord } : {}),
  });
  const source = Readable.from(readUtf8(path, shape.encoding));
  source.on('error', (error) => parser.destroy(error));
  parser.on('close', () => source.destroy());
  source.pipe(parser);
  return parser;
}

/** Lines that a record takes up: one, and those inside of its quotes. */
function linesOf(cells: readonly string[]): number {
  let lines = 1;
  for (const cell of cells) {
    if (cell.includes('\n') || cell.includes('\r')) lines += cell.match(LINE_BREAKS)?.length ?? 0;
  }
  return lines;
}

/** Where the record begins that cannot be read: a parser that fails loses what it had read ahead. */
async function findErrorLine(path: string, shape: CsvShape): Promise<number> {
  let line = 1;
  const parser = openParser(path, shape, (cells) => {
    line += linesOf(cells);
    return null;
  });
  try {
    for await (const _none of parser);
  } catch {
    // The same failure as before.
  } finally {
    parser.destroy();
  }
  return line;
}

/** `line` is the one where the record begins that cannot be read. */
function toAppError(error: CsvError, line: number): AppError {
  const reason = reasonOf(error.code);
  const message = `The file is no CSV that can be read: line ${line} ${reason}`;
  return new AppError('VALIDATION_FAILED', message, { details: { file: message, line } });
}

function reasonOf(code: string): string {
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'opens a quote that is never closed.';
    case 'CSV_MAX_RECORD_SIZE':
      return `is longer than ${MAX_RECORD_BYTES} bytes, or opens a quote that is never closed.`;
    case 'INVALID_OPENING_QUOTE':
    case 'CSV_INVALID_CLOSING_QUOTE':
    case 'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE':
      return 'has a quote inside a value: put the value in quotes and double the inner ones.';
    default:
      return 'is malformed.';
  }
}
