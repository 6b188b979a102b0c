/** `application/x-www-form-urlencoded`, nested as PHP's http_build_query writes it: `a[b]=1&list[]=x&rows[0][id]=2`. */
import { UnreadableText } from './json.ts';

/** As PHP's max_input_vars. */
const MAX_FIELDS = 1_000;
const MAX_NAME_LENGTH = 200;
const MAX_DEPTH = 8;

type Branch = Map<string, Branch | string | string[]>;

/**
 * The fields of a form, each a text; the same name several times is a list. Takes linear time. Throws UnreadableText for
 * what is no UTF-8, has too many fields, or names one both as a text and as an object.
 */
export function parseFormFields(text: string): Record<string, unknown> {
  const root: Branch = new Map();
  let count = 0;
  for (let at = 0; at <= text.length; ) {
    const next = text.indexOf('&', at);
    const end = next < 0 ? text.length : next;
    if (end > at) {
      count++;
      if (count > MAX_FIELDS) throw new UnreadableText(`has more than ${MAX_FIELDS} fields`);
      add(root, text.slice(at, end));
    }
    at = end + 1;
  }
  return toObject(root);
}

function add(root: Branch, pair: string): void {
  const equals = pair.indexOf('=');
  const name = decode(equals < 0 ? pair : pair.slice(0, equals));
  const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
  const path = pathOf(name);
  const last = path.pop() ?? '';
  let branch = root;
  for (const part of path) branch = enter(branch, part, name);
  const key = last === '' && branch !== root ? String(branch.size) : last;
  const known = branch.get(key);
  if (known instanceof Map) throw ambiguous(name);
  if (Array.isArray(known)) known.push(value);
  else branch.set(key, known === undefined ? value : [known, value]);
}

function enter(branch: Branch, part: string, name: string): Branch {
  const key = part === '' ? String(branch.size) : part;
  const known = branch.get(key);
  if (known instanceof Map) return known;
  if (known !== undefined) throw ambiguous(name);
  const made: Branch = new Map();
  branch.set(key, made);
  return made;
}

/** `a[b][]` -> `a`, `b`, ``; what is not written so is a name as it is. */
function pathOf(name: string): string[] {
  if (name.length > MAX_NAME_LENGTH) throw new UnreadableText(`has a field whose name is too long`);
  const open = name.indexOf('[');
  if (open <= 0 || !name.endsWith(']')) return [name];
  const inner = name.slice(open + 1, -1).split('][');
  if (inner.some((part) => part.includes('[') || part.includes(']'))) return [name];
  if (inner.length > MAX_DEPTH)
    throw new UnreadableText(`has a field that is nested more than ${MAX_DEPTH} deep`);
  return [name.slice(0, open), ...inner];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new UnreadableText('has a field that is not UTF-8, percent-encoded');
  }
}

const isIndex = (key: string): boolean => /^\d{1,6}$/.test(key);

function toObject(branch: Branch): Record<string, unknown> {
  return Object.fromEntries([...branch].map(([key, value]) => [key, toValue(value)]));
}

function toValue(value: Branch | string | string[]): unknown {
  if (!(value instanceof Map)) return value;
  const isList = [...value.keys()].every(isIndex);
  return isList ? [...value.values()].map(toValue) : toObject(value);
}

function ambiguous(name: string): UnreadableText {
  return new UnreadableText(`names ${name.slice(0, 40)} both as a text and as an object`);
}
