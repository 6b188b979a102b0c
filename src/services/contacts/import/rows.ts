/** A record of a file -> a contact, or why not. Pure. */

import { fromSafeCell } from '../../../utils/csv.ts';
import { MAX_WRITTEN } from '../../../utils/phone/written.ts';
import type { BareReading } from '../../../utils/phone.ts';
import { lidOf, withPlainServer } from '../../../whatsapp/jid.ts';
import { LID } from '../../messages/recipient.ts';
import { lidKey } from '../../opt-outs/ledger-keys.ts';
import { type ColumnPlan, MAX_NAME_LENGTH, maxValueLength } from '../columns.ts';
import type { NewContact } from '../merge.ts';
import { type NumberProblem, readNumber } from '../numbers.ts';

export interface LineNote {
  line: number;
  kind: 'invalid' | 'duplicate' | 'repaired';
  /** a key of LINE_REASONS */
  code: string;
  /** what was in the column of the numbers, shortened */
  value: string;
}

export type ReadRow = { contact: NewContact; note: LineNote | null } | { contact: null; note: LineNote };

const MAX_SHOWN = 80;

/**
 * Reads one record as the header's plan says; `lids`: also `…@lid`, as the key of the ledger; `bare`: how numbers without
 * + are read. Empty cells are not given, so that they erase nothing.
 */
export function readRow(
  cells: readonly string[],
  line: number,
  plan: ColumnPlan,
  defaultCountry: string,
  { lids = false, bare = 'auto' }: { lids?: boolean; bare?: BareReading } = {},
): ReadRow {
  const value = (cells[plan.number] ?? '').slice(0, MAX_SHOWN);
  const refuse = (code: string): ReadRow => ({ contact: null, note: { line, kind: 'invalid', code, value } });
  for (let at = plan.width; at < cells.length; at++) if (cells[at] !== '') return refuse('too_many_columns');
  const lid = lids ? lidOf(withPlainServer((cells[plan.number] ?? '').trim().slice(0, MAX_WRITTEN))) : null;
  const number: FoundNumber =
    lid !== null && LID.test(lid)
      ? { phone: lidKey(lid), repair: null }
      : readNumbers(cells, plan, defaultCountry, bare);
  if (number.problem !== undefined) return refuse(number.problem);
  const name = nameOf(cells, plan);
  if (name.length > MAX_NAME_LENGTH) return refuse('value_too_long');
  const fields: Record<string, string> = {};
  for (const { at, name: field } of plan.fields) {
    const text = cleanCell(cells[at]);
    if (text === '') continue;
    if (text.length > maxValueLength(text)) return refuse('value_too_long');
    fields[field] = text;
  }
  const contact = { phone: number.phone, name: name === '' ? null : name, fields };
  return {
    contact,
    note: number.repair === null ? null : { line, kind: 'repaired', code: number.repair, value },
  };
}

/** A line that is no record. */
export const unreadable = (line: number, code: string): ReadRow => ({
  contact: null,
  note: { line, kind: 'invalid', code, value: '' },
});

type FoundNumber = { phone: string; repair: string | null; problem?: undefined } | { problem: NumberProblem };

/** As Google writes several values into one cell. */
const SEVERAL = ' ::: ';
const MAX_NUMBERS = 10;

/** The first number of the row; without one, what is wrong with the column that should hold it. */
function readNumbers(
  cells: readonly string[],
  plan: ColumnPlan,
  country: string,
  bare: BareReading,
): FoundNumber {
  const first = readCell(cells[plan.number] ?? '', country, bare);
  if (first.problem === undefined) return first;
  for (const at of plan.otherNumbers) {
    const other = readCell(cells[at] ?? '', country, bare);
    if (other.problem === undefined) return { phone: other.phone, repair: 'other_column' };
  }
  return first;
}

/** Every number of a cell. */
export function numbersIn(cell: string): string[] {
  return cell.includes(SEVERAL) ? cell.split(SEVERAL, MAX_NUMBERS) : [cell];
}

function readCell(cell: string, country: string, bare: BareReading): FoundNumber {
  const parts = numbersIn(cell);
  if (parts.length === 1) return readNumber(cell, country, bare);
  for (const part of parts) {
    const one = readNumber(part, country, bare);
    if (one.problem === undefined) return { phone: one.phone, repair: 'first_of_several' };
  }
  return readNumber(parts[0] ?? '', country, bare);
}

function nameOf(cells: readonly string[], plan: ColumnPlan): string {
  const whole = plan.name === null ? '' : cleanCell(cells[plan.name]);
  if (whole !== '') return whole;
  return plan.nameParts
    .map((at) => cleanCell(cells[at]))
    .filter((part) => part !== '')
    .join(' ');
}

/** The text that was meant by the cell of one of our exports. */
function cleanCell(cell: string | undefined): string {
  return fromSafeCell((cell ?? '').trim());
}
