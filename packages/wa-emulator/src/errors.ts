/** What goes wrong in the emulator itself, kept apart from faults that were asked for and from clients that speak nonsense. */

const MAX_ERRORS = 100;

/** Something that the emulator should have done and could not. */
export interface OwnError {
  /** what it was about to do */
  doing: string;
  /** the error, with its stack */
  error: string;
  at: string;
}

/** The last ones, oldest first. */
export interface ErrorLog {
  note(doing: string, error: unknown): void;
  list(): OwnError[];
  reset(): void;
}

/** An empty log; `onError` is told each error as it is noted. */
export function createErrorLog(onError: (error: OwnError) => void = () => undefined): ErrorLog {
  let errors: OwnError[] = [];
  return {
    note(doing, error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const noted = { doing, error: text, at: new Date().toISOString() };
      errors = [...errors, noted].slice(-MAX_ERRORS);
      onError(noted);
    },
    list: () => [...errors],
    reset() {
      errors = [];
    },
  };
}
