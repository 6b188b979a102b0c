/** The names that older systems gave to the same field: folded here, at the edge, so nothing inside knows them. */
import { z } from 'zod';
import { kindOfBare } from '../utils/phone.ts';

/** The first name of each group is the one in the document. */
const GROUPS = [
  ['session', 'sessionId'],
  ['to', 'phoneNumber', 'number', 'phone'],
  ['text', 'message'],
] as const;
const NUMBERS = GROUPS[1];

/** Other names of a schema's fields. */
export interface Folding {
  /** the names that are folded away, each with the one that it becomes */
  targets: ReadonlyMap<string, string>;
  /** Whether a field may have this name, at the top. */
  knows(name: string): boolean;
  /** The input under the names that the schema declares. `fail` hears of a field that is given twice, differently. */
  fold(input: unknown, fail: (field: string, reason: string) => void): unknown;
}

/**
 * Folds aliases: a name that the schema does not declare becomes the one of the same group that it does (the first, if it
 * declares several).
 */
export function foldingOf(schema: z.ZodType): Folding {
  const declared = declaredNames(schema);
  const targets = new Map<string, string>();
  for (const group of GROUPS) {
    const target = group.find((name) => declared.has(name));
    if (target === undefined) continue;
    for (const name of group) if (!declared.has(name)) targets.set(name, target);
  }
  const knows = (name: string) => declared.has(name) || targets.has(name);
  if (targets.size === 0) return { targets, knows, fold: (input) => input };
  return { targets, knows, fold: (input, fail) => fold(input, targets, fail) };
}

/** What is left of `+62 812-3456-7890` then: 7 to 15 digits, grouped as people do. */
const PLUS_IS_LOST = /^ [1-9](?:[ ().-]{0,3}\d){6,14}$/;
/** Longer texts are no number. */
const MAX_GROUPED = 64;

/**
 * The fields of a query or of an urlencoded body, where a `+` that was not encoded as %2B arrives as a space:
 * `?to=+6281234567890`. What may be a number of `country` (ISO 3166 alpha-2) stays as it is, since people leave spaces before
 * numbers too. No plus is lost in other bodies: they must not come here. Throws TypeError for what is no country.
 */
export function withLostPlus(input: unknown, country: string): unknown {
  if (!isPlain(input)) return input;
  const lost = NUMBERS.filter((name) => hasLostPlus(input[name], country));
  if (lost.length === 0) return input;
  return { ...input, ...Object.fromEntries(lost.map((name) => [name, `+${String(input[name]).slice(1)}`])) };
}

function hasLostPlus(value: unknown, country: string): boolean {
  if (typeof value !== 'string' || value.length > MAX_GROUPED || !PLUS_IS_LOST.test(value)) return false;
  return kindOfBare(value, country) === 'international';
}

function fold(
  input: unknown,
  targets: Map<string, string>,
  fail: (field: string, reason: string) => void,
): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  if (!Object.keys(input).some((name) => targets.has(name))) return input;
  const fields = new Map<string, unknown>();
  const givenAs = new Map<string, string>();
  for (const [name, value] of Object.entries(input)) {
    const field = targets.get(name) ?? name;
    const other = givenAs.get(field);
    if (other !== undefined && JSON.stringify(fields.get(field)) !== JSON.stringify(value)) {
      fail(field, `is given as ${other} and as ${name}, with different values`);
    }
    fields.set(field, value);
    givenAs.set(field, name);
  }
  return Object.fromEntries(fields);
}

/** Every property that the schema may declare, through unions, intersections, pipes and wrappers. */
function declaredNames(schema: z.core.$ZodType): Set<string> {
  if (schema instanceof z.ZodObject) return new Set(Object.keys(schema.shape));
  const names = innerSchemas(schema).flatMap((inner) => [...declaredNames(inner)]);
  return new Set(names);
}

function innerSchemas(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodUnion) return schema.options;
  if (schema instanceof z.ZodIntersection) return [schema.def.left, schema.def.right];
  if (schema instanceof z.ZodPipe) return [schema.def.in, schema.def.out];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return [schema.def.innerType];
  }
  return [];
}

/** An answer names a session both ways: `sessionId`, and `session` as some clients read it. */
export function withBothNames(reply: Record<string, unknown>): Record<string, unknown> {
  const named = bothNames(reply);
  const data = named.data;
  if (Array.isArray(data))
    return { ...named, data: data.map((item) => (isPlain(item) ? bothNames(item) : item)) };
  return isPlain(data) ? { ...named, data: bothNames(data) } : named;
}

function bothNames(value: Record<string, unknown>): Record<string, unknown> {
  if (typeof value.sessionId === 'string' && value.session === undefined) {
    return { ...value, session: value.sessionId };
  }
  if (typeof value.session === 'string' && value.sessionId === undefined) {
    return { ...value, sessionId: value.session };
  }
  return value;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
