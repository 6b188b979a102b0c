/** What is wrong with a field, in words for the person who wrote the request: the one place that turns zod's issues into them. */
import type { z } from 'zod';
import { nearName } from './near-name.ts';

type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

/** The reason of a field that is not there. */
export const MISSING = 'is required';
/** Words of a list that a reason names. */
const MAX_WORDS = 30;
const MAX_PATTERN = 100;

const TYPES: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  map: 'an object',
  date: 'a date',
  null: 'null',
  undefined: 'missing',
  never: 'left out',
};

const FORMATS: Record<string, string> = {
  email: 'must be an e-mail address',
  url: 'must be a URL',
  uuid: 'must be a UUID',
  datetime: 'must be a time in ISO 8601, as in 2026-01-31T08:00:00Z',
  date: 'must be a date, as in 2026-01-31',
  time: 'must be a time of day, as in 08:00',
  ipv4: 'must be an IP address',
  ipv6: 'must be an IP address',
  base64: 'must be base64',
  base64url: 'must be base64url',
  json_string: 'must be JSON',
};

/** For `safeParse(value, { error: issueWords })`: the reason of an issue for which the schema has no sentence of its own. */
export const issueWords: z.core.$ZodErrorMap = (issue) => sayIssue(issue);

function sayIssue(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return isMissing(issue.input) ? MISSING : sayType(issue.expected, issue.input);
    case 'invalid_value':
      return issue.input === undefined ? MISSING : sayValues(issue.values, issue.input);
    case 'too_big':
      return saySize(issue.origin, issue.exact ? 'exactly' : 'at most', issue.maximum);
    case 'too_small':
      return sayMinimum(issue);
    case 'invalid_format':
      return sayFormat(issue);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `has unknown fields: ${list(issue.keys)}`;
    case 'invalid_key':
      return 'has a name that is not allowed';
    case 'invalid_union':
      return issue.input === undefined ? MISSING : sayUnion(issue);
    default:
      return 'is not valid';
  }
}

/** A form's empty number becomes NaN. */
const isMissing = (input: unknown): boolean => input === undefined || Number.isNaN(input);

function sayType(expected: string, input: unknown): string {
  if (typeof input === 'number' && expected === 'number') return 'must be a finite number';
  const wanted = TYPES[expected];
  return wanted === undefined ? 'is not valid' : `must be ${wanted}`;
}

function sayValues(values: readonly z.core.util.Primitive[], input: unknown): string {
  const words = values.map(String);
  if (words.length === 1) return `must be ${words[0]}`;
  const near = typeof input === 'string' ? nearName(input, words) : null;
  const choice = `must be one of ${list(words)}`;
  return near === null ? choice : `is unknown; did you mean ${near}? It ${choice}`;
}

function list(words: readonly string[]): string {
  const shown = words.slice(0, MAX_WORDS).map((word) => word.slice(0, 60));
  return shown.join(', ') + (words.length > MAX_WORDS ? ', …' : '');
}

type Bound = 'at most' | 'at least' | 'exactly';

function saySize(origin: string, bound: Bound, size: number | bigint): string {
  if (origin === 'string') return `must have ${bound} ${size} ${size === 1 ? 'character' : 'characters'}`;
  if (['array', 'set', 'map', 'object'].includes(origin))
    return `must have ${bound} ${size} ${size === 1 ? 'item' : 'items'}`;
  return bound === 'exactly' ? `must be ${size}` : `must be ${bound} ${size}`;
}

function sayMinimum(issue: Extract<RawIssue, { code: 'too_small' }>): string {
  const { origin, minimum, exact, inclusive } = issue;
  if (minimum === 1 && !exact && ['string', 'array', 'set', 'map'].includes(origin))
    return 'must not be empty';
  if (inclusive === false) return `must be more than ${minimum}`;
  return saySize(origin, exact ? 'exactly' : 'at least', minimum);
}

function sayFormat(issue: Extract<RawIssue, { code: 'invalid_format' }>): string {
  const known = FORMATS[issue.format];
  if (known !== undefined) return known;
  const pattern = 'pattern' in issue && typeof issue.pattern === 'string' ? issue.pattern : '';
  return pattern === '' || pattern.length > MAX_PATTERN
    ? 'is not written as it must be'
    : `must match ${pattern}`;
}

/** Of the alternatives the one that comes closest: one that only asks for another kind of value tells least. */
function sayUnion(issue: Extract<RawIssue, { code: 'invalid_union' }>): string {
  const kinds = new Set<string>();
  for (const [first] of issue.errors) {
    if (first === undefined) continue;
    if (first.code !== 'invalid_type' || first.path.length > 0) {
      const where = first.path.map(String).join('.');
      return where === '' ? first.message : `has a field ${where} that ${first.message}`;
    }
    kinds.add(TYPES[first.expected] ?? 'something else');
  }
  return kinds.size === 0 ? 'is not valid' : `must be ${[...kinds].join(' or ')}`;
}
