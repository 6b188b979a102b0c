/** Input from outside -> what a handler gets: names folded, lengths looked at, unknown names met, the schema run. */
import type { z } from 'zod';
import { AppError } from '../utils/errors.ts';
import { fitterOf, type InputKind, type Problem } from '../utils/fit-input.ts';
import { issueWords } from '../utils/issue-words.ts';
import { refuseMisspelt } from '../utils/unknown-names.ts';
import { foldingOf } from './aliases.ts';

/** Reasons that one answer tells. */
const MAX_REASONS = 50;
const MAX_HINTED = 3;

/** `note` hears of names that mean nothing here, before anything is thrown. Throws VALIDATION_FAILED. */
export type InputReader = (input: unknown, note: (ignored: readonly string[]) => void) => Promise<unknown>;

/**
 * Reads inputs of a schema. A name that is nearly a known one is refused, at any depth; others are noted and ignored,
 * without a word those in `silent`.
 */
export function inputReader(
  schema: z.ZodType,
  kind: InputKind,
  silent: ReadonlySet<string> = new Set(),
): InputReader {
  const { fold, names: aliases } = foldingOf(schema, kind);
  const toFitted = fitterOf(schema, kind);
  return async (input, note) => {
    const problems: Problem[] = [];
    const folded = fold(input, (field, message) => problems.push({ path: [field], message }));
    const fitted = toFitted(folded);
    const unknown = fitted.unknown.filter(({ path, name }) => path.length > 0 || !silent.has(name));
    if (unknown.length > 0) note(refuseMisspelt(unknown, aliases));
    problems.push(...fitted.problems);
    if (problems.length > 0) throw invalid(problems);
    const result = await schema.safeParseAsync(fitted.value, { error: issueWords });
    if (!result.success) throw invalid(result.error.issues);
    return result.data;
  };
}

interface Reason {
  path: readonly PropertyKey[];
  message: string;
}

/** One reason a field. */
function invalid(problems: readonly Reason[]): AppError {
  const reasons = new Map<string, string>();
  for (const { path, message } of problems) {
    if (reasons.size >= MAX_REASONS) break;
    const field = path.map(String).join('.') || 'body';
    if (!reasons.has(field)) reasons.set(field, message);
  }
  const fields = [...reasons.keys()].slice(0, 5).join(', ');
  const told = [...reasons].slice(0, MAX_HINTED).map(([field, reason]) => `${field} ${reason}`);
  return new AppError('VALIDATION_FAILED', `Not valid: ${fields}.`, {
    details: Object.fromEntries(reasons),
    hint: `Correct this and send it again: ${told.join('; ')}.`,
  });
}
