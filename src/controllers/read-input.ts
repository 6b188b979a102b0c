/** Input from outside -> what a handler gets: names folded, lengths looked at, unknown names met, the schema run. */
import { z } from 'zod';
import { AppError } from '../utils/errors.ts';
import { fitterOf, type InputKind, isSpare, type Problem, type UnknownName } from '../utils/fit-input.ts';
import { issueWords, MISSING } from '../utils/issue-words.ts';
import { type Maybe, whenThere } from '../utils/maybe.ts';
import { misspeltName } from '../utils/near-name.ts';
import { refuseMisspelt } from '../utils/unknown-names.ts';
import { foldingOf } from './aliases.ts';

/** Reasons that one answer tells. */
const MAX_REASONS = 50;

/** What zod says of an input, and the names in it that mean nothing here. */
export type ReadResult = z.ZodSafeParseResult<unknown> & { ignored: readonly string[] };

export type InputReader = (input: unknown) => Maybe<ReadResult>;

export interface ReaderOptions {
  /** names that are ignored without a word */
  silent?: ReadonlySet<string> | undefined;
  /** the known names of which slips are refused; all when missing */
  strict?: ReadonlySet<string> | undefined;
}

/**
 * Reads inputs of a schema. A name that is nearly a known one is refused with VALIDATION_FAILED, at any depth, unless it holds
 * null or the known one is given as well; others are told and ignored.
 */
export function inputReader(
  schema: z.ZodType,
  kind: InputKind,
  { silent, strict }: ReaderOptions = {},
): InputReader {
  const { fold, targets } = foldingOf(schema);
  const toFitted = fitterOf(schema, kind);
  const parse = parserOf(schema);
  const isStrict = (meant: string) => strict?.has(targets.get(meant) ?? meant) !== false;
  const isSlight = ({ meant, isSpare: spare }: UnknownName) => spare || meant === null || !isStrict(meant);
  /** Names that are nothing here. Throws VALIDATION_FAILED. */
  const meet = (unknown: readonly UnknownName[], folded: unknown): readonly string[] =>
    refuseMisspelt(
      unknown
        .filter(({ path, name }) => path.length > 0 || silent?.has(name) !== true)
        .map((name) => (name.path.length > 0 ? name : amongAliases(name, Object(folded), targets)))
        .map((name) => ({ ...name, isSpare: isSlight(name) })),
    );
  return (input) => {
    const problems: Problem[] = [];
    const folded = fold(input, (field, message) => problems.push({ path: [field], message }));
    const fitted = toFitted(folded);
    const ignored = fitted.unknown.length === 0 ? NO_NAMES : meet(fitted.unknown, folded);
    problems.push(...fitted.problems);
    if (problems.length > 0) return { success: false, error: errorOf(problems), ignored };
    return whenThere(parse(fitted.value), (result) =>
      result.success
        ? { ...result, ignored }
        : { success: false, error: withWrittenNumbers(result.error, fitted.value), ignored },
    );
  };
}

const NO_NAMES: readonly string[] = [];

/** `z.coerce` makes NaN of a text that is no number as of nothing at all: only what was written tells that it is not missing. */
function withWrittenNumbers(error: z.ZodError, input: unknown): z.ZodError {
  const told = error.issues.map((issue) =>
    issue.message === MISSING && isWritten(input, issue.path)
      ? { ...issue, message: 'must be a number' }
      : issue,
  );
  return new z.ZodError(told);
}

/** Whether there is a text at that place of the input. */
function isWritten(input: unknown, path: readonly PropertyKey[]): boolean {
  let value = input;
  for (const name of path) value = Object(value)[name];
  return typeof value === 'string' && value.trim() !== '';
}

/** Runs the schema. zod compiles one that has nothing to wait for, but only for those who do not wait. */
function parserOf(schema: z.ZodType) {
  const words = { error: issueWords };
  let waits = false;
  return (input: unknown) => {
    if (waits) return schema.safeParseAsync(input, words);
    try {
      return schema.safeParse(input, words);
    } catch (error) {
      if (!(error instanceof z.core.$ZodAsyncError)) throw error;
      waits = true;
      return schema.safeParseAsync(input, words);
    }
  };
}

/** A name at the top, compared with the older names of fields as well. */
function amongAliases(
  unknown: UnknownName,
  input: object,
  targets: ReadonlyMap<string, string>,
): UnknownName {
  const { name, known } = unknown;
  const meant = misspeltName(name, [...known, ...targets.keys()]);
  const isLost = meant !== null && !isSpare(input, name, targets.get(meant) ?? meant);
  return { ...unknown, meant, isSpare: !isLost };
}

const errorOf = (problems: readonly Problem[]) =>
  new z.ZodError(problems.map(({ path, message }) => ({ code: 'custom', path, message, input: undefined })));

interface Reason {
  path: readonly PropertyKey[];
  message: string;
}

/** One reason a field. */
export function invalidInput(problems: readonly Reason[]): AppError {
  const reasons = new Map<string, string>();
  for (const { path, message } of problems) {
    if (reasons.size >= MAX_REASONS) break;
    const field = path.map(String).join('.') || 'body';
    if (!reasons.has(field)) reasons.set(field, message);
  }
  const fields = [...reasons.keys()].slice(0, 5).join(', ');
  return new AppError('VALIDATION_FAILED', `Not valid: ${fields}.`, {
    details: Object.fromEntries(reasons),
  });
}
