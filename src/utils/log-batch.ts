/** Lines of the log that are written together: to what waits for them, and at the end of the process at once. */
import { appendFileSync, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EOL } from 'node:os';
import type winston from 'winston';

/** For so long lines are gathered: a write, for which the file's library works out the date, costs more than many lines. */
const GATHER_MS = 100;
/** So many are not waited for. */
const MAX_LINES = 200;
/** For so long the end of the process waits for a write that is under way. */
const LAST_WRITE_MS = 20;

/** The finished line of an entry, under the symbol that winston (triple-beam) keeps it by. */
const LINE = Symbol.for('message');
const LEVEL = Symbol.for('level');

interface Target {
  /** Writes now or soon; `settled` is to be called when nothing can be lost any more, or the write has failed. */
  write(text: string, settled: () => void): void;
  /**
   * Called at the end of the process: nothing that it leaves for later is done. `given`: what `write` was given, oldest first,
   * and has not settled.
   */
  writeLast(text: string, given: readonly string[]): void;
}

/** The lines of a moment, written together; an error, which may be the last one, at once. */
class Batch {
  static readonly #open = new Set<Batch>();
  readonly #target: Target;
  #lines: string[] = [];
  /** by the order in which they were given */
  readonly #given = new Map<symbol, string>();

  static {
    // Also after an exception that nobody caught.
    process.once('exit', () => {
      for (const batch of Batch.#open) batch.#target.writeLast(batch.#take(), [...batch.#given.values()]);
    });
  }

  constructor(target: Target) {
    this.#target = target;
  }

  add(level: string, line: string): void {
    const count = this.#lines.push(line);
    Batch.#open.add(this);
    if (level === 'error' || count >= MAX_LINES) this.flush();
    else if (count === 1) setTimeout(() => this.flush(), GATHER_MS);
  }

  flush(): void {
    if (this.#lines.length === 0) return;
    const text = this.#take();
    const key = Symbol();
    this.#given.set(key, text);
    this.#target.write(text, () => {
      this.#given.delete(key);
      if (this.#lines.length === 0 && this.#given.size === 0) Batch.#open.delete(this);
    });
  }

  #take(): string {
    const lines = this.#lines;
    if (lines.length === 0) return '';
    this.#lines = [];
    return `${lines.join(EOL)}${EOL}`;
  }
}

export interface LineWriter extends winston.transport {
  /** Writes a finished line, without its end, in turn with those that come from winston. */
  writeLine(level: string, line: string): void;
}

/** The transport, which hands its lines to `target` from now on: one call for many of them. */
export function batched(transport: winston.transport, target: Target): LineWriter {
  const batch = new Batch(target);
  const close = transport.close?.bind(transport);
  const writeLine = (level: string, line: string) => batch.add(level, line);
  return Object.assign(transport, {
    writeLine,
    log(entry: Record<symbol, unknown>, next: () => void): void {
      writeLine(String(entry[LEVEL]), String(entry[LINE]));
      next();
    },
    close(): void {
      batch.flush();
      close?.();
    },
  });
}

/**
 * Appends a text to a file, and before it those of `given` that are not there yet: of what a stream was given, its own buffer
 * is lost at the end of the process, and a write under way may be. One that takes longer than 20 ms may come in the
 * end too: better a line twice than a line lost. Throws nothing: on a full disk the console has the line.
 */
export function appendLast(path: string, mode: number, text: string, given: readonly string[]): void {
  try {
    const rest = given.slice(writtenOf(path, given)).join('');
    appendFileSync(path, `${rest}${text}`, { mode });
  } catch {
    // As told above.
  }
}

/** How many of the texts, which are written in their order, the file ends with. */
function writtenOf(path: string, given: readonly string[]): number {
  const whole = given.join('');
  if (whole === '') return 0;
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; ; waitedMs++) {
    const end = endOf(path, Buffer.byteLength(whole));
    let texts = whole;
    for (let count = given.length; count > 0; count--) {
      if (end.endsWith(texts)) return count;
      texts = texts.slice(0, -(given[count - 1]?.length ?? 0));
    }
    if (waitedMs >= LAST_WRITE_MS) return 0;
    Atomics.wait(never, 0, 0, 1);
  }
}

/** The last bytes of a file, as a text; empty when there is none. */
function endOf(path: string, bytes: number): string {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const { size } = fstatSync(file);
    const end = Buffer.alloc(Math.min(bytes, size));
    const read = readSync(file, end, 0, end.length, size - end.length);
    return end.toString('utf8', 0, read);
  } catch {
    return '';
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
