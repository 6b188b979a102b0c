/** A record of a file -> a contact, or why not. Pure. */

import { fromSafeCell } from '../../../utils/csv.ts';
import { type ColumnPlan, MAX_NAME_LENGTH, maxValueLength } from '../columns.ts';
import type { NewContact } from '../merge.ts';
import { readNumber } from '../numbers.ts';

export interface LineNote {
  line: number;
  kind: 'invalid' | 'duplicate' | 'repaired';
  /** a key of LINE_REASONS */
  code: string;
  /** what stood in the column of the numbers, shortened */
  value: string;
}

export type ReadRow = { contact: NewContact; note: LineNote | null } | { contact: null; note: LineNote };

const MAX_SHOWN = 80;

/** Reads one record as the header's plan says. Empty cells are not given, so that they erase nothing. */
export function readRow(
  cells: readonly string[],
  line: number,
  plan: ColumnPlan,
  defaultCountry: string,
): ReadRow {
  const value = (cells[plan.number] ?? '').slice(0, MAX_SHOWN);
  const refuse = (code: string): ReadRow => ({ contact: null, note: { line, kind: 'invalid', code, value } });
  for (let at = plan.width; at < cells.length; at++) if (cells[at] !== '') return refuse('too_many_columns');
  const number = readNumber(cells[plan.number] ?? '', defaultCountry);
  if (number.problem !== undefined) return refuse(number.problem);
  const name = plan.name === null ? '' : cleanCell(cells[plan.name]);
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

/** What was meant by the cell of an export of ours. */
function cleanCell(cell: string | undefined): string {
  return fromSafeCell((cell ?? '').trim());
}
