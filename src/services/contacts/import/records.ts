/**
 * A CSV file as records with their line numbers. A line that cannot be read is reported as such and stops nothing. In memory
 * is the record being read, and never more than a bounded look ahead.
 */
import { AppError } from '../../../utils/errors.ts';
import { type Encoding, readText } from './encoding.ts';
import { parseRecord } from './quotes.ts';

export interface CsvShape {
  encoding: Encoding;
  delimiter: string;
  /** Excel's `sep=;` in the first line */
  hasSeparatorLine: boolean;
}

/** Why a line is no record: a key of LINE_REASONS. */
export type LineProblem = 'quote_open' | 'malformed' | 'line_too_long';

export interface CsvRecord {
  /** trimmed; empty for what is no record */
  cells: string[];
  /** the one it ends in; 1 is the first */
  line: number;
  problem: LineProblem | null;
}

const DELIMITERS = [',', ';', '\t', '|'];
/** Characters of a line, and of a record over several lines: far more than 200 columns need. */
const MAX_RECORD = 262_144;
/** Lines that one quoted value may go on for. */
const MAX_RECORD_LINES = 200;
/** After so many quotes that were never closed no further one is looked for beyond its line. */
const MAX_OPEN_QUOTES = 1_000;
const LINE_BREAK = /\r\n|\n|\r/;

/** The delimiter that comes most often in the first line, outside of quotes; a comma when none does. */
export function detectShape(encoding: Encoding, sample: string): CsvShape {
  const text = sample.replace(/^\ufeff/, '');
  const separator = /^"?sep=(.)"?(?:\r\n|\n|\r)/i.exec(text)?.[1];
  if (separator !== undefined) return { encoding, delimiter: separator, hasSeparatorLine: true };
  const firstLine =
    text
      .trimStart()
      .replace(/"(?:[^"]|"")*"/g, '')
      .split(LINE_BREAK, 1)[0] ?? '';
  let best = { delimiter: ',', count: 0 };
  for (const delimiter of DELIMITERS) {
    const count = firstLine.split(delimiter).length - 1;
    if (count > best.count) best = { delimiter, count };
  }
  return { encoding, delimiter: best.delimiter, hasSeparatorLine: false };
}

type OnRecord = (record: CsvRecord) => Promise<void> | undefined;

/** Calls `onRecord` for each record that is not empty, the header first; a promise is waited for. */
export async function forEachRecord(path: string, shape: CsvShape, onRecord: OnRecord): Promise<void> {
  const reader = createReader(shape);
  for await (const lines of linesOf(path, shape.encoding)) {
    for (const line of lines) reader.add(line);
    for (let record = reader.next(false); record !== null; record = reader.next(false)) {
      const pending = onRecord(record);
      if (pending !== undefined) await pending;
    }
  }
  for (let record = reader.next(true); record !== null; record = reader.next(true)) {
    const pending = onRecord(record);
    if (pending !== undefined) await pending;
  }
}

/** Turns lines into records; `next` gives null when it needs more lines, or has none with `atEnd`. */
function createReader({ delimiter, hasSeparatorLine }: CsvShape) {
  let lines: string[] = [];
  let at = 0;
  let line = 0;
  let openQuotes = 0;

  function take(count: number): void {
    at += count;
    line += count;
    if (at < 4_096) return;
    lines = lines.slice(at);
    at = 0;
  }

  function bad(problem: LineProblem): CsvRecord {
    take(1);
    return { cells: [], line, problem };
  }

  /** A record that begins with the next line, which has a quote; null when its end is not there yet. */
  function readQuoted(first: string, atEnd: boolean): CsvRecord | null {
    const maxLines = openQuotes < MAX_OPEN_QUOTES ? MAX_RECORD_LINES : 1;
    let text = first;
    let count = 1;
    let isOpen = hasOddQuotes(first);
    while (isOpen && count < maxLines && text.length < MAX_RECORD) {
      const more = lines[at + count];
      if (more === undefined) {
        if (!atEnd) return null;
        break;
      }
      text += `\n${more}`;
      count++;
      if (more.includes('"')) isOpen = isOpen !== hasOddQuotes(more);
    }
    const cells = isOpen ? null : parseRecord(text, delimiter);
    if (cells !== null && text.length <= MAX_RECORD) {
      take(count);
      return { cells, line, problem: null };
    }
    const alone = isOpen ? parseRecord(first, delimiter) : null;
    // A quote inside of a value, as in `6" pipe`, opens nothing.
    if (alone !== null) {
      take(1);
      return { cells: alone, line, problem: null };
    }
    if (isOpen) openQuotes++;
    return bad(isOpen ? 'quote_open' : 'malformed');
  }

  function readNext(atEnd: boolean): CsvRecord | null {
    const first = lines[at];
    if (first === undefined) return null;
    if (first.length > MAX_RECORD) return bad('line_too_long');
    if (first.includes('"')) return readQuoted(first, atEnd);
    take(1);
    const cells = first.split(delimiter);
    for (let i = 0; i < cells.length; i++) cells[i] = (cells[i] ?? '').trim();
    return { cells, line, problem: null };
  }

  return {
    add(text: string): void {
      lines.push(text);
    },
    next(atEnd: boolean): CsvRecord | null {
      for (let record = readNext(atEnd); record !== null; record = readNext(atEnd)) {
        if (record.line === 1 && hasSeparatorLine) continue;
        if (record.problem !== null || record.cells.some((cell) => cell !== '')) return record;
      }
      return null;
    },
  };
}

function hasOddQuotes(text: string): boolean {
  let odd = false;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) odd = !odd;
  return odd;
}

/** The lines of the file, as many at a time as a piece of it holds. Of a line that is too long only its beginning. */
async function* linesOf(path: string, encoding: Encoding): AsyncGenerator<string[]> {
  let rest = '';
  let isFirst = true;
  for await (const piece of readText(path, encoding)) {
    const whole = rest + (isFirst ? piece.replace(/^\ufeff/, '') : piece);
    isFirst = false;
    // The character after a carriage return decides whether it is half of a line break.
    const end = whole.endsWith('\r') ? whole.length - 1 : whole.length;
    const lines = splitLines(whole.slice(0, end));
    rest = (lines.pop() ?? '').slice(0, MAX_RECORD + 1) + whole.slice(end);
    if (lines.length > 0) yield lines;
  }
  const last = splitLines(rest.endsWith('\r') ? rest.slice(0, -1) : rest);
  if (last.length > 1 || last[0] !== '') yield last;
}

function splitLines(text: string): string[] {
  return text.includes('\r') ? text.split(LINE_BREAK) : text.split('\n');
}

/** Throws VALIDATION_FAILED: the first line must name the columns. */
export function requireHeader({ cells, line, problem }: CsvRecord): string[] {
  if (problem === null) return cells;
  const what = {
    quote_open: 'opens a quote that is never closed',
    malformed: 'has a quote inside a value: put the value in quotes and double the inner ones',
    line_too_long: `is longer than ${MAX_RECORD} characters`,
  }[problem];
  const message = `The file is no CSV that can be read: line ${line} ${what}.`;
  throw new AppError('VALIDATION_FAILED', message, { details: { file: message, line } });
}
