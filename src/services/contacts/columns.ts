/** Names of a contact's columns: the number, the name, and every other one as a custom field. */
import { AppError } from '../../utils/errors.ts';
import type { ColumnMapping } from './import/schemas.ts';

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
  'nohpwa',
  'nowahp',
  'nohpwhatsapp',
  'nomorhpwa',
  'hpwa',
  'phonewhatsapp',
  'phonemobile',
  'phonewa',
  'to',
  // Address books and exporters of groups.
  'phone1value',
  'phone2value',
  'phone3value',
  'phone4value',
  'phone5value',
  'primaryphone',
  'homephone',
  'homephone2',
  'businessphone',
  'businessphone2',
  'otherphone',
  'carphone',
  'companymainphone',
  'cellphone',
  'cell',
  'contactnumber',
  'formattednumber',
  'formattedphone',
  'internationalnumber',
  'membernumber',
  'userphone',
  // As address books in other languages write it.
  'celular',
  'telefono',
  'teléfono',
  'telefone',
  'telefon',
  'handynummer',
  'telefoonnummer',
  'телефон',
  'номертелефона',
  'номер',
  '手机',
  '手机号',
  '手机号码',
  '电话',
  '電話',
  '電話番号',
  'رقمالهاتف',
];
const PERSON_NAMES = [
  'name',
  'nama',
  'fullname',
  'namalengkap',
  'displayname',
  'savedname',
  'contactname',
  'publicname',
  'publicdisplayname',
  'pushname',
  'fileas',
  'nombre',
  'nome',
  'имя',
  '姓名',
  '名前',
];
/** The parts that a name is put together from where no column holds the whole of it. */
const NAME_PARTS = [
  ['firstname', 'givenname', 'namadepan', '名'],
  ['middlename', 'additionalname', 'namatengah'],
  ['lastname', 'familyname', 'surname', 'namabelakang', '姓'],
];

/** The spelling in which names of columns and placeholders are compared. */
export function foldColumn(name: string): string {
  return name.toLowerCase().replace(/[\s._-]+/g, '');
}

/** Place of a column's name among those of the number or of the name; null when it is neither. */
function rank(folded: string, names: readonly string[]): number | null {
  const at = names.indexOf(folded);
  return at < 0 ? null : at;
}

