/** Names in an input that its schema does not declare: slips are refused, the rest is only named. */
import { AppError } from './errors.ts';
import type { UnknownName } from './fit-input.ts';

const MAX_SHOWN = 60;

/** A name as an answer may show it. */
export function shownName(name: string): string {
  return name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
}

/**
 * The names that mean nothing, to warn of. `at`: the path of the input in the request. Throws VALIDATION_FAILED for one that is
 * nearly a known name and whose value would be lost with it.
 */
export function refuseMisspelt(unknown: readonly UnknownName[], at: readonly PropertyKey[] = []): string[] {
  const misspelt: { name: string; meant: string }[] = [];
  const ignored: string[] = [];
  for (const { path, name, meant, isSpare } of unknown) {
    const place = shownName([...at, ...path, name].map(String).join('.'));
    if (meant === null || isSpare) ignored.push(place);
    else misspelt.push({ name: place, meant });
  }
  const [first] = misspelt;
  if (first === undefined) return ignored;
  throw new AppError('VALIDATION_FAILED', `Unknown field ${first.name}. Did you mean ${first.meant}?`, {
    details: Object.fromEntries(
      misspelt.map(({ name, meant }) => [name, `is unknown; did you mean ${meant}?`]),
    ),
    hint: `Write ${first.meant} instead of ${first.name}. Nothing was done.`,
  });
}
