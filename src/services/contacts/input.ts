/** A contact as a client writes it: `{name, number, …}` in the names of any of the older systems. */
import { AppError } from '../../utils/errors.ts';
import { columnProblem, isNameColumn, isNumberColumn, MAX_NAME_LENGTH, maxValueLength } from './columns.ts';

/** Keys of the request around it, which are no fields. */
const RESERVED = new Set(['contacts', 'session', 'sessionId']);
const FIELD_GROUPS = new Set(['fields', 'customFields', 'custom_fields']);

export interface ContactInput {
  number: string | undefined;
  /** null: remove it; undefined: leave it */
  name: string | null | undefined;
  /** null: remove it */
  fields: Record<string, string | null>;
}

/**
 * Reads a contact: a number, a name, `fields`, and every other key as a custom field. Throws VALIDATION_FAILED for
 * names and values that cannot be kept.
 */
export function readContactInput(record: Record<string, unknown>): ContactInput {
  const input: ContactInput = { number: undefined, name: undefined, fields: {} };
  for (const [key, value] of Object.entries(record)) {
    if (RESERVED.has(key) || value === undefined) continue;
    if (FIELD_GROUPS.has(key) && isRecord(value)) {
      for (const [name, inner] of Object.entries(value)) setField(input, name, inner);
    } else if (isNumberColumn(key)) input.number ??= textOf(key, value) ?? undefined;
    else if (isNameColumn(key)) input.name ??= limited(key, textOf(key, value), MAX_NAME_LENGTH);
    else setField(input, key, value);
  }
  return input;
}

function setField(input: ContactInput, name: string, value: unknown): void {
  const column = name.trim();
  const problem = column === '' ? 'has no name' : columnProblem(column);
  if (problem !== null) throw invalid(name, `the name of this field ${problem}`);
  const text = textOf(name, value);
  input.fields[column] = text === null ? null : limited(name, text, maxValueLength(text));
}

function limited(key: string, text: string | null, max: number): string | null {
  if (text !== null && text.length > max) throw invalid(key, `must have at most ${max} characters`);
  return text;
}

/** Null for what is empty. */
function textOf(key: string, value: unknown): string | null {
  if (value === null) return null;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw invalid(key, 'must be a text, a number or true/false');
  }
  const text = String(value).trim();
  return text === '' ? null : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(field: string, reason: string): AppError {
  const name = field.slice(0, 80);
  return new AppError('VALIDATION_FAILED', `Not valid: ${name}.`, { details: { [name]: reason } });
}
