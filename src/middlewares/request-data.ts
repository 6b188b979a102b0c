/** The parts of a request and its answer that the activity log may keep: known harmless fields, of the others the name. */

import { HARMLESS } from '../services/requests/harmless.ts';
import { fieldsOf } from '../utils/own.ts';

const HIDDEN = '[hidden]';
const MAX_FIELDS = 40;
const MAX_TEXT = 200;

export type Described = Record<string, string | number | boolean | null>;

/** The fields of a request as its schemas left them; a name in the path wins over the same one in the body. */
export function describeRequest(parts: { params?: unknown; query?: unknown; body?: unknown }): Described {
  const fields: Described = {};
  for (const part of [parts.query, parts.body, parts.params]) describe(part, fields);
  return fields;
}

/** The fields of an answer's `data`, lists left out: what a log entry needs is who and which. */
export function describeReply(reply: Record<string, unknown>): Described {
  return describe(reply.data ?? reply, {}, false);
}

/** Adds the fields of `value`; without `withNames` those alone whose values may be kept. */
function describe(value: unknown, fields: Described, withNames = true): Described {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fields;
  let left = MAX_FIELDS;
  const given = fieldsOf(value);
  for (const name of Object.keys(given)) {
    if (left-- === 0) break;
    const field = given[name];
    if (field === undefined) continue;
    const shown = HARMLESS.has(name) ? shorten(field) : HIDDEN;
    if (withNames || shown !== HIDDEN) fields[name.slice(0, 64)] = shown;
  }
  return fields;
}

function shorten(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string') return value.slice(0, MAX_TEXT);
  if (Array.isArray(value)) return `[${value.length}]`;
  return HIDDEN;
}
