/** What the columns of a contact are called: the number, the name, and every other one as a custom field. */
import { AppError } from '../../utils/errors.ts';

/** Longest name of a custom field, in characters. */
const MAX_COLUMN_LENGTH = 60;
/** Longest value of a custom field, in characters. A link may be longer: clouds sign theirs. */
const MAX_VALUE_LENGTH = 1000;
const MAX_LINK_LENGTH = 8_192;
/** As `broadcast_contacts.name` holds. */
export const MAX_NAME_LENGTH = 190;
/** Columns of a file, and different custom fields of a list. */
export const MAX_COLUMNS = 200;

/** First is preferred when a file has several. Compared without case, spaces, dots, dashes and underscores. */
const NUMBER_NAMES = [
  'number',
  'phone',
  'nomor',
  'phonenumber',
  'hp',
  'nohp',
  'nomorhp',
  'whatsapp',
  'nowhatsapp',
  'nomorwhatsapp',
  'whatsappnumber',
  'wa',
  'nowa',
  'nomorwa',
  'telepon',
  'notelepon',
  'nomortelepon',
  'telp',
  'notelp',
  'telephone',
  'tel',
  'handphone',
  'nohandphone',
  'mobile',
  'mobilenumber',
  'mobilephone',
  'msisdn',
  'to',
];
const PERSON_NAMES = ['name', 'nama', 'fullname', 'namalengkap'];

/** The spelling in which names of columns and placeholders are compared. */
export function foldColumn(name: string): string {
  return name.toLowerCase().replace(/[\s._-]+/g, '');
}

/** Place of a column's name among those of the number or of the name; null when it is neither. */
function rank(name: string, names: readonly string[]): number | null {
  const at = names.indexOf(foldColumn(name));
  return at < 0 ? null : at;
}

export const isNumberColumn = (name: string): boolean => rank(name, NUMBER_NAMES) !== null;
export const isNameColumn = (name: string): boolean => rank(name, PERSON_NAMES) !== null;

/** How long that value of a custom field may be, in characters. */
export function maxValueLength(value: string): number {
  return /^https?:\/\/\S/i.test(value) && !/\s/.test(value.slice(0, MAX_LINK_LENGTH))
    ? MAX_LINK_LENGTH
    : MAX_VALUE_LENGTH;
}

/** What is wrong with the name of a custom field; null when nothing is. */
export function columnProblem(name: string): string | null {
  if (name.length > MAX_COLUMN_LENGTH) return `has more than ${MAX_COLUMN_LENGTH} characters`;
  // No object can hold a field of this name.
  if (name === '__proto__') return 'is a name that is not possible';
  // They could not be named in a placeholder.
  if (/[{}|]/.test(name)) return 'holds one of { } |';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'holds a control character';
  return null;
}

/** Which column of a file is what. */
export interface ColumnPlan {
  number: number;
  name: number | null;
  /** place and name of each custom field, in the order of the file */
  fields: readonly { at: number; name: string }[];
  /** columns of the header, with or without a name */
  width: number;
}

/**
 * Reads a header. Columns without a name are left out. Throws VALIDATION_FAILED when there is no column of numbers,
 * when two are called the same, and for names that cannot be placeholders.
 */
export function planColumns(header: readonly string[]): ColumnPlan {
  if (header.length > MAX_COLUMNS) {
    throw badHeader(`The first line has ${header.length} columns; at most ${MAX_COLUMNS} are possible.`);
  }
  const names = header.map((name) => name.trim());
  const number = best(names, NUMBER_NAMES);
  if (number === null) {
    throw badHeader(
      'No column holds the numbers: the first line must name the columns, one of them number, phone, nomor, hp or whatsapp.',
      { columns: names.slice(0, 20).map((name) => name.slice(0, MAX_COLUMN_LENGTH)) },
    );
  }
  const name = best(names, PERSON_NAMES);
  const seen = new Set<string>();
  const fields: { at: number; name: string }[] = [];
  for (const [at, column] of names.entries()) {
    if (column === '' || at === number || at === name) continue;
    const problem = seen.has(column) ? 'stands there twice' : columnProblem(column);
    if (problem !== null) {
      throw badHeader(`The column ${JSON.stringify(column.slice(0, MAX_COLUMN_LENGTH))} ${problem}.`);
    }
    seen.add(column);
    fields.push({ at, name: column });
  }
  return { number, name, fields, width: header.length };
}

function best(names: readonly string[], wanted: readonly string[]): number | null {
  let found: { at: number; rank: number } | null = null;
  for (const [at, name] of names.entries()) {
    const place = rank(name, wanted);
    if (place !== null && (found === null || place < found.rank)) found = { at, rank: place };
  }
  return found?.at ?? null;
}

function badHeader(message: string, details: Record<string, unknown> = {}): AppError {
  return new AppError('VALIDATION_FAILED', message, { details: { file: message, line: 1, ...details } });
}
