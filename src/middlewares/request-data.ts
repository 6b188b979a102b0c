/** The parts of a request and its answer that the activity log may keep: known harmless fields, of the others the name. */
import { HARMLESS } from '../services/requests/harmless.ts';

const HIDDEN = '[hidden]';
const MAX_FIELDS = 40;
const MAX_TEXT = 200;

export type Described = Record<string, string | number | boolean | null>;

/** The fields of a request as its schemas left them; a name in the path wins over the same one in the body. */
export function describeRequest(parts: { params?: unknown; query?: unknown; body?: unknown }): Described {
  return { ...describe(parts.query), ...describe(parts.body), ...describe(parts.params) };
}

/** The fields of an answer's `data`, lists left out: what a log entry needs is who and which. */
export function describeReply(reply: Record<string, unknown>): Described {
  const fields = describe(reply.data ?? reply);
  for (const name of Object.keys(fields)) if (fields[name] === HIDDEN) delete fields[name];
  return fields;
}

function describe(value: unknown): Described {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const fields: Described = {};
  for (const [name, field] of Object.entries(value).slice(0, MAX_FIELDS)) {
    if (field !== undefined) fields[name.slice(0, 64)] = HARMLESS.has(name) ? shorten(field) : HIDDEN;
  }
  return fields;
}

function shorten(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string') return value.slice(0, MAX_TEXT);
  if (Array.isArray(value)) return `[${value.length}]`;
  return HIDDEN;
}