/** The same for a file, where `No. HP/WA`, `Phone : mobile` and `Mobile Phone 1` come behind what says it exactly. */
function rankInFile(name: string, names: readonly string[]): number | null {
  const folded = foldColumn(name);
  const exact = rank(folded, names);
  if (exact !== null) return exact;
  const bare = folded.replace(/[:/()*#]/g, '');
  const near = rank(bare, names) ?? rank(bare.replace(/\d$/, ''), names);
  return near === null ? null : near + names.length;
}

export const isNumberColumn = (name: string): boolean => rank(foldColumn(name), NUMBER_NAMES) !== null;
export const isNameColumn = (name: string): boolean => rank(foldColumn(name), PERSON_NAMES) !== null;

/** How long that value of a custom field may be, in characters. */
export function maxValueLength(value: string): number {
  return /^https?:\/\/\S/i.test(value) && !/\s/.test(value.slice(0, MAX_LINK_LENGTH))
    ? MAX_LINK_LENGTH
    : MAX_VALUE_LENGTH;
}

/** The problem with the name of a custom field; null when there is none. */
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
  /** further columns of numbers, in their order: they count where those before them are empty */
  otherNumbers: readonly number[];
  name: number | null;
  /** columns that a name is put together from where `name` says none */
  nameParts: readonly number[];
  /** place and name of each custom field, in the order of the file */
  fields: readonly { at: number; name: string }[];
  /** columns of the header, with or without a name */
  width: number;
  /** false: the first line is a contact already */
  hasHeader: boolean;
}

/**
 * Reads a header. Columns without a name are left out. Throws VALIDATION_FAILED when there is no column of numbers, or
 * not the one that `mapping` names, when two are called the same, and for names that cannot be placeholders. A file of
 * numbers alone has no header: `isNumber` tells it by its only cell.
 */
export function planColumns(
  header: readonly string[],
  mapping: ColumnMapping = {},
  isNumber: (cell: string) => boolean = () => false,
): ColumnPlan {
  const [only = ''] = header;
  const isSaid = mapping.number !== undefined || mapping.header !== undefined;
  if (!isSaid && header.length === 1 && isNumber(only)) {
    return planColumns(header, { number: 1, header: false });
  }
  if (header.length > MAX_COLUMNS) {
    throw badHeader(`The first line has ${header.length} columns; at most ${MAX_COLUMNS} are possible.`);
  }
  const names =
    mapping.header === false ? header.map((_, at) => `column ${at + 1}`) : header.map((name) => name.trim());
  const [number, ...otherNumbers] =
    mapping.number === undefined ? ranked(names, NUMBER_NAMES) : [mapped(names, 'number', mapping.number)];
  if (number === undefined) throw new UnknownColumns(names);
  const name =
    mapping.name === undefined
      ? (ranked(names, PERSON_NAMES)[0] ?? null)
      : mapped(names, 'name', mapping.name);
  const nameParts = NAME_PARTS.flatMap((wanted) => ranked(names, wanted).slice(0, 1));
  return {
    number,
    otherNumbers,
    name,
    nameParts,
    fields: fieldsOf(names, number, name),
    width: header.length,
    hasHeader: mapping.header !== false,
  };
}

function fieldsOf(names: readonly string[], number: number, name: number | null): ColumnPlan['fields'] {
  const seen = new Set<string>();
  const fields: { at: number; name: string }[] = [];
  for (const [at, column] of names.entries()) {
    if (column === '' || at === number || at === name) continue;
    const problem = seen.has(column) ? 'is there twice' : columnProblem(column);
    if (problem !== null) {
      throw badHeader(`The column ${JSON.stringify(column.slice(0, MAX_COLUMN_LENGTH))} ${problem}.`);
    }
    seen.add(column);
    fields.push({ at, name: column });
  }
  return fields;
}

/** No column is known to hold the numbers: a person can say which one does. */
export class UnknownColumns extends AppError {
  constructor(names: readonly string[]) {
    const message =
      'No column holds the numbers: the first line must name the columns, one of them number, phone, nomor, hp or whatsapp; or say which one it is in `mapping`.';
    const columns = names.slice(0, 20).map((name) => name.slice(0, MAX_COLUMN_LENGTH));
    super('VALIDATION_FAILED', message, { details: { file: message, line: 1, columns } });
  }
}

function mapped(names: readonly string[], what: 'number' | 'name', wanted: string | number): number {
  const folded = foldColumn(String(wanted));
  const at = typeof wanted === 'number' ? wanted - 1 : names.findIndex((name) => foldColumn(name) === folded);
  if (names[at] !== undefined) return at;
  const columns = names.slice(0, 20).map((name) => name.slice(0, MAX_COLUMN_LENGTH));
  throw new AppError('VALIDATION_FAILED', `The file has no column ${JSON.stringify(wanted)}.`, {
    details: { [`mapping.${what}`]: 'is no column of the file', columns },
  });
}

/** Columns with one of these names, the preferred ones first. */
function ranked(names: readonly string[], wanted: readonly string[]): number[] {
  return names
    .map((name, at) => ({ at, place: rankInFile(name, wanted) }))
    .flatMap(({ at, place }) => (place === null ? [] : [{ at, place }]))
    .sort((a, b) => a.place - b.place)
    .map(({ at }) => at);
}

function badHeader(message: string, details: Record<string, unknown> = {}): AppError {
  return new AppError('VALIDATION_FAILED', message, { details: { file: message, line: 1, ...details } });
}
